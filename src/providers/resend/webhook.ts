/**
 * Resend's webhooks, one event a request, signed by Svix
 * (https://resend.com/docs/webhooks/event-types and /webhooks/verify-webhooks-requests).
 */
import { parseMailbox } from "../../core/address.ts";
import type { EventType } from "../../core/delivery-state.ts";
import { ok } from "../../core/result.ts";
import { enhancedCodeOf, replyCodeOf } from "../../core/smtp-reply.ts";
import { standardId, verifyStandard } from "../../core/standard-webhooks.ts";
import { fieldsOf, objectsIn, textOf } from "../answer.ts";
import type { HookReading, Hooks } from "../hooks.ts";
import { ACCOUNT_NAME, ID_NAME } from "../message.ts";
import type { FeedEvent } from "../provider.ts";
import { jsonOf, MALFORMED } from "../receive.ts";
import { type BounceMeaning, bounceMeaning } from "../ses-words.ts";

type Fields = Readonly<Record<string, unknown>>;
type Meaning = Pick<FeedEvent, "type" | "code" | "text" | "bounce" | "url">;

/** Addresses, subject, tags and a diagnostic; Svix itself takes no more. */
const BYTES_MAX = 1_048_576;

/** A tag of the adapter's on a message to several: who they are, `to` alone does not tell. */
export const COUNT_NAME = "postern_recipients";

/** How Resend's events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "signature",
  provesBy: "signing",
  prove: async ({ headers, body }, { signing }, { now }) => {
    const proved = await verifyStandard(signing, headers, body, now());
    return proved.ok ? ok(null) : proved;
  },
  read: ({ headers, body }) => {
    const json = jsonOf(body);
    if (!json.ok) return json;
    const fields = fieldsOf(json.value);
    const type = textOf(fields.type);
    return type === "" ? MALFORMED : ok(reading(type, fields, standardId(headers)));
  },
};

function reading(type: string, fields: Fields, eventId: string): HookReading {
  const data = fieldsOf(fields.data);
  const said = meaningOf(type, data);
  if (said === null) return { events: [], unknown: [{ type, raw: fields }] };
  const to = mailboxesIn(data.to);
  const tags = tagsIn(data.tags);
  const about = whom(said, to, Number(tags.get(COUNT_NAME) ?? to.length), data);
  if (about === null) {
    return { events: [], unknown: [{ type: `${type} (one of several)`, raw: fields }] };
  }
  const at = Date.parse(textOf(fields.created_at));
  const events = about.map((address) => ({
    messageId: tags.get(ID_NAME) ?? "",
    account: tags.get(ACCOUNT_NAME) ?? "",
    providerMessageId: textOf(data.email_id),
    eventId,
    address,
    at: Number.isNaN(at) ? 0 : at,
    ...said,
    raw: fields,
  }));
  return { events, unknown: [] };
}

/** What is true of everybody that a message is addressed to. */
const OF_ALL: ReadonlySet<EventType> = new Set(["queued", "sent", "rejected"]);

/**
 * Whom an event is about. Of a message to several, Resend reports what happens to each of them and
 * names all of `to` each time (https://github.com/resend/resend-python/issues/68). Unless a
 * diagnostic quotes the one, nobody can say: null, rather than a bounce or an open of everybody's.
 */
function whom({ type }: Meaning, to: string[], count: number, data: Fields): string[] | null {
  if (OF_ALL.has(type)) return to.length > 0 ? to : [""];
  if (to.length <= 1 && !(count > 1)) return [to[0] ?? ""];
  const words = diagnosticsOf(fieldsOf(data.bounce)).join(" ").toLowerCase();
  const quoted = to.filter((address) => words.includes(`<${address.toLowerCase()}>`));
  return quoted.length === 1 ? quoted : null;
}

function meaningOf(type: string, data: Fields): Meaning | null {
  switch (type) {
    case "email.scheduled":
      return { type: "queued", code: "", text: "" };
    case "email.sent":
      return { type: "sent", code: "", text: "" };
    case "email.delivered":
      return { type: "delivered", code: "", text: "" };
    case "email.delivery_delayed":
      return { type: "deferred", code: "", text: "" };
    case "email.bounced":
      return bounceOf(fieldsOf(data.bounce));
    case "email.complained":
      return { type: "complained", code: "complained", text: "" };
    case "email.suppressed":
      return suppressionOf(fieldsOf(data.suppressed));
    case "email.failed":
      return failureOf(textOf(fieldsOf(data.failed).reason));
    case "email.opened":
      return { type: "opened", code: "", text: "" };
    case "email.clicked":
      return { type: "clicked", code: "", text: "", url: textOf(fieldsOf(data.click).link) };
    default:
      return null;
  }
}

/**
 * Resend's sentence about a bounce, where it gives no type. It is Resend's advice and not the
 * server's words, so it is never taken for a diagnostic.
 */
const SENTENCES: readonly (readonly [RegExp, BounceMeaning])[] = [
  [
    /suppressed sending/i,
    { type: "bounced", bounce: { kind: "block", category: "provider_list" } },
  ],
  [/inbox was full/i, { type: "bounced", bounce: { kind: "soft", category: "mailbox_full" } }],
  [/hard bounce/i, { type: "bounced", bounce: { kind: "hard" } }],
];

function bounceOf(bounce: Fields): Meaning {
  const [type, subType] = [textOf(bounce.type), textOf(bounce.subType)];
  const sentence = textOf(bounce.message);
  const meaning =
    type === "" && subType === ""
      ? (SENTENCES.find(([words]) => words.test(sentence))?.[1] ?? { type: "bounced" as const })
      : bounceMeaning(type, subType);
  const text = diagnosticsOf(bounce).join(" ");
  const code = enhancedCodeOf(text) ?? replyCodeOf(text)?.toString() ?? (subType || type);
  return { code, text, ...meaning };
}

/** What the other server said: a list, or one text. */
function diagnosticsOf({ diagnosticCode }: Fields): string[] {
  const all = Array.isArray(diagnosticCode) ? (diagnosticCode as unknown[]) : [diagnosticCode];
  return all.map(textOf).filter((one) => one !== "");
}

/** Not sent, since the address is on Resend's list. */
function suppressionOf({ type, message }: Fields): Meaning {
  const code = textOf(type) || "suppressed";
  return { type: "suppressed", code, text: textOf(message), bounce: { category: "provider_list" } };
}

/** Taken by the API and then not sent, for a reason of the account or of the message. */
const failureOf = (reason: string): Meaning => ({
  type: "rejected",
  code: /^[\w-]{1,64}$/.test(reason) ? reason : "failed",
  text: reason,
});

/** The bare mailboxes of a list, in which some have names. */
function mailboxesIn(to: unknown): string[] {
  const all = Array.isArray(to) ? (to as unknown[]) : [to];
  return all.map(textOf).flatMap((text) => {
    const parsed = parseMailbox(text);
    return text === "" ? [] : parsed.ok ? parsed.value.address : text;
  });
}

/** Tags come as an object, or as they were sent: names with values. */
function tagsIn(tags: unknown): ReadonlyMap<string, string> {
  const pairs = Array.isArray(tags)
    ? objectsIn(tags).map(({ name, value }) => [textOf(name), textOf(value)] as const)
    : Object.entries(fieldsOf(tags)).map(([name, value]) => [name, textOf(value)] as const);
  return new Map(pairs);
}
