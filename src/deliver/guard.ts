/**
 * What the reputation guard means for mail that is about to leave: broadcasts of a paused scope wait
 * in their Outbox, everything else of a scope that is not free goes at a slow rate, which the Source
 * keeps. A message answers for two scopes, its stream and sender domain, and its source. Mail is not
 * sent by another source of the pool instead: that would only spread the damage.
 */
import { type Restricted, scopeKey } from "../core/guard.ts";
import type { SlowRate } from "../core/pace.ts";
import type { Planned } from "./plan.ts";
import type { LaneDeps } from "./ports.ts";

/** Who is not free to send, by scope. */
export type Guarded = ReadonlyMap<string, Restricted>;

/** An isolate reads the guard again after this long: that long a pause may take to be seen. */
export const GUARD_FRESH_MS = 10_000;

/**
 * Mail of a paused scope is looked at again after this long at the latest, so that a pause that is
 * ended by hand is over for waiting mail too; more often would cost a queue message each time.
 */
export const PAUSED_WAIT_MAX_MS = 15 * 60_000;

/** What holds a message up: a wait in ms, or the rates it has to share; neither when it is free. */
export interface Restraint {
  readonly waitMs: number | null;
  readonly slow: readonly SlowRate[];
}

const FREE: Restraint = { waitMs: null, slow: [] };

/**
 * What holds up one planned message. The repeat of an ambiguous attempt is free: it has a window to
 * be recognised in, and may have left already.
 */
export function restraint(
  { ref, head, peeked, source }: Pick<Planned, "ref" | "head" | "peeked" | "source">,
  guarded: Guarded,
  deps: Pick<LaneDeps, "now" | "slowPerMinute">,
): Restraint {
  if (source === null || peeked.frozenSource !== null || guarded.size === 0) return FREE;
  const { stream, fromDomain, lane } = head.envelope;
  const scopes = [
    scopeKey({ kind: "stream", account: ref.account, stream, domain: fromDomain }),
    scopeKey({ kind: "source", source }),
  ];
  const found = scopes.flatMap((scope) => guarded.get(scope) ?? []);
  if (found.length === 0) return FREE;
  const now = deps.now();
  // A pause that is over is a probation, whether or not the cron has come by to say so.
  const ends = found.flatMap(({ level, until }) => (level === "paused" ? until : []));
  const end = Math.max(0, ...ends);
  if (lane === "broadcast" && end > now) {
    return { waitMs: Math.min(end - now, PAUSED_WAIT_MAX_MS), slow: [] };
  }
  // Each lane has its own: broadcasts never use up what transactional mail is left.
  const perMinute = deps.slowPerMinute[lane];
  return {
    waitMs: null,
    slow: found.map(({ scope }) => ({ key: `${lane} ${scope}`, perMinute })),
  };
}

export interface GuardReaderDeps {
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** One query; may reject. */
  readonly read: () => Promise<readonly Restricted[]>;
  /** How long mail waits for it. */
  readonly limitMs: number;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/**
 * The guard as one isolate knows it: read once in `GUARD_FRESH_MS`, however many ask meanwhile.
 * Without an answer in time the last one holds, and before the first nobody is held up: mail does
 * not depend on a database. The function never rejects. Only values are kept: a promise belongs to
 * the request that made it.
 */
export function createGuardReader(deps: GuardReaderDeps): () => Promise<Guarded> {
  let last: Guarded | null = null;
  let nextAt = 0;

  const read = async (): Promise<void> => {
    try {
      last = new Map((await deps.read()).map((row) => [row.scope, row]));
    } catch (error) {
      deps.log("guard_unavailable", { reason: String(error) });
    }
  };

  return async () => {
    // Whoever comes before anything is known asks too, rather than to go by nothing.
    if (deps.now() >= nextAt || last === null) {
      nextAt = deps.now() + GUARD_FRESH_MS;
      // An answer that is late is for those who come later.
      await Promise.race([read(), deps.sleep(deps.limitMs)]);
      last ??= new Map();
    }
    return last;
  };
}
