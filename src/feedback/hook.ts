/**
 * A provider's webhook, proved -> read -> on the journal, before it is answered: what the journal
 * has is not lost, and all the work is done from there.
 */
import type { JournalBody } from "../core/custody.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { HookReading, HookRefusal, HookRequest } from "../providers/hooks.ts";
import { classify } from "./classify.ts";
import { journalOf } from "./report.ts";

/** One source's webhook, as configured. */
export interface HookSource {
  readonly bytesMax: number;
  readonly receive: (request: HookRequest) => Promise<Result<HookReading, HookRefusal>>;
  /** The status that stops the provider's repeats of what never becomes right; 400 for most. */
  readonly stopStatus: number;
}

export interface HookDeps {
  readonly now: () => number;
  /** Puts all of it on the journal, in as few writes as the queue allows. */
  readonly journal: (bodies: readonly JournalBody[]) => Promise<void>;
  /** Fetches the URL that completes a subscription. */
  readonly confirm: (url: string) => Promise<boolean>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** What was taken over. */
export interface HookTaken {
  readonly events: number;
  readonly unknown: number;
}

/** Takes one request over. A refused one leaves nothing behind but a line in the log. */
export async function takeHook(
  name: string,
  source: HookSource,
  request: HookRequest,
  deps: HookDeps,
): Promise<Result<HookTaken, HookRefusal>> {
  const reading = await source.receive(request);
  if (!reading.ok) {
    deps.log("hook_refused", { source: name, reason: reading.error.reason });
    return reading;
  }
  const { events, unknown, confirm } = reading.value;
  const bodies = journalOf(reading.value, name, deps.now(), classify);
  try {
    if (bodies.length > 0) await deps.journal(bodies);
  } catch (error) {
    deps.log("hook_not_journaled", { source: name, reason: String(error) });
    return err({ reason: "unavailable", text: "events cannot be taken at the moment" });
  }
  if (confirm !== undefined && !(await confirmed(name, confirm, deps))) {
    return err({ reason: "unavailable", text: "the subscription could not be confirmed" });
  }
  return ok({ events: events.length, unknown: unknown.length });
}

async function confirmed(name: string, url: string, deps: HookDeps): Promise<boolean> {
  try {
    return await deps.confirm(url);
  } catch (error) {
    // Only the error's kind: its text may quote the URL, which has a token.
    const reason = error instanceof Error ? error.name : "error";
    deps.log("hook_not_confirmed", { source: name, reason });
    return false;
  }
}

/** What `POST /hooks/:source` may use. */
export interface HookServices {
  /** A configured source whose events arrive by HTTP; null for any other name. */
  readonly source: (name: string) => HookSource | null;
  readonly hook: HookDeps;
}
