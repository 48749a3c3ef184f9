/**
 * From a lane's batch to what may start now: peek, suppress, route, offer. What may not start
 * stays in its Outbox with a time.
 */
import {
  type ClaimRequest,
  type Head,
  type Pack,
  type Peeked,
  type ShardRef,
  type SuppressedRecipient,
  shardName,
} from "../core/custody.ts";
import type { Grant, OfferItem, SlowRate } from "../core/pace.ts";
import { type Call, callsOf, isRepeat, offerOf, offerOfAll } from "./calls.ts";
import { restraint } from "./guard.ts";
import type { LaneDeps } from "./ports.ts";
import { type Asked, DATABASE_REST_MS, refusals, suppression } from "./suppression.ts";

/** A message that has leave to be sent, or nobody left to be sent to. */
export interface Planned {
  readonly ref: ShardRef;
  readonly id: string;
  readonly head: Head;
  readonly peeked: Peeked;
  /** Recipients per domain. */
  readonly sites: Readonly<Record<string, number>>;
  readonly request: ClaimRequest;
  readonly source: string | null;
  /** The rates to which the reputation guard has slowed it; none when it is free. */
  readonly slow: readonly SlowRate[];
  /** What its grant took of the source; null without one. */
  readonly taken: OfferItem | null;
}

interface Candidate {
  readonly ref: ShardRef;
  readonly peeked: Peeked;
  readonly head: Head;
}

/** Mail whose pool has no usable source is looked at again this often, until it expires. */
const NO_SOURCE_WAIT_MS = 30_000;

/** A Source that cannot be asked is asked again after this long. */
const NO_ANSWER_WAIT_MS = 1_000;

export interface Plan {
  readonly granted: readonly Call[];
  /** Packs whose Outbox could not be asked: for the queue to bring again. */
  readonly unread: readonly Pack[];
}

/**
 * Reads what the packs point to and decides. Never rejects: an Outbox or a Source that does not
 * answer holds up nobody's mail but its own.
 */
export async function plan(packs: readonly Pack[], deps: LaneDeps): Promise<Plan> {
  const unread: Pack[] = [];
  const candidates = await Promise.all(
    packs.map((pack) =>
      peek(pack, deps).catch((error: unknown) => {
        deps.log("peek_failed", { reason: String(error) });
        unread.push(pack);
        return [];
      }),
    ),
  );
  // A queue may bring a pack twice in one batch: each message counts once.
  const once = new Map(
    candidates.flat().map((one) => [`${shardName(one.ref)}/${one.peeked.id}`, one]),
  );
  return { granted: await decide([...once.values()], deps), unread };
}

async function decide(candidates: readonly Candidate[], deps: LaneDeps): Promise<Call[]> {
  if (candidates.length === 0) return [];
  const [known, guarded] = await Promise.all([
    suppression(candidates.map(askedOf), deps),
    deps.guarded(),
  ]);
  const waits: { ref: ShardRef; id: string; notBefore: number }[] = [];
  const routed: Planned[] = [];
  for (const candidate of candidates) {
    const { ref, peeked, head } = candidate;
    const wait = (ms: number) => waits.push({ ref, id: peeked.id, notBefore: deps.now() + ms });
    const { rows, sure } = known.get(ref.account) ?? { rows: [], sure: false };
    if (!sure && head.envelope.lane === "broadcast") {
      wait(DATABASE_REST_MS);
      continue;
    }
    const planned = route(candidate, rows, deps);
    if (planned === null) {
      wait(NO_SOURCE_WAIT_MS);
      continue;
    }
    const { waitMs, slow } = restraint(planned, guarded, deps);
    if (waitMs === null) routed.push({ ...planned, slow });
    else wait(waitMs);
  }
  const granted = await offer(callsOf(routed, deps.provider), waits, deps);
  await defer(waits, deps);
  return granted;
}

const askedOf = ({ ref, peeked, head }: Candidate): Asked => ({
  account: ref.account,
  lane: head.envelope.lane,
  hashes: peeked.numbers.map((no) => head.addressees[no]?.hash ?? ""),
});

async function peek(pack: Pack, deps: LaneDeps): Promise<Candidate[]> {
  const ref = { account: pack.account, shard: pack.shard };
  const peeked = await deps.outbox(ref).peek({ ids: pack.ids, generation: pack.generation });
  return peeked.map((one) => ({ ref, peeked: one, head: JSON.parse(one.head) as Head }));
}

function route(
  { ref, peeked, head }: Candidate,
  suppressed: readonly SuppressedRecipient[],
  deps: LaneDeps,
): Planned | null {
  const { stream } = head.envelope;
  const refused = peeked.frozenSource !== null ? [] : refusals(peeked, head, suppressed);
  const gone = new Set(refused.map((one) => one.no));
  const numbers = peeked.numbers.filter((no) => !gone.has(no));
  const sites: Record<string, number> = {};
  for (const no of numbers) {
    const site = head.addressees[no]?.domain ?? "";
    sites[site] = (sites[site] ?? 0) + 1;
  }
  const planned = { ref, id: peeked.id, head, peeked, sites, slow: [], taken: null };
  if (numbers.length === 0) {
    return {
      ...planned,
      source: null,
      request: { id: peeked.id, suppressed: refused, attempt: null },
    };
  }
  const usable = peeked.frozenSource ?? deps.sourcesFor(ref.account, stream)[0];
  const provider = usable === undefined ? null : deps.provider(usable);
  if (usable === undefined || provider === null) return null;
  const { deduplicatesForMs } = provider.capabilities;
  const attempt = { source: usable, deduplicatesForMs, group: null };
  return { ...planned, source: usable, request: { id: peeked.id, suppressed: refused, attempt } };
}

/** Asks each source once; adds to `waits` what is not granted and returns the rest. */
async function offer(
  calls: readonly Call[],
  waits: { ref: ShardRef; id: string; notBefore: number }[],
  deps: LaneDeps,
): Promise<Call[]> {
  const bySource = Map.groupBy(calls, (call) => call[0]?.source ?? null);
  const answers = [...bySource].map(async ([source, mine]) => {
    if (source === null) return mine;
    // A repeated call has leave as a whole; a new one is those of its members that have.
    const parts = mine.flatMap((call) =>
      isRepeat(call)
        ? [{ call, members: call, item: offerOfAll(call) }]
        : call.map((one) => ({ call, members: [one], item: offerOf(one, call) })),
    );
    const asked = deps.source(source).offer(parts.map(({ item }) => item));
    const grants = await asked.catch((error: unknown): Grant[] => {
      deps.log("offer_failed", { reason: String(error), source });
      const notBefore = deps.now() + NO_ANSWER_WAIT_MS;
      return parts.map(() => ({ granted: false, notBefore }));
    });
    const leaving = parts.filter(({ members }, index) => {
      const grant = grants[index];
      if (grant?.granted === true) return true;
      const notBefore = grant?.notBefore ?? deps.now();
      waits.push(...members.map(({ ref, id }) => ({ ref, id, notBefore })));
      return false;
    });
    const byCall = Map.groupBy(leaving, ({ call }) => call);
    return [...byCall].map(([call, left]) =>
      left.flatMap(({ members }) => members.map((one) => ({ ...one, taken: offerOf(one, call) }))),
    );
  });
  return (await Promise.all(answers)).flat();
}

/** Tells the Outboxes what waits, and until when; one that is not told packs it again by itself. */
export async function defer(
  waits: readonly { ref: ShardRef; id: string; notBefore: number }[],
  deps: LaneDeps,
): Promise<void> {
  const byShard = Map.groupBy(waits, (one) => shardName(one.ref));
  await Promise.all(
    [...byShard.values()].map(async (group) => {
      const ref = group[0]?.ref;
      if (ref === undefined) return;
      const told = deps.outbox(ref).defer(group.map(({ id, notBefore }) => ({ id, notBefore })));
      await told.catch((error: unknown) => deps.log("defer_failed", { reason: String(error) }));
    }),
  );
}
