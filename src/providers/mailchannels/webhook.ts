/**
 * MailChannels' webhooks: up to 1,000 events in an array
 * (https://docs.mailchannels.com/email-api/webhooks).
 *
 * All of them are signed by MailChannels' own key, every other customer's too, and neither our
 * account nor our address is part of what is signed but in the events: so each event has to name
 * an account of ours (`customer_handle`), which the source's `webhook` table lists.
 */
import type { BounceHint } from "../../core/bounce.ts";
import type { EventType } from "../../core/delivery-state.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { textOf } from "../answer.ts";
import type { HookDeps, HookKeys, HookRefusal, HookRequest, Hooks } from "../hooks.ts";
import {
  codeIn,
  entryOf,
  type Meaning,
  type Posted,
  postedIn,
  readingOf,
  said,
} from "../posted.ts";
import type { FeedEvent } from "../provider.ts";
import { createKeyring } from "./keys.ts";
import { digestHolds, isSignedBy, type MessageSignature, signaturesOf } from "./signature.ts";

/** 1,000 events of a message with a few recipients each. */
const BYTES_MAX = 4 * 1_048_576;
/** MailChannels' own client takes a signature for five minutes. */
const WINDOW_MS = 5 * 60_000;

const keyring = createKeyring();

/** How MailChannels' events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "signature",
  prove,
  provesBy: "handles",
  read: ({ body }) => {
    const posted = postedIn(body);
    return posted.ok ? ok(readingOf(posted.value, typeOf, eventsOf)) : posted;
  },
};

const typeOf = (event: Posted): string => textOf(event.event);

const refuse = (reason: HookRefusal["reason"], text: string): Result<never, HookRefusal> =>
  err({ reason, text });

const PROOF = ["content-digest", "signature-input", "signature"] as const;

/**
 * Digest, time, account, signature: each costs more than the one before. The last may have to ask
 * MailChannels for a key, and does so for none who do not know our account.
 */
async function prove(
  { headers, body }: HookRequest,
  keys: HookKeys,
  deps: HookDeps,
): Promise<Result<null, HookRefusal>> {
  const missing = PROOF.find((name) => headers.get(name) === null);
  if (missing !== undefined) return refuse("missing_proof", `there is no ${missing}`);
  const signatures = signaturesOf(headers);
  if (signatures.length === 0) return refuse("bad_proof", "there is no signature of the digest");
  if (!(await digestHolds(headers, body)))
    return refuse("bad_proof", "the digest is not the body's");
  const now = deps.now();
  const fresh = signatures.filter(({ created }) => Math.abs(now - created * 1000) <= WINDOW_MS);
  if (fresh.length === 0) return refuse("stale", "the signature was not made just now");
  const ours = isOurs(body, keys.handles);
  return ours.ok ? isSigned(fresh, keys.signing, deps) : ours;
}

/** By a key that is configured, or else by the one that MailChannels gives for the key's id. */
async function isSigned(
  signatures: readonly MessageSignature[],
  configured: readonly string[],
  deps: HookDeps,
): Promise<Result<null, HookRefusal>> {
  let refusal = refuse("bad_proof", "the signature is of another key");
  for (const signature of signatures) {
    let keys = configured;
    if (configured.length === 0) {
      const found = await keyring(signature.keyId, deps);
      if (!found.ok) refusal = found;
      keys = found.ok ? [found.value] : [];
    }
    if (await isSignedBy(signature, keys)) return ok(null);
  }
  return refusal;
}

/**
 * A sub-account's events have its own handle, which is listed like the account's. A body without
 * events names nobody, and is nobody's.
 */
function isOurs(
  body: Uint8Array<ArrayBuffer>,
  handles: readonly string[],
): Result<null, HookRefusal> {
  const posted = postedIn(body);
  if (!posted.ok) return posted;
  const named = posted.value.map(({ customer_handle: handle }) => textOf(handle));
  const ours = named.length > 0 && named.every((handle) => handles.includes(handle));
  return ours ? ok(null) : refuse("bad_proof", "an event is of an account that is not listed");
}

/**
 * One event for each recipient. `email` is the sender's. Our id is the campaign's; the account is
 * not given back, since MailChannels has room for one word only.
 */
function eventsOf(posted: Posted): readonly FeedEvent[] | null {
  const type = typeOf(posted);
  // Sent when the webhook is checked, and about no message.
  if (type === "test") return [];
  const meaning = meaningOf(type, posted);
  if (meaning === null) return null;
  const providerMessageId = textOf(posted.request_id);
  const about = {
    messageId: textOf(posted.campaign_id),
    ...(providerMessageId === "" ? {} : { providerMessageId }),
    at: timeOf(posted.timestamp),
    ...meaning,
    raw: posted,
  };
  return recipientsOf(posted.recipients).map((address) => ({ ...about, address }));
}

/** One without a name where none is told: of a message to one, there is no doubt. */
function recipientsOf(value: unknown): readonly string[] {
  const addresses = Array.isArray(value) ? value.map(textOf).filter((one) => one !== "") : [];
  return addresses.length > 0 ? [...new Set(addresses)] : [""];
}

/** Unix seconds. */
function timeOf(value: unknown): number {
  const seconds = Number(textOf(value));
  return seconds > 0 && Number.isSafeInteger(seconds * 1000) ? seconds * 1000 : 0;
}

/**
 * MailChannels' events (https://docs.mailchannels.com/email-api/webhook-event-types). It goes on
 * trying after a soft bounce, for six hours; then it says hard bounce.
 */
const EVENTS: Readonly<Record<string, { type: EventType; bounce?: BounceHint }>> = {
  processed: { type: "queued" },
  delivered: { type: "delivered" },
  "soft-bounced": { type: "deferred" },
  "hard-bounced": { type: "bounced", bounce: { kind: "hard" } },
  dropped: { type: "rejected" },
  complained: { type: "complained" },
  unsubscribed: { type: "unsubscribed" },
  open: { type: "opened" },
  click: { type: "clicked" },
};

/** What has a code or a reason, if only in MailChannels' own word. */
const WORDED: ReadonlySet<EventType> = new Set(["bounced", "deferred", "rejected", "complained"]);

function meaningOf(name: string, posted: Posted): Meaning | null {
  const known = entryOf(EVENTS, name);
  if (known === undefined) return null;
  const { type, bounce } = known;
  const reason = textOf(posted.reason);
  const code = codeIn(reason) ?? codeIn(textOf(posted.status));
  const meaning = { ...said(type, reason), code: code ?? (WORDED.has(type) ? name : "") };
  if (type === "rejected" && /\bsuppress/i.test(reason)) {
    return { ...meaning, type: "suppressed", bounce: { category: "provider_list" } };
  }
  if (type === "clicked") return { ...meaning, url: textOf(posted.url) };
  return bounce === undefined ? meaning : { ...meaning, bounce };
}
