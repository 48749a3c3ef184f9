/** One attempt: check the target -> sign -> post without following -> read the answer. */
import { checkPublicUrl } from "../../core/public-url.ts";
import type { Attempt, Delivery, Endpoint } from "../../core/webhook.ts";
import type { AttemptDeps } from "./ports.ts";
import { retryAfterMs } from "./schedule.ts";
import { signatureHeaders } from "./sign.ts";

/** Standard Webhooks: a receiver is given 15 to 30 seconds. The whole attempt has this long. */
export const TIME_LIMIT_MS = 15_000;

/** Bytes of an answer that are read: enough to see which error page it is. */
export const RESPONSE_MAX = 1_024;

const GONE = 410;

/** What came of an attempt. */
export interface Attempted {
  readonly attempt: Attempt;
  readonly ok: boolean;
  /** The endpoint says that it is no more. */
  readonly gone: boolean;
  readonly retryAfterMs: number | null;
}

/**
 * Posts one delivery. It never rejects: whatever goes wrong is an attempt that failed, with its
 * reason in one word.
 *
 * @param keys the secrets to sign with: see `signingKeys`
 */
export async function deliver(
  endpoint: Pick<Endpoint, "url">,
  delivery: Pick<Delivery, "event" | "payload">,
  keys: readonly CryptoKey[],
  deps: AttemptDeps,
): Promise<Attempted> {
  const at = deps.now();
  const ended = (status: number, reason: string, response: string): Attempt => ({
    id: deps.uuid(),
    at,
    ms: Math.max(0, deps.now() - at),
    status,
    reason,
    response,
  });
  const failed = (reason: string): Attempted => ({
    attempt: ended(0, reason, ""),
    ok: false,
    gone: false,
    retryAfterMs: null,
  });
  // Checked again with every attempt: what an endpoint was let in under may have changed.
  const target = checkPublicUrl(endpoint.url, { allowLocal: deps.allowLocal });
  if (!target.ok) return failed("target_refused");
  const signal = deps.timeLimit(TIME_LIMIT_MS);
  let response: Response;
  try {
    response = await deps.fetch(target.value.href, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        "User-Agent": "postern-webhooks",
        ...(await signatureHeaders(keys, delivery.event, at, delivery.payload)),
      },
      body: delivery.payload,
      redirect: "manual",
      signal,
    });
  } catch {
    return failed(signal.aborted ? "timeout" : "unreachable");
  }
  const { status } = response;
  const text = await beginning(response);
  const ok = status >= 200 && status < 300;
  return {
    attempt: ended(status, reasonOf(status), text),
    ok,
    gone: status === GONE,
    retryAfterMs: ok ? null : retryAfterMs(response.headers.get("retry-after"), deps.now()),
  };
}

function reasonOf(status: number): string {
  if (status >= 200 && status < 300) return "";
  if (status === GONE) return "gone";
  // A redirect leads to a place that nobody has checked, and its sender is to correct the URL.
  if (status >= 300 && status < 400) return "redirect";
  return "status";
}

/** The first bytes of a body, which is then given up. The status has decided, whatever happens. */
async function beginning(response: Response): Promise<string> {
  if (response.body === null) return "";
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let left = RESPONSE_MAX;
  try {
    while (left > 0) {
      const part = await reader.read();
      if (part.done) return text + decoder.decode();
      text += decoder.decode(part.value.subarray(0, left), { stream: true });
      left -= part.value.byteLength;
    }
  } catch {
    return text;
  } finally {
    reader.cancel().catch(() => {});
  }
  return text;
}
