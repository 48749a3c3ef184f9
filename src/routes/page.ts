/** `limit`, `after` and `before` of lists, as the dialect has them. */
import { err, ok, type Result } from "../core/result.ts";
import type { AppContext, Page } from "../edge/context.ts";
import { type ApiError, apiError } from "../edge/errors.ts";

const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 20;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Reads the page that a request asks for; `what` is what the ids of the list are of. */
export function parsePage(c: AppContext, what = "an email"): Result<Page, ApiError> {
  const limit = Number(c.req.query("limit") ?? LIMIT_DEFAULT);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    return err(apiError("invalid_parameter", `\`limit\` is a number from 1 to ${LIMIT_MAX}.`));
  }
  const after = c.req.query("after")?.toLowerCase() ?? null;
  const before = c.req.query("before")?.toLowerCase() ?? null;
  if (after !== null && before !== null) {
    return err(apiError("invalid_parameter", "Give `after` or `before`, not both."));
  }
  for (const id of [after, before]) {
    if (id !== null && !UUID.test(id)) {
      return err(apiError("invalid_parameter", `\`after\` and \`before\` take the id of ${what}.`));
    }
  }
  return ok({ limit, after, before });
}
