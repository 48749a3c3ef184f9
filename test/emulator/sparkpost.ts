/** A strict emulator of SparkPost: transmissions, the Events API and sending domains. */
import { randomInt, randomUUID } from "node:crypto";
import { isJsonType, jsonIn } from "./checks.ts";
import type { AcceptedMessage, Plan, ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { type ApiError, checkTransmission, type ValidTransmission } from "./sparkpost-validate.ts";
import { json, type Wire, type WireAnswer } from "./wire.ts";

const SECRET = "14ac5499cfdd2bb2859e4476d2e5b1d2";
const SENDS = "/api/v1/transmissions";

const refuse = (status: number, error: ApiError): WireAnswer => json(status, { errors: [error] });
const forbidden = refuse(403, { message: "Forbidden.", code: "1100" });

/** One emulator's wire: what was accepted is remembered for its events. */
function wireOf(): Wire {
  const taken = new Map<string, ValidTransmission>();
  let refusals: readonly ApiError[] = [];
  return {
    take(request, plan) {
      const problem = checkRequest(request);
      if (problem !== null) return problem;
      const parsed = jsonIn(request.body);
      if (parsed === undefined) return refuse(400, { message: "Invalid JSON", code: "1300" });
      const valid = checkTransmission(parsed);
      if ("error" in valid) return refuse(valid.status, valid.error);
      const { posternId, subject, recipients } = valid;
      const key = posternId ?? subject;
      taken.set(key, valid);
      refusals = refusalsOf(recipients, plan);
      return [{ key, subject, refused: refusals.length === recipients.length }];
    },
    accept([message]) {
      const total = taken.get(message?.key ?? "")?.recipients.length ?? 0;
      const results = {
        total_rejected_recipients: refusals.length,
        total_accepted_recipients: total - refusals.length,
        id: message?.id ?? undefined,
      };
      if (refusals.length === 0) return json(200, { results });
      const error = { message: "transmission created, but with validation errors", code: "2000" };
      return json(200, { errors: [error], results: { rcpt_to_errors: refusals, ...results } });
    },
    newId: () => String(randomInt(1e11, 1e12)),
    error: ({ status = 503, name, message = "" }) => {
      if (name === "text") return { status, body: message };
      const [first = "", ...rest] = message.split(" | ");
      const description = rest.length > 0 ? { description: rest.join(" ") } : {};
      return refuse(status, { message: first, ...description, ...(name ? { code: name } : {}) });
    },
    inside: refuse(200, { message: "inside", code: "1500" }),
    withoutId: json(200, { results: { total_accepted_recipients: 1 } }),
    query: (request, accepted) => answerOf(request, accepted, taken),
  };
}

/** The errors of the recipients that the plan refuses, by name unless it is `unnamed`. */
function refusalsOf(
  recipients: readonly string[],
  { refuse: places = [], name }: Plan,
): ApiError[] {
  return places.map((place) => ({
    message: "recipient refused",
    description: name === "unnamed" ? "a recipient is invalid" : `${recipients[place]} suppressed`,
    code: "1902",
  }));
}

function checkRequest({ headers, method, url }: ReceivedRequest): WireAnswer | null {
  if (url !== SENDS) return refuse(404, { message: "invalid URI", code: "1101" });
  if (method !== "POST") return refuse(405, { message: "invalid HTTP method", code: "1102" });
  if (headers.authorization !== SECRET) return forbidden;
  if (!isJsonType(headers["content-type"])) {
    return refuse(415, { message: "Unsupported Content-Type header", code: "1700" });
  }
  const subaccount = headers["x-msys-subaccount"];
  return subaccount === undefined || /^\d+$/.test(String(subaccount)) ? null : forbidden;
}

function answerOf(
  { headers, method, url }: ReceivedRequest,
  accepted: readonly AcceptedMessage[],
  taken: ReadonlyMap<string, ValidTransmission>,
): WireAnswer | null {
  if (method !== "GET") return null;
  if (headers.authorization !== SECRET) return forbidden;
  const { pathname, searchParams } = new URL(url, "http://x");
  if (pathname === "/api/v1/sending-domains") return json(200, { results: domains(searchParams) });
  if (pathname !== "/api/v1/events/message") {
    return refuse(404, { message: "invalid URI", code: "1101" });
  }
  const [from, to] = ["from", "to"].map((name) => timeOf(searchParams.get(name)));
  const perPage = Number(searchParams.get("per_page") ?? 1000);
  if (from === undefined || to === undefined || !(perPage >= 1 && perPage <= 10_000)) {
    return refuse(400, { message: "invalid params", code: "1200" });
  }
  const wanted = searchParams.get("events")?.split(",") ?? ["delivery"];
  const events = accepted
    .filter(({ firstAtMs }) => firstAtMs >= from && firstAtMs < to && wanted.includes("delivery"))
    .flatMap((message) => deliveriesOf(message, taken.get(message.key)))
    .sort((a, b) => Date.parse(b.timestamp) - Date.parse(a.timestamp));
  const page = { results: events.slice(0, perPage), total_count: events.length, links: [] };
  return json(200, page);
}

/** `YYYY-MM-DDTHH:MM` in UTC. */
function timeOf(text: string | null): number | undefined {
  const known = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text ?? "");
  return known ? Date.parse(`${text}:00Z`) : undefined;
}

function deliveriesOf(message: AcceptedMessage, transmission: ValidTransmission | undefined) {
  return (transmission?.recipients ?? []).map((recipient) => ({
    type: "delivery",
    event_id: randomUUID(),
    timestamp: new Date(message.firstAtMs).toISOString(),
    rcpt_to: recipient.toLowerCase(),
    raw_rcpt_to: recipient,
    rcpt_meta: transmission?.metadata ?? {},
    transmission_id: message.providerIds[0],
  }));
}

function domains(query: URLSearchParams) {
  const of = (domain: string, ownership_verified: boolean, compliance_status: string) => ({
    domain,
    status: { ownership_verified, compliance_status, dkim_status: "valid" },
  });
  const wanted = query.get("ownership_verified");
  return [
    of("acme.example", true, "valid"),
    of("Second.acme.example", true, "valid"),
    of("blocked.acme.example", true, "blocked"),
    of("new.acme.example", false, "valid"),
  ].filter(({ status }) => wanted === null || String(status.ownership_verified) === wanted);
}

/** SparkPost, emulated. */
export const sparkpostEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wireOf(), options),
  source: (url) => ({
    settings: { provider: "sparkpost", base_url: url, secret: "SPARKPOST_API_KEY" },
    secrets: { SPARKPOST_API_KEY: SECRET },
  }),
};
