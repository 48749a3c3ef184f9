/**
 * The consumer of a provider that reports through a queue instead of by HTTP: what a batch says
 * goes on to the journal together. It never throws: every message is acked or retried.
 */
import { type Backoff, backoffMs } from "../core/backoff.ts";
import type { JournalBody } from "../core/custody.ts";
import type { HookReading } from "../providers/hooks.ts";
import { classify } from "./classify.ts";
import type { JournalMessage } from "./ports.ts";
import { journalOf } from "./report.ts";

/** A journal that takes nothing is asked again soon at first, then every five minutes. */
const OUTAGE_BACKOFF: Backoff = { firstMs: 2_000, maxMs: 300_000 };

/** What a message of the queue says, and of which sources. */
export interface QueueReading extends Pick<HookReading, "events" | "unknown"> {
  /** One, or each that it may be of when nobody can say: only one of them has sent the mail. */
  readonly sources: readonly string[];
}

export interface EventQueueDeps {
  readonly now: () => number;
  readonly read: (body: unknown) => QueueReading;
  /** Puts all of them on the journal, or rejects. Some may be there all the same. */
  readonly journal: (bodies: readonly JournalBody[]) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** Handles one batch of the queue; every message is acked or retried. */
export async function consumeEvents(
  messages: readonly JournalMessage[],
  deps: EventQueueDeps,
): Promise<void> {
  const bySource = new Map<
    string,
    { events: HookReading["events"][number][]; unknown: Unknown[] }
  >();
  const read: JournalMessage[] = [];
  for (const message of messages) {
    const reading = readingOf(message, deps);
    if (reading === null) continue;
    read.push(message);
    for (const source of reading.sources) {
      const group = bySource.get(source) ?? { events: [], unknown: [] };
      bySource.set(source, group);
      group.events.push(...reading.events);
      group.unknown.push(...reading.unknown);
    }
  }
  try {
    const now = deps.now();
    const bodies = [...bySource].flatMap(([source, all]) => journalOf(all, source, now, classify));
    if (bodies.length > 0) await deps.journal(bodies);
    for (const message of read) message.ack();
  } catch (error) {
    // Those that are on the journal already are there twice, which changes nothing.
    deps.log("events_not_journaled", { reason: String(error), messages: read.length });
    for (const message of read) later(message, deps);
  }
}

type Unknown = HookReading["unknown"][number];

/** Null when it cannot be read, which is a bug: it comes again, and then is a dead letter. */
function readingOf(message: JournalMessage, deps: EventQueueDeps): QueueReading | null {
  try {
    return deps.read(message.body);
  } catch (error) {
    deps.log("event_not_read", { reason: String(error) });
    later(message, deps);
    return null;
  }
}

function later(message: JournalMessage, deps: EventQueueDeps): void {
  const spread = (deps.now() % 1_000) / 1_000;
  const waitMs = backoffMs(OUTAGE_BACKOFF, message.attempts, spread);
  message.retry({ delaySeconds: Math.ceil(waitMs / 1_000) });
}
