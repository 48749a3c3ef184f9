/** A strict emulator of Mailjet's Send API v3.1: each message by itself; messages and senders. */
import { randomInt, randomUUID } from "node:crypto";
import { isJsonType, isObject } from "./checks.ts";
import type { AcceptedMessage, ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { type ApiError, apiError, checkMessage } from "./mailjet-validate.ts";
import { type Identified, json, type Wire, type WireAnswer } from "./wire.ts";

const KEY = "0123456789abcdef-public";
const SECRET = "fedcba9876543210-S3cret";
const AUTHORIZATION = `Basic ${Buffer.from(`${KEY}:${SECRET}`).toString("base64")}`;
const PATH = "/v3.1/send";
const MESSAGES_MAX = 50;
const RECIPIENTS_MAX = 50;
const FILES_MAX_BYTES = 15_000_000;

const fail = (error: ApiError): WireAnswer => json(error.StatusCode, error);

/** The senders of the emulated account. */
const SENDERS = [
  { Email: "*@Acme.example", Status: "Active", EmailType: "unknown" },
  { Email: "*@gone.example", Status: "Inactive", EmailType: "unknown" },
  { Email: "one@other.example", Status: "Active", EmailType: "unknown" },
];

/** The code of an error whose plan names none. */
const CODES: Readonly<Record<number, string>> = { 400: "mj-0002", 401: "mj-0015", 429: "mj-0429" };

const messagesIn = (body: string): Record<string, unknown>[] => {
  const parsed: unknown = JSON.parse(body);
  const { Messages } = isObject(parsed) ? parsed : {};
  return Array.isArray(Messages) ? Messages.map((one) => (isObject(one) ? one : {})) : [];
};

const listIn = (value: unknown): Record<string, unknown>[] =>
  Array.isArray(value) ? value.filter(isObject) : [];

const recipientsOf = ({ To, Cc, Bcc }: Record<string, unknown>) => [To, Cc, Bcc].flatMap(listIn);

const wire: Wire = {
  take(request, plan) {
    const problem = checkCall(request);
    if (problem !== null) return fail(problem);
    return messagesIn(request.body).map((message, index) => ({
      key: String(message.CustomID ?? message.Subject),
      subject: String(message.Subject),
      refused: plan.refuse?.includes(index) === true || checkMessage(message).length > 0,
    }));
  },
  accept(messages, { body }) {
    const sent = messagesIn(body);
    const entries = messages.map((message, index) => entryOf(message, sent[index] ?? {}));
    const status = messages.some(({ refused }) => refused) ? 400 : 200;
    return { status, body: `{"Messages":[${entries.join(",")}]}` };
  },
  newId: randomUUID,
  error({ status = 503, name, message = "" }) {
    const code = name ?? CODES[status];
    return code === undefined ? { status, body: "" } : fail(apiError(code, status, message));
  },
  inside: null,
  withoutId: json(200, { Messages: [{ Status: "success", CustomID: "", To: [] }] }),
  query: answerQuery,
};

/** What is said of one message: its recipients' ids, or its errors. */
function entryOf({ id, key }: Identified, message: Record<string, unknown>): string {
  if (id === null) {
    const errors = checkMessage(message);
    const planned = apiError("mj-0013", 400, '"x" is an invalid email address.', ["To[0].Email"]);
    const Errors = errors.length > 0 ? errors : [planned];
    return JSON.stringify({ Status: "error", Errors });
  }
  let next = id;
  const told = (value: unknown) =>
    listIn(value).map(({ Email }) => {
      const one = { Email, MessageUUID: next, MessageID: "@", MessageHref: "@" };
      next = randomUUID();
      return one;
    });
  const { To, Cc, Bcc } = message;
  const entry = { Status: "success", CustomID: key, To: told(To), Cc: told(Cc), Bcc: told(Bcc) };
  // Numbers of 64 bits, of which JavaScript keeps 53.
  return JSON.stringify(entry).replace(
    /"MessageID":"@","MessageHref":"@"/g,
    () => `"MessageID":${longId()},"MessageHref":"https://api.mailjet.com/v3/REST/message/0"`,
  );
}

const longId = () => `70650219165${randomInt(100_000, 1_000_000)}1`;

function checkKey({ headers }: ReceivedRequest): ApiError | null {
  if (headers.authorization === AUTHORIZATION) return null;
  return apiError("mj-0015", 401, "API key authentication/authorization failure.");
}

function checkCall(request: ReceivedRequest): ApiError | null {
  const { headers, method, url, body } = request;
  if (url !== PATH) return apiError("mj-0404", 404, "Not found");
  if (method !== "POST") return apiError("mj-0405", 405, "Method not allowed");
  const unknown = checkKey(request);
  if (unknown !== null) return unknown;
  if (!isJsonType(headers["content-type"])) {
    return apiError("mj-0002", 400, "Malformed JSON, please review the syntax.");
  }
  let messages: Record<string, unknown>[];
  try {
    messages = messagesIn(body);
  } catch {
    return apiError("mj-0002", 400, "Malformed JSON, please review the syntax.");
  }
  if (messages.length === 0) return apiError("mj-0007", 400, "Messages is empty.", ["Messages"]);
  if (messages.length > MESSAGES_MAX) {
    return apiError("mj-0008", 400, "Too many elements.", ["Messages"]);
  }
  if (messages.flatMap(recipientsOf).length > RECIPIENTS_MAX) {
    const message = `Total number of recipients exceeded. Max allowed - ${RECIPIENTS_MAX}`;
    return apiError("send-0015", 400, message, ["To", "Cc", "Bcc"]);
  }
  const files = messages.flatMap((one) =>
    [one.Attachments, one.InlinedAttachments].flatMap(listIn),
  );
  const bytes = files.reduce((sum, one) => sum + String(one.Base64Content).length * 0.75, 0);
  return bytes > FILES_MAX_BYTES ? apiError("mj-0011", 400, "The payload is too large.") : null;
}

function answerQuery(
  request: ReceivedRequest,
  accepted: readonly AcceptedMessage[],
): WireAnswer | null {
  if (request.method !== "GET") return null;
  const { pathname, searchParams } = new URL(request.url, "http://emulator");
  const unknown = checkKey(request);
  if (unknown !== null) return fail(unknown);
  const page = (rows: readonly string[]): WireAnswer => ({
    status: 200,
    body: `{"Count":${rows.length},"Data":[${rows.join(",")}],"Total":${rows.length}}`,
  });
  if (pathname === "/v3/REST/sender") {
    const domains = searchParams.get("IsDomainSender") === "true";
    const rows = SENDERS.filter(({ Email }) => !domains || Email.startsWith("*@"));
    return page(rows.map((row) => JSON.stringify(row)));
  }
  if (pathname !== "/v3/REST/message") return null;
  const id = searchParams.get("CustomID");
  const since = Number(searchParams.get("FromTS") ?? 0) * 1000;
  const shown = searchParams.get("ShowCustomID") === "true";
  const rows = accepted
    .filter(({ key, firstAtMs }) => key === id && firstAtMs >= since)
    .flatMap(({ key, providerIds }) =>
      providerIds.map(
        (uuid) => `{"ID":${longId()},"UUID":"${uuid}","CustomID":"${shown ? key : ""}"}`,
      ),
    );
  return page(rows);
}

/** Mailjet, emulated. */
export const mailjetEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wire, options),
  source: (url) => ({
    settings: {
      provider: "mailjet",
      base_url: url,
      api_key: "MAILJET_API_KEY",
      secret_key: "MAILJET_SECRET_KEY",
    },
    secrets: { MAILJET_API_KEY: KEY, MAILJET_SECRET_KEY: SECRET },
  }),
};
