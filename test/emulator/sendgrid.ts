/** A strict emulator of SendGrid's `POST /v3/mail/send` and the records it answers. */
import { randomBytes } from "node:crypto";
import { isJsonType, jsonIn } from "./checks.ts";
import type { AcceptedMessage, ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { checkMail, type SendGridError } from "./sendgrid-validate.ts";
import { json, type Wire, type WireAnswer } from "./wire.ts";

const SECRET = "SG.S3cretKey_123";
const BODY_MAX = 30_000_000;

const DOMAINS = [
  { id: 1, domain: "Acme.example", subdomain: "em1", valid: true },
  { id: 2, domain: "unverified.example", subdomain: "em2", valid: false },
  ...Array.from({ length: 60 }, (_, index) => {
    return { id: 3 + index, domain: `d${index}.example`, subdomain: "em", valid: true };
  }),
];

const fail = (status: number, ...errors: SendGridError[]): WireAnswer => json(status, { errors });

/** What is accepted in one call has one id, as in SendGrid's answer. */
let idOfCall = "";

const wire: Wire = {
  take(request, plan) {
    const refused = checkRequest(request);
    if (refused !== null) return refused;
    const parsed = jsonIn(request.body);
    if (parsed === undefined) return fail(400, { message: "Bad Request", field: null, help: null });
    const mail = checkMail(parsed);
    if ("errors" in mail) return fail(400, ...mail.errors);
    const places = (plan.refuse ?? []).filter((place) => place < mail.length);
    if (places.length > 0) {
      const message = "Does not contain a valid address.";
      const field = (place: number) => `personalizations.${place}.to.0.email`;
      return fail(400, ...places.map((place) => ({ message, field: field(place), help: null })));
    }
    idOfCall = randomBytes(16).toString("base64url");
    const subject = String(Object(parsed).subject);
    return mail.map(({ posternId }) => ({ key: posternId ?? subject, subject }));
  },
  accept: ([message]) => {
    return { status: 202, body: "", headers: { "X-Message-Id": message?.id ?? "" } };
  },
  newId: () => idOfCall,
  error: ({ status = 503, name, message = "" }) => {
    // What stands before the API answers in HTML.
    if (name === "") return { status, body: "<html>", headers: { "content-type": "text/html" } };
    return fail(status, { message, field: name ?? null, help: null });
  },
  inside: null,
  withoutId: { status: 202, body: "" },
  query: (request, accepted) =>
    request.method === "GET" ? (messages(request, accepted) ?? domains(request)) : null,
};

const isAuthorized = ({ headers }: ReceivedRequest): boolean =>
  headers.authorization === `Bearer ${SECRET}`;

const unauthorized = (): WireAnswer => {
  const message = "The provided authorization grant is invalid, expired, or revoked";
  return fail(401, { message, field: null, help: null });
};

function checkRequest(request: ReceivedRequest): WireAnswer | null {
  const { headers, method, url, bytes } = request;
  if (url !== "/v3/mail/send") return fail(404, { message: "not found", field: null });
  if (method !== "POST") return fail(405, { message: "method not allowed", field: null });
  if (!isAuthorized(request)) return unauthorized();
  if (!isJsonType(headers["content-type"])) {
    return fail(415, { message: "Content-Type should be application/json.", field: null });
  }
  if (bytes.length < BODY_MAX) return null;
  return fail(413, { message: "Payload too large", field: null });
}

/** Email Activity: a search by our id in the arguments, one entry per recipient. */
function messages(
  request: ReceivedRequest,
  accepted: readonly AcceptedMessage[],
): WireAnswer | null {
  const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
  if (pathname !== "/v3/messages") return null;
  if (!isAuthorized(request)) return unauthorized();
  const query = searchParams.get("query") ?? "";
  const id = /^unique_args\['postern_id'\]="([^"]+)"$/.exec(query)?.[1];
  const limit = Number(searchParams.get("limit"));
  if (id === undefined || !(limit >= 1)) {
    return fail(400, { message: "invalid filter", field: "query" });
  }
  const found = accepted.filter(({ key }) => key === id).slice(0, limit);
  return json(200, {
    messages: found.map(({ providerIds, subject }) => ({
      msg_id: `${providerIds[0]}.recvd-5b4c8f-x2v9-1-66A0-5.0`,
      subject,
      status: "processed",
    })),
  });
}

function domains(request: ReceivedRequest): WireAnswer | null {
  const { pathname, searchParams } = new URL(request.url, "http://127.0.0.1");
  if (pathname !== "/v3/whitelabel/domains") return null;
  if (!isAuthorized(request)) return unauthorized();
  const offset = Number(searchParams.get("offset"));
  return json(200, DOMAINS.slice(offset, offset + Number(searchParams.get("limit"))));
}

/** SendGrid, emulated. */
export const sendgridEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wire, options),
  source: (url) => ({
    settings: { provider: "sendgrid", base_url: url, secret: "SENDGRID_API_KEY" },
    secrets: { SENDGRID_API_KEY: SECRET },
  }),
};
