/** A strict emulator of Brevo's transactional API: sending, events by tag, and domains. */
import { randomInt } from "node:crypto";
import { type ApiError, checkEmail } from "./brevo-validate.ts";
import { isJsonType, jsonIn } from "./checks.ts";
import type { AcceptedMessage, ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { json, type Wire, type WireAnswer } from "./wire.ts";

const SECRET = "xkeysib-S3cretKey-123";
const WINDOW_MS = 30 * 60_000;
const PATH = "/v3/smtp/email";

const fail = (status: number, code: string, message: string): WireAnswer =>
  json(status, { code, message } satisfies ApiError);

/** A repeat is refused, and not told what the first came to. */
const DUPLICATE = fail(
  400,
  "duplicate_parameter",
  "Email for the idempotency key has already been processed",
);

/** The domains of the emulated account. */
const DOMAINS = [
  { id: "1", domain_name: "Acme.example", authenticated: true, verified: true },
  { id: "2", domain_name: "pending.example", authenticated: false, verified: true },
];

/** The code of an error whose plan names none. */
const CODES: Readonly<Record<number, string>> = {
  400: "invalid_parameter",
  401: "unauthorized",
  402: "not_enough_credits",
  403: "permission_denied",
  404: "document_not_found",
  405: "method_not_allowed",
  406: "not_acceptable",
  429: "too_many_requests",
};

function wire(): Wire {
  /** Our ids by the tags under which messages were accepted. */
  const tagged = new Map<string, string>();
  return {
    take(request) {
      const problem = checkRequest(request);
      if (problem !== null) return problem;
      const email = checkEmail(jsonIn(request.body));
      if ("code" in email) return fail(400, email.code, email.message);
      const key = email.posternId ?? email.subject;
      for (const tag of email.tags) tagged.set(tag, key);
      return [{ key, subject: email.subject }];
    },
    accept: ([message]) => json(201, { messageId: message?.id }),
    newId: () => `<202701150800.${randomInt(1e10, 1e11)}@smtp-relay.mailin.fr>`,
    error: ({ status = 503, name, message = "" }) => {
      const code = name ?? CODES[status];
      return code === undefined ? { status, body: "" } : fail(status, code, message);
    },
    inside: json(200, { code: "internal_error", message: "inside" }),
    withoutId: json(201, {}),
    keyOf: ({ body }) => {
      const email = checkEmail(jsonIn(body));
      return "code" in email ? undefined : email.idempotencyKey;
    },
    repeated: DUPLICATE,
    conflict: () => DUPLICATE,
    query: (request, accepted) => answerQuery(request, accepted, tagged),
  };
}

function checkKey({ headers }: ReceivedRequest): WireAnswer | null {
  if (headers["api-key"] === undefined) return fail(401, "unauthorized", "Key not found");
  return headers["api-key"] === SECRET ? null : fail(401, "unauthorized", "Key is invalid");
}

function checkRequest(request: ReceivedRequest): WireAnswer | null {
  const { headers, method, url } = request;
  if (url !== PATH) return fail(404, "document_not_found", "Not found");
  if (method !== "POST") return fail(405, "method_not_allowed", "Method not allowed");
  const unknown = checkKey(request);
  if (unknown !== null) return unknown;
  if (!isJsonType(headers["content-type"])) {
    return fail(415, "invalid_parameter", "Content-Type must be JSON");
  }
  return null;
}

function answerQuery(
  request: ReceivedRequest,
  accepted: readonly AcceptedMessage[],
  tagged: ReadonlyMap<string, string>,
): WireAnswer | null {
  if (request.method !== "GET") return null;
  const { pathname, searchParams } = new URL(request.url, "http://emulator");
  const unknown = checkKey(request);
  if (unknown !== null) return unknown;
  if (pathname === "/v3/senders/domains") {
    return json(200, { domains: DOMAINS, count: 2, current_page: 1, total_pages: 1 });
  }
  if (pathname !== "/v3/smtp/statistics/events") return null;
  const tags = jsonIn(searchParams.get("tags") ?? "[]");
  if (!Array.isArray(tags)) return fail(400, "invalid_parameter", "tags is not a valid array");
  const keys = tags.map((tag) => tagged.get(String(tag)));
  const events = accepted
    .filter(({ key }) => keys.includes(key))
    .flatMap(({ key, subject, providerIds }) =>
      providerIds.map((messageId) => ({ messageId, event: "requests", subject, tag: key })),
    );
  return json(200, events.length > 0 ? { events } : {});
}

/** Brevo, emulated. */
export const brevoEmulator: ProviderEmulator = {
  inline: false,
  start: (options) => startHttpEmulator(wire(), { windowMs: WINDOW_MS, ...options }),
  source: (url) => ({
    settings: { provider: "brevo", base_url: url, secret: "BREVO_API_KEY" },
    secrets: { BREVO_API_KEY: SECRET },
  }),
};
