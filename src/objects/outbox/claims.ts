/**
 * What may be sent now, and the leases under which it is. A call of several to a provider that
 * recognises repeats is remembered with its members: what became of it can only be learnt by
 * repeating the identical call, so its open members are offered and claimed together or not at all.
 */
import type { BatchGroup, Claimed, ClaimRequest, Pack, Peeked } from "../../core/custody.ts";
import * as unit from "../../core/unit.ts";
import type { Entry } from "./book.ts";
import type { OutboxState } from "./state.ts";

/** Reads and re-checks what a pack points to; writes nothing unless something has expired. */
export function peek(
  state: OutboxState,
  pack: Pick<Pack, "ids" | "generation">,
  now: number,
): Peeked[] {
  const peeked = new Map<string, Peeked>();
  const add = (entry: Entry): void => {
    const row = state.table.headed(entry.id);
    if (row === null) return;
    state.book.inHand(entry, now);
    const { frozen, failures, onUnknown } = row.record;
    peeked.set(entry.id, {
      id: entry.id,
      head: row.head,
      numbers: frozen?.recipients ?? unit.outstanding(row.record),
      frozenSource: frozen?.attempt.source ?? null,
      batch: frozen?.attempt.batch || null,
      fresh: frozen === null && failures === 0,
      onUnknown,
    });
  };
  for (const id of pack.ids) {
    const entry = peeked.has(id) ? null : state.ready(id, now);
    if (entry === null || entry.generation !== pack.generation) continue;
    const record = state.table.record(id);
    const key = record?.frozen?.attempt.batch ?? "";
    if (record === null || key === "") {
      add(entry);
      continue;
    }
    const together = membersOf(state, key, now);
    if (entry.phase !== "waiting") continue;
    if (together.kind === "broken") {
      state.write(entry, record, unit.hold(record, now, "batch_incomplete", {}), now);
    } else if (together.kind === "busy") {
      state.book.defer(entry, together.until, now);
    } else {
      for (const one of together.members) if (one.phase === "waiting") add(one);
    }
  }
  return [...peeked.values()];
}

/** Starts attempts under a lease; answers those that may be sent now, with a token each. */
export function claim(
  state: OutboxState,
  requests: readonly ClaimRequest[],
  now: number,
): Claimed[] {
  const byKey = Map.groupBy(requests, ({ attempt }) => {
    const group: BatchGroup | null = attempt?.group ?? null;
    return group !== null && "key" in group ? group.key : null;
  });
  const claimed = claimFirst(state, byKey.get(null) ?? [], now);
  for (const [key, mine] of byKey) {
    if (key !== null) claimed.push(...claimAgain(state, key, mine, now));
  }
  return claimed;
}

interface Prepared {
  readonly request: ClaimRequest;
  readonly entry: Entry;
  readonly before: unit.UnitRecord;
  readonly record: unit.UnitRecord;
}

function claimFirst(state: OutboxState, requests: readonly ClaimRequest[], now: number): Claimed[] {
  const prepared = requests.flatMap((request): Prepared[] => {
    const entry = state.ready(request.id, now);
    const before = entry === null ? null : state.table.record(entry.id);
    if (entry === null || before === null) return [];
    let record = unit.lapse(before, now, state.deps.random());
    if (record.phase === "waiting" && request.suppressed.length > 0 && record.frozen === null) {
      record = unit.suppress(record, request.suppressed, now);
    }
    return [{ request, entry, before, record }];
  });
  const starting = prepared.filter(
    ({ request, record }) => record.phase === "waiting" && isAsOffered(request, record),
  );
  const isStarting = new Set(starting);
  const keys = keysOf(state, starting);
  const claimed: Claimed[] = [];
  for (const one of prepared) {
    const { request, entry, before, record } = one;
    if (!isStarting.has(one)) {
      state.write(entry, before, record, now);
      continue;
    }
    const key = keys.get(labelOf(request)) ?? null;
    const made = start(state, entry, before, record, request, key, now);
    if (made !== null) claimed.push(made);
  }
  return claimed;
}

/**
 * Whether the attempt may be made of the unit as it is: after an unknown, which may have come since
 * it was offered, only the same one is.
 */
function isAsOffered({ attempt }: ClaimRequest, { frozen }: unit.UnitRecord): boolean {
  if (attempt === null || frozen === null) return attempt !== null;
  const { source, batch } = frozen.attempt;
  return batch === "" && attempt.group === null && attempt.source === source;
}

const labelOf = (request: ClaimRequest): number | null => {
  const group: BatchGroup | null = request.attempt?.group ?? null;
  return group !== null && "label" in group ? group.label : null;
};

/** A key for each new call of two or more; those that a repeat is recognised by are remembered. */
function keysOf(state: OutboxState, starting: readonly Prepared[]): Map<number | null, string> {
  const keys = new Map<number | null, string>();
  for (const [label, group] of Map.groupBy(starting, ({ request }) => labelOf(request))) {
    if (label === null || group.length < 2) continue;
    const key = state.deps.token();
    keys.set(label, key);
    if (group.every(({ request }) => (request.attempt?.deduplicatesForMs ?? 0) > 0)) {
      state.rememberBatch(
        key,
        group.map(({ entry }) => entry.id),
      );
    }
  }
  return keys;
}

/** Claims one unit; null if its content is gone. */
function start(
  state: OutboxState,
  entry: Entry,
  before: unit.UnitRecord,
  record: unit.UnitRecord,
  { attempt }: ClaimRequest,
  batch: string | null,
  now: number,
): Claimed | null {
  const content = state.table.content(entry.id);
  if (attempt === null || content === null) return null;
  const { source, deduplicatesForMs } = attempt;
  const token = state.deps.token();
  const leaseUntil = now + state.deps.leaseMs;
  const bound = deduplicatesForMs > 0 ? (batch ?? "") : "";
  const made = { token, source, deduplicatesForMs, startedAt: now, batch: bound };
  const next = unit.claim(record, made, leaseUntil);
  state.write(entry, before, next, now);
  return {
    id: entry.id,
    token,
    attempt: next.attempts,
    leaseUntil,
    numbers: next.frozen?.recipients ?? unit.outstanding(next),
    content,
    batch,
    unknownSince: next.frozen?.attempt.startedAt ?? null,
  };
}

/** All open members of a remembered call, and the bytes of those that are settled; or nothing. */
function claimAgain(
  state: OutboxState,
  key: string,
  requests: readonly ClaimRequest[],
  now: number,
): Claimed[] {
  if (!requests.some(({ id }) => state.ready(id, now) !== null)) return [];
  const together = membersOf(state, key, now);
  if (together.kind !== "ready") return [];
  const byId = new Map(requests.map((one) => [one.id, one]));
  const { members } = together;
  if (members.some((one) => one.phase === "waiting" && !byId.has(one.id))) return [];
  return members.flatMap((entry) => {
    const row = state.table.headed(entry.id);
    const content = state.table.content(entry.id);
    if (row === null || content === null) return [];
    const { record } = row;
    const request = byId.get(entry.id);
    if (entry.phase === "waiting" && request !== undefined) {
      return start(state, entry, record, record, request, key, now) ?? [];
    }
    const { attempts, frozen } = record;
    const numbers = frozen?.recipients ?? [];
    const base = { id: entry.id, token: "", head: row.head, attempt: attempts, numbers, content };
    return [{ ...base, leaseUntil: now + state.deps.leaseMs, batch: key, unknownSince: null }];
  });
}

type Together =
  | { readonly kind: "ready"; readonly members: readonly Entry[] }
  | { readonly kind: "busy"; readonly until: number }
  /** A member is gone, free or not to be repeated: the identical call cannot be made any more. */
  | { readonly kind: "broken" };

/** The members of a remembered call in its order, if it can be repeated as it was. */
function membersOf(state: OutboxState, key: string, now: number): Together {
  const members: Entry[] = [];
  let until = 0;
  let isBroken = false;
  for (const id of state.batches.get(key) ?? []) {
    const entry = state.book.entries.get(id);
    if (entry === undefined) return { kind: "broken" };
    // What has expired or is not recognised any more is held from here on, and not repeated.
    if (entry.phase === "waiting") state.lapse(entry, now);
    if (entry.phase === "claimed") until = Math.max(until, entry.due);
    // One that was certainly not taken may go by itself: in a repeat it could be taken twice.
    else isBroken ||= state.table.record(id)?.frozen?.attempt.batch !== key;
    isBroken ||= entry.phase === "held";
    members.push(entry);
  }
  if (isBroken || members.length === 0) return { kind: "broken" };
  return until > 0 ? { kind: "busy", until } : { kind: "ready", members };
}
