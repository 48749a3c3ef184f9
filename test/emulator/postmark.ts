/** A strict emulator of Postmark's `POST /email`, `/email/batch` and the records it answers. */
import { randomUUID } from "node:crypto";
import { isJsonType, jsonIn } from "./checks.ts";
import type { AcceptedMessage, Plan, ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { checkMessage, type PostmarkError } from "./postmark-validate.ts";
import { type Identified, json, type Wire, type WireAnswer, type WireMessage } from "./wire.ts";

const TOKEN = "pm-S3cret-server-token";
const ACCOUNT_TOKEN = "pm-S3cret-account-token";
const BATCH_MAX = 500;
const BODY_MAX = { "/email": 10_000_000, "/email/batch": 50_000_000 };

/** As Postmark has them: a verified key decides. */
const DOMAINS = [
  { ID: 1, Name: "Acme.example", DKIMVerified: true, ReturnPathDomainVerified: true },
  { ID: 2, Name: "unverified.example", DKIMVerified: false, ReturnPathDomainVerified: false },
  ...Array.from({ length: 250 }, (_, index) => {
    return { ID: 3 + index, Name: `d${index}.example`, DKIMVerified: true };
  }),
];

/** A taken message with what is answered about it. */
interface PostmarkMessage extends WireMessage {
  readonly to: string;
  readonly error: PostmarkError | null;
  /** Addresses that are left out of an accepted message. */
  readonly inactive: readonly string[];
}

const fail = (status: number, error: PostmarkError): WireAnswer =>
  json(status, error, { "X-PM-ApiErrorCode": String(error.ErrorCode) });

const inactiveError = (addresses: readonly string[]): PostmarkError => ({
  ErrorCode: 406,
  Message:
    "You tried to send to recipient(s) that have been marked as inactive. Found inactive " +
    `addresses: ${addresses.join(", ")}. Inactive recipients are ones that have generated a hard ` +
    "bounce, a spam complaint, or a manual suppression.",
});

const USUAL: Readonly<Record<number, PostmarkError>> = {
  401: { ErrorCode: 10, Message: "Request does not contain a valid Server token." },
  429: { ErrorCode: 429, Message: "Rate limit exceeded." },
  503: { ErrorCode: 100, Message: "The Postmark API is offline for maintenance." },
};

const wire: Wire = {
  take(request, plan) {
    const refused = checkRequest(request);
    if (refused !== null) return refused;
    const parsed = jsonIn(request.body);
    if (parsed === undefined) return fail(422, { ErrorCode: 402, Message: "Invalid JSON." });
    if (request.url === "/email") {
      const message = taken(parsed, (index) => plan.refuse?.includes(index) ?? false);
      return message.error === null ? [message] : fail(422, message.error);
    }
    if (!Array.isArray(parsed)) return fail(422, { ErrorCode: 403, Message: "Incompatible JSON." });
    if (parsed.length > BATCH_MAX) {
      const Message = "You may only send up to 500 messages in a single batched request.";
      return fail(422, { ErrorCode: 410, Message });
    }
    return parsed.map((one, index) => taken(one, () => plan.refuse?.includes(index) ?? false));
  },
  accept(messages, { url }) {
    const answers = messages.map((message) => answerTo(message as Identified & PostmarkMessage));
    return json(200, url === "/email" ? answers[0] : answers);
  },
  newId: randomUUID,
  error: ({ status = 503, name, message }: Plan) => {
    // A gateway in front of the API answers in HTML.
    if (name === "") return { status, body: "<html>", headers: { "content-type": "text/html" } };
    const usual = USUAL[status] ?? { ErrorCode: 300, Message: "" };
    const ErrorCode = name === undefined ? usual.ErrorCode : Number(name);
    return fail(status, { ErrorCode, Message: message ?? usual.Message });
  },
  inside: json(200, { ErrorCode: 300, Message: "inside" }),
  withoutId: json(200, { ErrorCode: 0, Message: "OK" }),
  query: (request, accepted) =>
    request.method === "GET" ? (search(request, accepted) ?? domains(request)) : null,
};

/** One message; `isInactive` says which of its recipients, by position, Postmark has as such. */
function taken(value: unknown, isInactive: (index: number) => boolean): PostmarkMessage {
  const checked = checkMessage(value);
  if ("ErrorCode" in checked) {
    return { key: "", subject: "", refused: true, to: "", error: checked, inactive: [] };
  }
  const { posternId, subject, to, recipients } = checked;
  const inactive = recipients.filter((_, index) => isInactive(index));
  const error = inactive.length === recipients.length ? inactiveError(inactive) : null;
  return { key: posternId ?? subject, subject, refused: error !== null, to, error, inactive };
}

function answerTo({ id, to, error, inactive }: Identified & PostmarkMessage): object {
  if (error !== null) return error;
  const note = "Message OK, but will not deliver to these inactive addresses: ";
  return {
    To: to,
    SubmittedAt: "2026-02-17T07:25:01.4178645-05:00",
    MessageID: id,
    ErrorCode: 0,
    Message: inactive.length === 0 ? "OK" : `${note}${inactive.join(", ")}.`,
  };
}

function checkRequest({ headers, method, url, bytes }: ReceivedRequest): WireAnswer | null {
  if (url !== "/email" && url !== "/email/batch") return { status: 404, body: "" };
  if (method !== "POST") return { status: 405, body: "" };
  if (headers["x-postmark-server-token"]?.toString().toLowerCase() !== TOKEN.toLowerCase()) {
    return fail(401, USUAL[401] as PostmarkError);
  }
  const isJson = [headers["content-type"], headers.accept].every(isJsonType);
  if (!isJson) return { status: 415, body: "" };
  return bytes.length > BODY_MAX[url] ? { status: 413, body: "" } : null;
}

/** The search for outbound messages by our id in the metadata; its streams are not told apart. */
function search(
  { url, headers }: ReceivedRequest,
  accepted: readonly AcceptedMessage[],
): WireAnswer | null {
  const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
  if (pathname !== "/messages/outbound") return null;
  if (headers["x-postmark-server-token"] !== TOKEN) return fail(401, USUAL[401] as PostmarkError);
  const [count, offset] = ["count", "offset"].map((name) => Number(searchParams.get(name) ?? -1));
  if (count === undefined || count < 1 || count > 500 || offset === undefined || offset < 0) {
    return fail(422, { ErrorCode: 600, Message: "Invalid query parameter." });
  }
  const id = searchParams.get("metadata_postern_id");
  const found = accepted.filter(({ key }) => id === null || key === id);
  const messages = found.slice(offset, offset + count).map(({ key, providerIds, subject }) => {
    return { MessageID: providerIds[0], Subject: subject, Metadata: { postern_id: key } };
  });
  return json(200, { TotalCount: found.length, Messages: messages });
}

function domains({ url, headers }: ReceivedRequest): WireAnswer | null {
  const { pathname, searchParams } = new URL(url, "http://127.0.0.1");
  if (pathname !== "/domains") return null;
  if (headers["x-postmark-account-token"] !== ACCOUNT_TOKEN) {
    return fail(401, USUAL[401] as PostmarkError);
  }
  const offset = Number(searchParams.get("offset"));
  const page = DOMAINS.slice(offset, offset + Number(searchParams.get("count")));
  return json(200, { TotalCount: DOMAINS.length, Domains: page });
}

/** Postmark, emulated. */
export const postmarkEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wire, options),
  source: (url) => ({
    settings: {
      provider: "postmark",
      base_url: url,
      secret: "POSTMARK_TOKEN",
      account_secret: "POSTMARK_ACCOUNT_TOKEN",
    },
    secrets: { POSTMARK_TOKEN: TOKEN, POSTMARK_ACCOUNT_TOKEN: ACCOUNT_TOKEN },
  }),
};
