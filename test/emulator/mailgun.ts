/** A strict emulator of Mailgun: its two sending calls, its events and its domains. */
import { randomUUID } from "node:crypto";
import type { AcceptedMessage, ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { checkMime, checkParts, type ValidForm } from "./mailgun-validate.ts";
import { readForm } from "./multipart.ts";
import { json, type Wire, type WireAnswer } from "./wire.ts";

const SECRET = "key-S3cret0123456789";
const DOMAIN = "mg.acme.example";
const AUTHORIZATION = `Basic ${Buffer.from(`api:${SECRET}`).toString("base64")}`;

const text = (status: number, body: string): WireAnswer => ({
  status,
  body,
  headers: { "content-type": "text/plain" },
});
const refuse = (status: number, message: string): WireAnswer => json(status, { message });
const GREETING = text(200, "Mailgun Magnificent API");

/** One emulator's wire: what was accepted is remembered for its events. */
function wireOf(): Wire {
  const forms = new Map<string, ValidForm>();
  return {
    take(request) {
      const problem = checkRequest(request);
      if (problem !== null) return problem;
      const parts = readForm(request);
      if (parts === null) return refuse(400, "malformed multipart/form-data request");
      const form = request.url.endsWith(".mime") ? checkMime(parts) : checkParts(parts);
      if (typeof form === "string") return refuse(400, form);
      const key = form.posternId ?? form.subject;
      forms.set(key, form);
      return [{ key, subject: form.subject }];
    },
    accept: ([message]) => json(200, { id: `<${message?.id}>`, message: "Queued. Thank you." }),
    newId: () => `${randomUUID()}@${DOMAIN}`,
    error: ({ status = 503, name, message = "" }) => {
      if (status === 401) return text(401, "Forbidden");
      if (name === "text") return text(status, message);
      const reset = /^reset=(.*)$/.exec(name ?? "")?.[1];
      const headers = reset === undefined ? {} : { "x-ratelimit-reset": reset };
      return json(status, { message }, headers);
    },
    inside: refuse(200, "Something went wrong"),
    withoutId: refuse(200, "Queued. Thank you."),
    query: (request, accepted) => answerOf(request, accepted, forms),
  };
}

function checkRequest({ headers, method, url }: ReceivedRequest): WireAnswer | null {
  const domain = /^\/v3\/([^/?]+)\/messages(?:\.mime)?$/.exec(url)?.[1];
  if (domain === undefined || method !== "POST") return GREETING;
  if (headers.authorization !== AUTHORIZATION) return text(401, "Forbidden");
  if (domain !== DOMAIN) return refuse(404, `Domain not found: ${domain}`);
  if (!/^multipart\/form-data\b/.test(String(headers["content-type"]))) {
    return refuse(400, "Invalid request content type. Expecting 'multipart/form-data'");
  }
  return null;
}

function answerOf(
  { headers, method, url }: ReceivedRequest,
  accepted: readonly AcceptedMessage[],
  forms: ReadonlyMap<string, ValidForm>,
): WireAnswer | null {
  if (method !== "GET") return null;
  if (headers.authorization !== AUTHORIZATION) return text(401, "Forbidden");
  const { pathname, searchParams } = new URL(url, "http://x");
  if (pathname === "/v4/domains") return json(200, domains(searchParams));
  if (pathname !== `/v3/${DOMAIN}/events`) return GREETING;
  if (searchParams.get("ascending") === null) return refuse(400, "Bad query: no direction");
  if (!(Number(searchParams.get("limit")) <= 300)) return refuse(400, "Bad query: limit");
  const wanted = searchParams.get("event")?.split(" OR ") ?? [];
  const messageId = searchParams.get("message-id");
  const begin = Number(searchParams.get("begin"));
  const items = accepted.flatMap((message) =>
    eventsOf(message, forms.get(message.key)).filter(
      (event) =>
        wanted.includes(event.event) &&
        event.timestamp >= begin &&
        (messageId === null || event.message.headers["message-id"] === messageId),
    ),
  );
  return json(200, { items, paging: { next: "", previous: "" } });
}

/** Accepted once, and delivered to each recipient. */
function eventsOf(message: AcceptedMessage, form: ValidForm | undefined) {
  const of = (event: string, recipient: string) => ({
    id: randomUUID(),
    event,
    timestamp: message.firstAtMs / 1000,
    recipient,
    message: { headers: { "message-id": form?.messageId ?? message.providerIds[0] ?? "" } },
    "user-variables": form?.posternId === undefined ? {} : { postern_id: form.posternId },
    "delivery-status": { code: 250, message: `OK ${recipient}`, "enhanced-code": "2.0.0" },
  });
  const recipients = form?.recipients ?? [];
  return recipients.flatMap((one) => [of("accepted", one), of("delivered", one)]);
}

function domains(query: URLSearchParams) {
  const items = [
    { name: DOMAIN, state: "active", is_disabled: false },
    { name: "Second.acme.example", state: "active", is_disabled: false },
    { name: "off.acme.example", state: "active", is_disabled: true },
    { name: "new.acme.example", state: "unverified", is_disabled: false },
  ].filter(({ state }) => (query.get("state") ?? state) === state);
  const skip = Number(query.get("skip") ?? 0);
  const page = items.slice(skip, skip + Number(query.get("limit") ?? 100));
  return { total_count: items.length, items: page };
}

/** Mailgun, emulated. */
export const mailgunEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wireOf(), options),
  source: (url) => ({
    settings: { provider: "mailgun", base_url: url, domain: DOMAIN, secret: "MAILGUN_API_KEY" },
    secrets: { MAILGUN_API_KEY: SECRET },
  }),
};
