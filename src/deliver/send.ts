/** What a claimed call comes to: content -> earlier fate -> provider, one outcome per message. */
import type { Claimed, Content, Head, ShardRef } from "../core/custody.ts";
import { leaseNeededMs } from "../core/unit.ts";
import type { Outcome, OutgoingMessage, Provider } from "../providers/provider.ts";
import { attempt, attemptBatch, outgoing } from "./attempt.ts";
import { linked } from "./links.ts";
import type { LaneDeps } from "./ports.ts";
import type { Slots } from "./slots.ts";

/** A claimed message and what it says of itself. */
export interface Claim {
  readonly head: Head;
  readonly claimed: Claimed;
}

/** Storage that does not answer is a failure before sending: the next try has its own backoff. */
const CONTENT_UNAVAILABLE: Outcome = {
  kind: "failed",
  fault: "provider",
  retryable: true,
  code: "content_unavailable",
  text: "the content could not be read from storage",
};

/** The identical call is the only way to learn more, and its source makes no such calls now. */
const NOT_REPEATABLE: Outcome = { kind: "ambiguous", reason: "batches_switched_off" };

/**
 * Sends one call. Its members have one claim time, one source and, if there are several, one key.
 *
 * @returns one outcome per message, or null when the claim came too late: then nothing was sent
 */
export async function sendCall(
  ref: ShardRef,
  source: string,
  claims: readonly Claim[],
  slots: Slots,
  deps: LaneDeps,
): Promise<readonly Outcome[] | null> {
  const provider = deps.provider(source);
  if (provider === null) return null;
  const key = claims[0]?.claimed.batch ?? null;
  if (key !== null && provider.sendBatch === undefined) return claims.map(() => NOT_REPEATABLE);
  const messages = await Promise.all(claims.map((claim) => messageOf(ref, claim, deps)));
  const ready = messages.filter((message) => message !== null);
  // A call is repeated with all of its bytes or not at all.
  if (ready.length < claims.length) return claims.map(() => CONTENT_UNAVAILABLE);
  const [message] = ready;
  const since = claims[0]?.claimed.unknownSince ?? null;
  if (key === null && message !== undefined && since !== null) {
    const known = await fateOf(provider, message, slots, deps);
    if (known !== null) return [known];
  }
  const leaseUntil = Math.min(...claims.map(({ claimed }) => claimed.leaseUntil));
  if (leaseUntil - deps.now() < leaseNeededMs(provider.timeLimitMs)) return null;
  return slots.run(provider.timeLimitMs, async (signal) => {
    const to = { fetch: deps.fetch, now: deps.now, signal };
    if (key !== null) return attemptBatch(provider, ready, key, to);
    return Promise.all(ready.map((one) => attempt(provider, one, to)));
  });
}

async function messageOf(
  { account }: ShardRef,
  { head, claimed }: Claim,
  deps: LaneDeps,
): Promise<OutgoingMessage | null> {
  const content = await contentOf(claimed, deps);
  return content === null ? null : linked(outgoing(account, head, claimed, content), head, deps);
}

async function contentOf({ content }: Claimed, deps: LaneDeps): Promise<Content | null> {
  try {
    if ("inline" in content) return JSON.parse(content.inline) as Content;
    const text = await deps.content(content.key);
    return text === null ? null : (JSON.parse(text) as Content);
  } catch (error) {
    deps.log("content_unavailable", { reason: String(error) });
    return null;
  }
}

/**
 * Before an unknown is repeated, the source's own records are asked, where it has such: a source
 * that does not recognise a repeat would take it twice, and one that does may refuse it without
 * telling the first one's id. Null when they do not show it: then the repeat goes ahead.
 */
async function fateOf(
  provider: Provider,
  message: OutgoingMessage,
  slots: Slots,
  deps: LaneDeps,
): Promise<Outcome | null> {
  const { lookup, timeLimitMs } = provider;
  if (lookup === undefined) return null;
  try {
    const found = await slots.run(timeLimitMs, (signal) =>
      lookup(message, { fetch: deps.fetch, now: deps.now, signal }),
    );
    if (!found.ok) deps.log("lookup_unanswered", { reason: found.error.text });
    if (!found.ok || found.value.kind === "none") return null;
    const { providerMessageId } = found.value;
    return { kind: "accepted", providerMessageId, refused: [] };
  } catch (error) {
    const reason = error instanceof Error ? error.name : "error";
    deps.log("lookup_failed", { reason });
    return null;
  }
}
