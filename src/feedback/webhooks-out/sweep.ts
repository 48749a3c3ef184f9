/** The cron's round: what no hint has reached, what is over, what is old. */
import { hint } from "./announce.ts";
import type { SweepDeps } from "./ports.ts";

/** A hint is on its way for this long before the cron gives another. */
export const OVERDUE_MS = 90_000;

/** A hint of the cron is on its way for this long: it may stand behind many others. */
export const AGAIN_MS = 5 * 60_000;

const DAY_MS = 24 * 3_600_000;

/** Attempts and payloads can be read, and replayed, for this long. */
export const KEPT_MS = 30 * DAY_MS;

/** An event that claims to be of a later time than this from now is forgotten as an old one is. */
const AHEAD_MS = 7 * DAY_MS;

/** One round. It never rejects: what one part cannot do does not stop the others. */
export async function sweepWebhooks(deps: SweepDeps): Promise<void> {
  const now = deps.now();
  const part = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      deps.log("webhook_sweep_failed", { part: name, reason: String(error) });
    }
  };
  await part("overdue", async () => {
    const hints = await deps.claimOverdue(now - OVERDUE_MS, now + AGAIN_MS);
    // They are due now, whatever their rows say so that the next round leaves them alone.
    await hint(
      hints.map((one) => ({ ...one, nextAt: now })),
      deps,
    );
  });
  await part("disabled", deps.settleDisabled);
  await part("prune", () => deps.prune(now - KEPT_MS, now + AHEAD_MS));
}
