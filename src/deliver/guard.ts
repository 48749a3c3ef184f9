/**
 * What the reputation guard means for mail that is about to leave: broadcasts of a paused scope
 * wait in their Outbox, everything else of a scope that is not free goes at a slow rate, which the
 * Source keeps. A message answers for two scopes, its stream and sender domain, and its source.
 * Mail is not sent by another source of the pool instead: that would only spread the damage.
 */
import { type Guarded, scopeKey } from "../core/guard.ts";
import type { SlowRate } from "../core/pace.ts";
import type { Planned } from "./plan.ts";
import type { LaneDeps } from "./ports.ts";

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
