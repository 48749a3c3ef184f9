/**
 * Dead letters: a dead pack costs nothing (the Outbox still has the message and packs it again), a
 * dead journal message or a provider's event is kept and put back on its queue by the cron.
 */
import type { JournalMessage } from "./ports.ts";

export interface DeadDeps {
  readonly keepDead: (body: unknown) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** Storage that refuses a dead letter is asked again after this long. */
const RETRY_DELAY_S = 60;

/** Handles one batch of the dead-letter queue; every message is acked or retried. */
export async function consumeDead(
  messages: readonly JournalMessage[],
  deps: DeadDeps,
): Promise<void> {
  for (const message of messages) {
    const body = message.body as { kind?: unknown; type?: unknown } | null;
    try {
      const kind = body?.kind ?? (body?.type === undefined ? "pack" : "event");
      if (kind !== "pack") await deps.keepDead(message.body);
      deps.log("dead_letter", { kind: String(kind) });
      message.ack();
    } catch (error) {
      deps.log("dead_letter_not_kept", { reason: String(error) });
      message.retry({ delaySeconds: RETRY_DELAY_S });
    }
  }
}

export interface RedriveDeps {
  /** Up to `limit` kept dead letters. */
  readonly dead: (
    limit: number,
  ) => Promise<readonly { readonly key: string; readonly body: unknown }[]>;
  readonly journal: (body: unknown) => Promise<void>;
  readonly forget: (key: string) => Promise<void>;
}

/** Dead letters put back in one cron run: each costs a read, a send and a delete. */
export const REDRIVE_MAX = 50;

/**
 * Puts kept dead letters back on the journal. One that is put back twice is recorded twice, which
 * changes nothing: it is forgotten only after it was put back.
 *
 * @returns how many were put back
 */
export async function redrive(deps: RedriveDeps): Promise<number> {
  const letters = await deps.dead(REDRIVE_MAX);
  for (const { key, body } of letters) {
    await deps.journal(body);
    await deps.forget(key);
  }
  return letters.length;
}
