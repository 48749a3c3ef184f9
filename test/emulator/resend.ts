/** A strict emulator of Resend's `POST /emails`: wire format, errors and idempotency keys. */
import { randomUUID } from "node:crypto";
import type { ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { json, startHttpEmulator, type Wire, type WireAnswer } from "./http.ts";
import { type ApiError, checkEmail, checkKey } from "./resend-validate.ts";

const SECRET = "re_S3cretKey_123";

const fail = (error: ApiError): WireAnswer => json(error.statusCode, error);

const wire: Wire = {
  take(request) {
    const problem = checkRequest(request);
    if (problem !== null) return fail(problem);
    let parsed: unknown;
    try {
      parsed = JSON.parse(request.body);
    } catch {
      const message = "The body is not valid JSON.";
      return fail({ statusCode: 400, name: "validation_error", message });
    }
    const email = checkEmail(parsed);
    if ("statusCode" in email) return fail(email);
    return [{ key: email.posternId ?? email.subject, subject: email.subject }];
  },
  accept: ([message]) => json(200, { id: message?.id }),
  newId: randomUUID,
  error: ({ status = 503, name, message = "" }) =>
    fail({
      statusCode: status,
      name: name ?? (status === 429 ? "rate_limit_exceeded" : "application_error"),
      message,
    }),
  inside: json(200, { data: null, error: { name: "application_error", message: "inside" } }),
  withoutId: json(200, {}),
  keyOf: ({ headers }) => headers["idempotency-key"]?.toString(),
  conflict: (running) =>
    fail({
      statusCode: 409,
      name: running ? "concurrent_idempotent_requests" : "invalid_idempotent_request",
      message: "The idempotency key is taken.",
    }),
};

function checkRequest({ headers, method, url }: ReceivedRequest): ApiError | null {
  if (url !== "/emails") return { statusCode: 404, name: "not_found", message: "Not found" };
  if (method !== "POST") {
    return { statusCode: 405, name: "method_not_allowed", message: "Method not allowed" };
  }
  const key = checkKey(headers.authorization?.toString(), SECRET);
  if (key !== null) return key;
  if (headers["user-agent"] === undefined) {
    return { statusCode: 403, name: "validation_error", message: "User-Agent is missing" };
  }
  if (!/^application\/json\b/.test(String(headers["content-type"]))) {
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
