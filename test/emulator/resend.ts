/** A strict emulator of Resend's `POST /emails`: wire format, errors and idempotency keys. */
import { randomUUID } from "node:crypto";
import { isJsonType, jsonIn } from "./checks.ts";
import type { ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { type ApiError, checkEmail, checkKey } from "./resend-validate.ts";
import { json, type Wire, type WireAnswer, type WireMessage } from "./wire.ts";

const SECRET = "re_S3cretKey_123";

const DOMAINS = [
  { id: "d1", name: "Acme.example", status: "verified" },
  { id: "d2", name: "new.example", status: "pending" },
  { id: "d3", name: "second.example", status: "verified" },
];

const fail = (error: ApiError): WireAnswer => json(error.statusCode, error);

const wire: Wire = {
  take(request, plan) {
    const problem = checkRequest(request);
    if (problem !== null) return fail(problem);
    const parsed = jsonIn(request.body);
    if (parsed === undefined) {
      const message = "The body is not valid JSON.";
      return fail({ statusCode: 400, name: "validation_error", message });
    }
    if (request.url === "/emails") return takeOne(parsed);
    return takeBatch(parsed, request.headers["x-batch-validation"] === "permissive", plan.refuse);
  },
  accept: (messages, { url }) => {
    if (url === "/emails") return json(200, { id: messages[0]?.id });
    const data = messages.flatMap(({ id }) => (id === null ? [] : [{ id }]));
    const errors = messages.flatMap(({ refused }, index) =>
      refused ? [{ index, message: "Invalid `to` field." }] : [],
    );
    return json(200, errors.length > 0 ? { data, errors } : { data });
  },
  newId: randomUUID,
  error: ({ status = 503, name, message = "" }) =>
    fail({
      statusCode: status,
      name: name ?? (status === 429 ? "rate_limit_exceeded" : "application_error"),
      message,
    }),
  inside: json(200, { data: null, error: { name: "application_error", message: "inside" } }),
  withoutId: json(200, {}),
  query({ method, url, headers }) {
    const { pathname, searchParams } = new URL(url, "http://resend.test");
    if (method !== "GET" || pathname !== "/domains") return null;
    const key = checkKey(headers.authorization?.toString(), SECRET);
    if (key !== null) return fail(key);
    // Two on the first page and one on the next, whatever is asked for.
    const rest = searchParams.get("after") === "d2";
    const data = rest ? DOMAINS.slice(2) : DOMAINS.slice(0, 2);
    return json(200, { object: "list", has_more: !rest, data });
  },
  keyOf: ({ headers }) => headers["idempotency-key"]?.toString(),
  conflict: (running) =>
    fail({
      statusCode: 409,
      name: running ? "concurrent_idempotent_requests" : "invalid_idempotent_request",
      message: "The idempotency key is taken.",
    }),
};

function takeOne(parsed: unknown): WireMessage[] | WireAnswer {
  const email = checkEmail(parsed);
  if ("statusCode" in email) return fail(email);
  return [{ key: email.posternId ?? email.subject, subject: email.subject }];
}

const attached = (email: { readonly attachments?: unknown }): boolean =>
  Array.isArray(email.attachments) && email.attachments.length > 0;

/** Strict validation refuses all for one; permissive leaves that one out. */
function takeBatch(
  parsed: unknown,
  permissive: boolean,
  refuse: readonly number[] = [],
): WireMessage[] | WireAnswer {
  if (!Array.isArray(parsed) || parsed.length === 0 || parsed.length > 100) {
    return fail({ statusCode: 422, name: "validation_error", message: "1 to 100 emails." });
  }
  const messages: WireMessage[] = [];
  for (const [index, one] of parsed.entries()) {
    const email = checkEmail(one);
    const refused = "statusCode" in email || refuse.includes(index) || attached(one);
    if (refused && !permissive) {
      const message = `Invalid \`to\` field of email ${index}.`;
      return fail({ statusCode: 422, name: "validation_error", message });
    }
    const { posternId, subject = "" } = "statusCode" in email ? {} : email;
    messages.push({ key: posternId ?? subject, subject, refused });
  }
  return messages;
}

function checkRequest({ headers, method, url }: ReceivedRequest): ApiError | null {
  if (url !== "/emails" && url !== "/emails/batch")
    return { statusCode: 404, name: "not_found", message: "Not found" };
  if (method !== "POST") {
    return { statusCode: 405, name: "method_not_allowed", message: "Method not allowed" };
  }
  const key = checkKey(headers.authorization?.toString(), SECRET);
  if (key !== null) return key;
  if (headers["user-agent"] === undefined) {
    return { statusCode: 403, name: "validation_error", message: "User-Agent is missing" };
  }
  if (!isJsonType(headers["content-type"])) {
    return { statusCode: 400, name: "validation_error", message: "Content-Type must be JSON" };
  }
  const idempotency = headers["idempotency-key"];
  if (idempotency !== undefined && (idempotency === "" || idempotency.length > 256)) {
    const message = "The idempotency key has 1 to 256 characters.";
    return { statusCode: 400, name: "invalid_idempotency_key", message };
  }
  return null;
}

/** Resend, emulated. */
export const resendEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wire, options),
  source: (url) => ({
    settings: { provider: "resend", base_url: url, secret: "RESEND_API_KEY" },
    secrets: { RESEND_API_KEY: SECRET },
  }),
};
