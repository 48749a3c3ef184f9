/**
 * Every error the API gives, and the one map to the wire: `{statusCode, name, message}` as
 * Resend's clients read it. A message says what to do; it never carries a secret or an address.
 */
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";

const ERRORS = {
  malformed_json: [400, "validation_error"],
  invalid_field: [400, "validation_error"],
  invalid_idempotency_key: [400, "invalid_idempotency_key"],
  missing_api_key: [401, "missing_api_key"],
  invalid_signature: [401, "invalid_signature"],
  restricted_api_key: [401, "restricted_api_key"],
  invalid_api_key: [403, "invalid_api_key"],
  domain_not_allowed: [403, "validation_error"],
  not_found: [404, "not_found"],
  method_not_allowed: [405, "method_not_allowed"],
  invalid_idempotent_request: [409, "invalid_idempotent_request"],
  complaint_stays: [409, "complaint_stays"],
  job_not_finished: [409, "job_not_finished"],
  payload_too_large: [413, "payload_too_large"],
  unsupported_media_type: [415, "unsupported_media_type"],
  missing_required_field: [422, "missing_required_field"],
  invalid_parameter: [422, "invalid_parameter"],
  invalid_attachment: [422, "invalid_attachment"],
  undeliverable_recipient: [422, "undeliverable_recipient"],
  rate_limit_exceeded: [429, "rate_limit_exceeded"],
  internal: [500, "internal_server_error"],
  not_configured: [500, "application_error"],
  outbox_full: [503, "outbox_full"],
  unavailable: [503, "service_unavailable"],
} as const satisfies Record<string, readonly [ContentfulStatusCode, string]>;

export type ErrorCode = keyof typeof ERRORS;

/** An error on its way to the client. `retryAfterMs` becomes the `Retry-After` header. */
export interface ApiError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly retryAfterMs?: number;
}

/** Makes an `ApiError`. */
export function apiError(code: ErrorCode, message: string, retryAfterMs?: number): ApiError {
  return { code, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
}

/** The body of an error as the wire has it. */
export function errorBody(error: ApiError): { statusCode: number; name: string; message: string } {
  const [statusCode, name] = ERRORS[error.code];
  return { statusCode, name, message: error.message };
}

/** Answers with an error; always `application/json`, which every client of the dialect reads. */
export function fail(c: Context, error: ApiError): Response {
  const [status] = ERRORS[error.code];
  if (error.retryAfterMs !== undefined) {
    c.header("Retry-After", String(Math.max(1, Math.ceil(error.retryAfterMs / 1_000))));
  }
  return c.json(errorBody(error), status);
}
