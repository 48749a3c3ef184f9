/**
 * Happenings -> tallies, which the journal counts; and what the counts make of the guard: read,
 * evaluate, write over the revision read. The webhook of an action goes out after that write, and
 * once more if nobody noted that it did.
 */
import { reportsComplaints } from "../core/complaint-sites.ts";
import type { Happening } from "../core/events.ts";
import {
  type GuardAction,
  type GuardWrite,
  readScope,
  type Standing,
  scopeKey,
  type Tally,
} from "../core/guard.ts";
import { MARK, marksOf } from "../core/marks.ts";
import {
  evaluate,
  type GuardPolicy,
  type GuardVerdict,
  isForgotten,
  lift,
  nextLook,
  ratesOf,
  UNGUARDED,
} from "../core/reputation.ts";
import { isMagic } from "../core/sandbox.ts";

/**
 * One tally per recipient of a batch that anything countable happened to: its marks united, the
 * keys of its scopes, and when it was accepted, or created where the batch does not say.
 *
 * A source is everybody's: only live mail counts for it, since test mail reaches sandboxes. A
 * bounce that a provider made of its own list is mail withheld, not an address found dead.
 *
 * @param isTest whether an account's scope is test state
 */
export function talliesOf(
  happenings: readonly Happening[],
  isTest: (account: string) => boolean,
): Tally[] {
  const tallies = new Map<string, Tally>();
  for (const one of happenings) {
    const marks = countable(one);
    // Who asks the sandbox for a bounce is rehearsing, and must not be stopped for it.
    if (marks === 0 || isMagic(one.address)) continue;
    const { account, messageId, no, envelope, address } = one;
    const key = `${account}/${messageId}/${no}`;
    const known = tallies.get(key);
    const { stream, fromDomain: domain, createdAt } = envelope;
    const isSend = one.ours && one.type === "sent";
    const at = Math.max(createdAt, known?.at ?? 0, isSend ? one.at : 0);
    const scopes = new Set(known?.scopes);
    scopes.add(scopeKey({ kind: "stream", account, stream, domain }));
    if (one.source !== "" && !isTest(account)) {
      scopes.add(scopeKey({ kind: "source", source: one.source }));
    }
    tallies.set(key, {
      account,
      messageId,
      no,
      marks: marks | (known?.marks ?? 0),
      at,
      scopes: [...scopes],
      reports: reportsComplaints(address.slice(address.lastIndexOf("@") + 1).toLowerCase()),
    });
  }
  return [...tallies.values()];
}

function countable({ type, bounce, ours }: Happening): number {
  // Whom we suppress ourselves was never sent to.
  if (type === "suppressed" && ours) return 0;
  const listed = bounce?.category === "provider_list";
  return marksOf(type, listed ? null : (bounce?.kind ?? null));
}

const NEGATIVE = MARK.hard | MARK.complained;

/** The scopes that a batch may have harmed: those for `assess`. */
export const harmedScopes = (tallies: readonly Tally[]): string[] => [
  ...new Set(tallies.filter((one) => (one.marks & NEGATIVE) !== 0).flatMap((one) => one.scopes)),
];

export interface GuardDeps {
  readonly now: () => number;
  /** The policy of a scope's key; its window is that of the counts. */
  readonly policyOf: (scope: string) => GuardPolicy;
  readonly standings: (scopes: readonly string[]) => Promise<Standing[]>;
  /** Scopes whose time to be looked at has come. */
  readonly due: () => Promise<Standing[]>;
  /** Answers the scopes whose move was the first to be made. */
  readonly write: (moves: readonly GuardWrite[]) => Promise<string[]>;
  /** Actions that are a minute old and more and have not been told of. */
  readonly untold: () => Promise<GuardAction[]>;
  /**
   * Puts the webhooks of actions on their way. It may be asked about an action twice, so their ids
   * come of `scope` and `rev`.
   */
  readonly tell: (actions: readonly GuardAction[]) => Promise<void>;
  readonly markTold: (actions: readonly GuardAction[]) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/**
 * Moves the scopes that are to be moved: for the journal's consumer, after its transaction, with
 * `harmedScopes`. One query, and one transaction only if something changes. Rejects when the
 * database fails, which loses nothing: the counts stand, and the next harm or the cron sees them.
 *
 * @returns the actions that this call was the first to make, already told of
 */
export async function assess(scopes: readonly string[], deps: GuardDeps): Promise<GuardAction[]> {
  if (scopes.length === 0) return [];
  return act(await deps.standings(scopes), deps);
}

/**
 * The cron's part: what time and good mail move (a pause's end, the end of a probation, an easing),
 * and webhooks that nobody noted as told. Never rejects.
 */
export async function patrol(deps: GuardDeps): Promise<GuardAction[]> {
  try {
    const untold = await deps.untold();
    if (untold.length > 0) await tell(untold, deps);
    return await act(await deps.due(), deps, true);
  } catch (error) {
    deps.log("guard_patrol_failed", { reason: String(error) });
    return [];
  }
}

/**
 * Ends the pauses among the scopes by hand: into probation, with a line in the log that says who.
 */
export async function liftPauses(
  standings: readonly Standing[],
  by: GuardAction["by"],
  deps: GuardDeps,
): Promise<GuardAction[]> {
  const now = deps.now();
  const moves = standings.flatMap((one) => {
    const verdict = lift(one.state ?? UNGUARDED, now);
    return verdict.move === null ? [] : [writeOf(one, verdict, by, deps)];
  });
  return perform(moves, deps);
}

async function act(
  standings: readonly Standing[],
  deps: GuardDeps,
  isDue = false,
): Promise<GuardAction[]> {
  const now = deps.now();
  const moves = standings.flatMap((one): GuardWrite[] => {
    const before = one.state ?? UNGUARDED;
    const verdict = evaluate(before, one.counts, deps.policyOf(one.scope), now);
    if (verdict.move !== null || (isDue && one.state !== null)) {
      return [writeOf(one, verdict, "guard", deps)];
    }
    return [];
  });
  return perform(moves, deps);
}

function writeOf(
  { scope, rev: prev, state: before, counts }: Standing,
  { state, move }: GuardVerdict,
  by: GuardAction["by"],
  deps: GuardDeps,
): GuardWrite {
  const now = deps.now();
  // By the clock, so that a scope that is forgotten and comes back never uses a revision twice.
  const rev = Math.max(prev + 1, now);
  const due = nextLook(state, now);
  if (move === null) {
    return { scope, prev, rev, state: isForgotten(state, now) ? null : state, due, action: null };
  }
  const rates = ratesOf(counts, deps.policyOf(scope));
  const action: GuardAction = {
    scope,
    rev,
    kind: move,
    at: now,
    from: before?.level ?? "normal",
    to: state.level,
    // What was let go of is named by what it was for.
    cause: state.cause ?? before?.cause ?? null,
    bounceRate: rates.bounces,
    complaintRate: rates.complaints,
    sent: counts.sent,
    hard: counts.hard,
    complained: counts.complained,
    until: state.until,
    by,
  };
  return { scope, prev, rev, state, due, action };
}

async function perform(moves: readonly GuardWrite[], deps: GuardDeps): Promise<GuardAction[]> {
  if (moves.length === 0) return [];
  const won = new Set(await deps.write(moves));
  const made = moves.flatMap(({ scope, action }) =>
    action !== null && won.has(scope) ? [action] : [],
  );
  for (const { scope, kind, to, cause } of made) {
    deps.log("guard_moved", { ...named(scope), kind, to, cause: cause ?? "" });
  }
  if (made.length > 0) await tell(made, deps);
  return made;
}

/** What a log may say of a scope. */
function named(key: string): Record<string, string> {
  const scope = readScope(key);
  if (scope === null) return {};
  if (scope.kind === "source") return { source: scope.source };
  return { account: scope.account, stream: scope.stream, domain: scope.domain };
}

/** What cannot be told now is found again by the patrol. */
async function tell(actions: readonly GuardAction[], deps: GuardDeps): Promise<void> {
  try {
    await deps.tell(actions);
    await deps.markTold(actions);
  } catch (error) {
    deps.log("guard_not_told", { reason: String(error), count: actions.length });
  }
}
