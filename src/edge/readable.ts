/**
 * Reading what may not answer at the moment: then the client is told to come again, with no 500.
 */
import { err, ok, type Result } from "../core/result.ts";
import type { Services } from "./context.ts";
import { type ApiError, apiError } from "./errors.ts";

/** How long a client waits before it asks a store again that did not answer. */
const RETRY_MS = 1_000;

/** The value of `read`, or the error that tells to repeat the request. */
export async function readable<T>(
  { log }: Pick<Services, "log">,
  read: () => Promise<T>,
): Promise<Result<T, ApiError>> {
  try {
    return ok(await read());
  } catch (error) {
    log("read_failed", { reason: String(error) });
    const sentence = "This cannot be read at the moment; repeat the request.";
    return err(apiError("unavailable", sentence, RETRY_MS));
  }
}
