/** A strict emulator of Mailpit's `POST /api/v1/send` and `GET /api/v1/search`. */
import { randomBytes } from "node:crypto";
import { isBase64, isHeaderName, isLine, isObject, jsonIn } from "./checks.ts";
import type { AcceptedMessage, ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { json, type Wire, type WireAnswer } from "./wire.ts";

const USER = "jürgen";
const PASSWORD = "S3cret Pa$$wörd";
const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString("base64")}`;

const ADDRESS = /^(?:[^\s@"<>]+|"[^"\r\n]*")@[^\s@<>]+$/;
const TAG = /^[a-zA-Z0-9 ._-]+$/;
/** Mailpit writes these itself and says so. */
const RESTRICTED = /^(to|from|cc|bcc|reply-to|date|subject|content-type|mime-version|x-tags)$/i;
const FIELDS = "From To Cc Bcc ReplyTo Subject Text HTML Headers Tags Attachments".split(" ");
const PART_FIELDS = ["Content", "Filename", "ContentType", "ContentID"];
const BYTES_MAX = 50 * 1024 * 1024;

const refuse = (message: string, status = 400): WireAnswer => json(status, { Error: message });

/** The first thing that is wrong with a body, as Mailpit would say it; null when nothing is. */
function problemOf(body: Record<string, unknown>): string | null {
  const unknown = Object.keys(body).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) return `json: unknown field "${unknown}"`;
  const from = addressOf(body.From);
  if (from === null) return "invalid From address";
  for (const field of ["To", "Cc", "ReplyTo"]) {
    for (const one of listOf(body[field])) {
      const name = field === "ReplyTo" ? "Reply-To" : field;
      if (addressOf(one) === null) return `invalid ${name} address: ${JSON.stringify(one)}`;
    }
  }
  for (const one of listOf(body.Bcc)) {
    if (typeof one !== "string") return "json: cannot unmarshal object into Bcc of type string";
    if (!ADDRESS.test(one)) return `invalid Bcc address: ${one}`;
  }
  for (const field of ["Subject", "Text", "HTML"]) {
    const value = body[field] ?? "";
    if (typeof value !== "string") return `json: cannot unmarshal into ${field} of type string`;
  }
  return problemOfHeaders(body.Headers ?? {}) ?? problemOfParts(body.Attachments, body.Tags);
}

function problemOfHeaders(headers: unknown): string | null {
  if (typeof headers !== "object" || headers === null) return "json: cannot unmarshal Headers";
  for (const [name, value] of Object.entries(headers)) {
    if (RESTRICTED.test(name)) return `cannot overwrite header: "${name}"`;
    if (!isHeaderName(name) || !isLine(value)) return `error building message: header "${name}"`;
  }
  return null;
}

function problemOfParts(attachments: unknown, tags: unknown): string | null {
  for (const part of listOf(attachments)) {
    const fields = part as Record<string, unknown>;
    const known = Object.entries(fields).every(
      ([name, value]) => PART_FIELDS.includes(name) && typeof value === "string",
    );
    if (!known || fields.Filename === undefined) return "json: cannot unmarshal Attachments";
    if (!isBase64(fields.Content)) return "error decoding base64 attachment";
  }
  // Mailpit passes over a tag it cannot show; here nothing is passed over.
  const bad = listOf(tags).find((tag) => typeof tag !== "string" || !TAG.test(tag));
  return bad === undefined ? null : `ignoring invalid tag: ${String(bad)}`;
}

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function addressOf(value: unknown): string | null {
  const { Email, Name, ...rest } = (value ?? {}) as Record<string, unknown>;
  if (Object.keys(rest).length > 0) return null;
  if (Name !== undefined && typeof Name !== "string") return null;
  return typeof Email === "string" && ADDRESS.test(Email) ? Email : null;
}

function take({ body, bytes, headers, method, url }: ReceivedRequest) {
  if (url !== "/api/v1/send") return { status: 404, body: "404 page not found\n" };
  if (method !== "POST") return { status: 405, body: "Method Not Allowed\n" };
  if (headers.authorization !== AUTHORIZATION) return { status: 401, body: "Unauthorised.\n" };
  if (bytes.length > BYTES_MAX) return refuse("http: request body too large", 413);
  const parsed = jsonIn(body);
  if (!isObject(parsed)) return refuse("invalid character");
  const problem = problemOf(parsed);
  if (problem !== null) return refuse(problem);
  const { "Message-ID": messageId, "X-Postern-Id": id } = parsed.Headers as Record<string, string>;
  // Mailpit finds a message by its Message-ID alone.
  const found = messageId?.startsWith(`<${id}@`) === true;
  return [{ key: found ? String(id) : "no id", subject: String(parsed.Subject) }];
}

/** The search filter `message-id:` finds every id that has the given part. */
function search({ headers, url }: ReceivedRequest, all: readonly AcceptedMessage[]) {
  const { pathname, searchParams } = new URL(url, "http://mailpit");
  if (pathname !== "/api/v1/search") return null;
  if (headers.authorization !== AUTHORIZATION) return { status: 401, body: "Unauthorised.\n" };
  const part = /^message-id:(\S+)$/.exec(searchParams.get("query") ?? "")?.[1];
  if (part === undefined) return { status: 400, body: "Error: no search query\n" };
  const messages = all.flatMap(({ key, providerIds }) =>
    providerIds.map((ID) => ({ ID, MessageID: `${key}@acme.example` })),
  );
  return json(200, { messages: messages.filter(({ MessageID }) => MessageID.includes(part)) });
}

const wire: Wire = {
  take,
  accept: ([message]) => json(200, { ID: message?.id }),
  newId: () => randomBytes(11).toString("hex"),
  error: ({ status = 503, message = "" }) => refuse(message, status),
  inside: json(200, { Error: "inside" }),
  withoutId: json(200, {}),
  query: search,
};

/** Mailpit, emulated. */
export const mailpitEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wire, options),
  source: (url) => ({
    settings: {
      provider: "mailpit",
      base_url: url,
      auth: { user: USER, secret: "MAILPIT_PASSWORD" },
    },
    secrets: { MAILPIT_PASSWORD: PASSWORD },
  }),
};
