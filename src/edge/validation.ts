/** What zod found wrong with a body, as one error of the API that names the field. */
import type { z } from "zod";
import { type ApiError, apiError } from "./errors.ts";

/** Characters of a caller's own field name that an error repeats. */
const NAME_MAX = 64;

/** The first issue as the API tells it; `value` is what was checked. */
export function fieldError(error: z.ZodError, value: unknown): ApiError {
  const issue = error.issues[0];
  if (issue === undefined) return apiError("invalid_field", "The body is not valid.");
  const field = issue.path.join(".").slice(0, NAME_MAX * 2);
  if (issue.code === "unrecognized_keys") {
    const keys = issue.keys.map((key) => `\`${key.slice(0, NAME_MAX)}\``).join(", ");
    const plural = issue.keys.length > 1 ? "s" : "";
    return apiError("invalid_parameter", `Unknown field${plural} ${keys}.`);
  }
  if (field === "") return apiError("invalid_field", "The body must be a JSON object.");
  if (isMissing(value, issue.path)) {
    return apiError("missing_required_field", `Missing \`${field}\` field.`);
  }
  const reason = issue.code === "invalid_key" ? issue.issues[0]?.message : issue.message;
  return apiError("invalid_field", `Invalid \`${field}\` field: ${reason ?? "not valid"}.`);
}

function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  let at: unknown = value;
  for (const key of path) at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key];
  return at === undefined;
}
