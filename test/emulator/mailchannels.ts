/** A strict emulator of MailChannels' `POST /tx/v1/send`. */
import { randomBytes } from "node:crypto";
import {
  type Fields,
  isBase64,
  isHeaderName,
  isLine,
  isObject,
  jsonIn,
  wordsOf,
} from "./checks.ts";
import type { ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { json, type Wire, type WireAnswer } from "./wire.ts";

const API_KEY = "mc-S3cretKey-123";
const PRIVATE_KEY = "MIIEpAIBAAKCAQEA";

const ADDRESS = /^(?:[^\s@"<>]+|"[^"\r\n]*")@[a-z0-9.-]+$/;
/** "The following headers cannot be modified." */
const RESERVED = wordsOf(
  "authentication-results bcc cc content-transfer-encoding content-type dkim-signature",
  "from message-id received reply-to subject to",
);
const FIELDS = wordsOf(
  "personalizations from reply_to subject content headers attachments campaign_id",
  "transactional tracking_settings dkim_domain dkim_selector dkim_private_key",
);
const LIST_MAX = 1_000;
const CAMPAIGN_MAX = 48;
const BYTES_MAX = 30_000_000;

const refuse = (status: number, ...errors: string[]): WireAnswer => json(status, { errors });

/** Whether an object has these fields, in part or all, and no other. */
const only = (value: Fields, allowed: ReadonlySet<string>): boolean =>
  Object.keys(value).every((field) => allowed.has(field));

function isMailbox(value: unknown): boolean {
  if (!isObject(value) || !only(value, new Set(["email", "name"]))) return false;
  return isLine(value.email) && ADDRESS.test(value.email) && isLine(value.name ?? "");
}

const isList = (value: unknown, check: (one: unknown) => boolean): boolean =>
  Array.isArray(value) && value.length > 0 && value.length <= LIST_MAX && value.every(check);

/** The first thing that is wrong with a body; null when nothing is. */
function problemOf(body: Fields): string | null {
  const unknown = Object.keys(body).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) return `unknown field ${unknown}`;
  const [personalization, second] = body.personalizations as Fields[];
  if (personalization === undefined || second !== undefined) return "one personalization";
  if (!only(personalization, new Set(["to", "cc", "bcc"]))) return "unknown personalization field";
  for (const field of ["to", "cc", "bcc"]) {
    const list = personalization[field];
    if (list === undefined && field !== "to") continue;
    if (!isList(list, isMailbox)) return `invalid ${field} email address`;
  }
  if (!isMailbox(body.from)) return "invalid from email address";
  if (body.reply_to !== undefined && !isMailbox(body.reply_to)) return "invalid reply_to";
  if (!isLine(body.subject)) return "subject is required";
  if (!isList(body.content, isContent)) return "content is required";
  return problemOfHeaders(body.headers) ?? problemOfSettings(body, personalization);
}

function isContent(value: unknown): boolean {
  if (!isObject(value) || !only(value, new Set(["type", "value"]))) return false;
  return /^text\/(plain|html)$/.test(String(value.type)) && typeof value.value === "string";
}

function problemOfHeaders(headers: unknown): string | null {
  if (headers === undefined) return null;
  if (!isObject(headers)) return "headers must be an object";
  for (const [name, value] of Object.entries(headers)) {
    if (RESERVED.has(name.toLowerCase())) return `header ${name} is reserved`;
    if (!isHeaderName(name) || !isLine(value)) return `invalid header ${name}`;
  }
  return null;
}

function problemOfSettings(body: Fields, { to, cc, bcc }: Fields): string | null {
  const { attachments, campaign_id: campaign, tracking_settings: tracking } = body;
  if (attachments !== undefined && !isList(attachments, isPart)) return "invalid attachments";
  if (!isLine(campaign) || campaign.length > CAMPAIGN_MAX || /\s/.test(campaign)) {
    return "invalid campaign_id";
  }
  const switches = isObject(tracking) ? [tracking.click_tracking, tracking.open_tracking] : [];
  if (!switches.every((one) => isObject(one) && typeof one.enable === "boolean")) {
    return "invalid tracking_settings";
  }
  if (body.dkim_private_key !== undefined && body.dkim_domain === undefined) return "dkim_domain";
  if (body.dkim_domain !== undefined && body.dkim_selector === undefined) return "dkim_selector";
  if (typeof body.transactional !== "boolean") return "invalid transactional";
  const recipients = [to, cc, bcc].flat().filter(Boolean).length;
  if (!body.transactional && (recipients !== 1 || body.dkim_selector === undefined)) {
    return "non-transactional messages have exactly one recipient and are DKIM signed";
  }
  return null;
}

function isPart(value: unknown): boolean {
  const fields = new Set(["content", "filename", "type", "content_id"]);
  if (!isObject(value) || !only(value, fields)) return false;
  if (!isBase64(value.content)) return false;
  return [value.filename, value.type, value.content_id ?? ""].every(isLine);
}

function take({ body, bytes, headers, method, url }: ReceivedRequest) {
  if (url !== "/tx/v1/send") return refuse(404, "not found");
  if (method !== "POST") return refuse(405, "method not allowed");
  if (headers["x-api-key"] !== API_KEY) return refuse(403, "invalid API key");
  if (bytes.length > BYTES_MAX) return refuse(413, "payload too large");
  const parsed = jsonIn(body);
  if (parsed === undefined) return refuse(400, "malformed JSON");
  if (!isObject(parsed) || !Array.isArray(parsed.personalizations)) return refuse(400, "no body");
  const problem = problemOf(parsed);
  if (problem !== null) return refuse(400, problem);
  const { campaign_id: id, subject } = parsed;
  return [{ key: String(id), subject: String(subject) }];
}

/** The answer to a call with one message: `reason` when its relay refused it. */
function answer(requestId: string, status: string, reason?: string): WireAnswer {
  const message_id = `<${randomBytes(8).toString("hex")}@mailchannels.example>`;
  return json(202, { request_id: requestId, results: [{ index: 0, message_id, status, reason }] });
}

const wire: Wire = {
  take,
  accept: ([message]) => answer(String(message?.id), "sent"),
  newId: () => randomBytes(20).toString("base64"),
  // With status 202, the name is a result's status and the message its reason.
  error: ({ status = 503, name = "failed", message = "" }) =>
    status === 202 ? answer("request", name, message) : refuse(status, message),
  inside: json(202, { errors: ["inside"] }),
  withoutId: json(202, { results: [{ index: 0, status: "sent" }] }),
};

/** MailChannels, emulated. */
export const mailchannelsEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wire, options),
  source: (url) => ({
    settings: {
      provider: "mailchannels",
      base_url: url,
      secret: "MAILCHANNELS_API_KEY",
      dkim: { selector: "mc1", secret: "MAILCHANNELS_DKIM_KEY" },
    },
    secrets: { MAILCHANNELS_API_KEY: API_KEY, MAILCHANNELS_DKIM_KEY: PRIVATE_KEY },
  }),
};
