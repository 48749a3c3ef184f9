/** The journey of one message, as `GET /emails/:id` tells it. */
import type { Client } from "./client.ts";

/** The welcome mail arrives within a second; a busy machine takes more, a paused stream waits. */
export const JOURNEY_LIMIT_MS = 10_000;
/** Short enough to look live, long enough to cost nothing. */
const POLL_MS = 50;

/** One entry of a timeline; `at` is ISO 8601. */
export interface Step {
  readonly type: string;
  readonly at: string;
}

/** Which kinds of step a message does not leave again by itself. */
const LAST = new Set([
  "delivered",
  "bounced",
  "suppressed",
  "failed",
  "expired",
  "cancelled",
  "unknown",
]);

/**
 * Polls until the message of one recipient has reached its last state, or until the limit.
 * @returns its timeline so far, oldest first, and whether it is complete.
 */
export async function follow(
  client: Client,
  id: string,
  limitMs: number,
): Promise<{ steps: Step[]; complete: boolean }> {
  const started = performance.now();
  for (;;) {
    const answer = await client.send("GET", `/emails/${id}`);
    const timeline = (answer.body as { timeline?: Step[] } | undefined)?.timeline ?? [];
    const steps = timeline.toSorted((a, b) => a.at.localeCompare(b.at));
    const complete = steps.some((step) => LAST.has(step.type));
    if (complete || performance.now() - started > limitMs) return { steps, complete };
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** One line per step: its name, its time of day, and the milliseconds since the first. */
export function formatJourney(steps: readonly Step[]): string {
  const first = Date.parse(steps[0]?.at ?? "");
  const width = Math.max(...steps.map((step) => step.type.length), 0);
  return steps
    .map(({ type, at }) => {
      const since = `+${Date.parse(at) - first} ms`;
      return `  ${type.padEnd(width)}  ${at.slice(11, 23)}  ${since.padStart(9)}`;
    })
    .join("\n");
}
