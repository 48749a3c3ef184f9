/** The cron's work: one step after another, and none keeps the next from its turn. */

/** Runs each step in turn; what rejects is a line in the log. Never rejects. */
export async function rounds(
  steps: Readonly<Record<string, () => Promise<unknown>>>,
  log: (event: string, fields: Record<string, string | number>) => void,
): Promise<void> {
  for (const [step, run] of Object.entries(steps)) {
    try {
      await run();
    } catch (error) {
      log("cron_step_failed", { step, reason: String(error) });
    }
  }
}
