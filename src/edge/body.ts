/** Reading a JSON body within its limit, with an error for everything that can be wrong with it. */
import { err, ok, type Result } from "../core/result.ts";
import type { AppContext } from "./context.ts";
import { type ApiError, apiError } from "./errors.ts";

/**
 * Bytes of a request: text, its parsed form and the stored form together stay well inside a
 * Worker's 128 MB when several requests share it.
 */
export const BODY_MAX = 10 * 1024 * 1024;

/**
 * Bytes that are read and thrown away before an oversized request is answered: many clients read an
 * answer only when they have sent everything. Cloudflare lets 100 MB in on most plans.
 */
const DRAIN_MAX = 100 * 1024 * 1024;

const TOO_LARGE = apiError(
  "payload_too_large",
  `The request body is larger than ${BODY_MAX / 1024 / 1024} MB.`,
);

export interface JsonBody {
  readonly text: string;
  readonly value: unknown;
}

/** Reads and parses the body of a POST. */
export async function readJson(c: AppContext): Promise<Result<JsonBody, ApiError>> {
  const type = c.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/json") {
    return err(
      apiError("unsupported_media_type", "Send the body as `Content-Type: application/json`."),
    );
  }
  const text = await readText(c);
  if (!text.ok) return text;
  try {
    return ok({ text: text.value, value: JSON.parse(text.value) as unknown });
  } catch {
    return err(apiError("malformed_json", "The request body is not valid JSON."));
  }
}

/** Reads a body as it came, up to `bytesMax` bytes. */
export async function readBytes(
  c: AppContext,
  bytesMax: number,
): Promise<Result<Uint8Array<ArrayBuffer>, ApiError>> {
  const tooLarge = err(
    apiError("payload_too_large", `The request body is larger than ${bytesMax} bytes.`),
  );
  if (Number(c.req.header("content-length") ?? 0) > bytesMax) {
    await drain(c.req.raw.body);
    return tooLarge;
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stream = (c.req.raw.body ?? []) as unknown as AsyncIterable<Uint8Array>;
  for await (const chunk of stream) {
    size += chunk.byteLength;
    if (size > DRAIN_MAX) return tooLarge;
    if (size <= bytesMax) chunks.push(chunk);
  }
  if (size > bytesMax) return tooLarge;
  const body = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    body.set(chunk, at);
    at += chunk.byteLength;
  }
  return ok(body);
}

async function readText(c: AppContext): Promise<Result<string, ApiError>> {
  const declared = c.req.header("content-length");
  if (Number(declared ?? 0) > BODY_MAX) {
    await drain(c.req.raw.body);
    return err(TOO_LARGE);
  }
  // A declared length is kept by the runtime; without one the body is counted as it comes.
  if (declared !== undefined) return ok(await c.req.text());
  const stream = c.req.raw.body;
  if (stream === null) return ok("");
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > DRAIN_MAX) return err(TOO_LARGE);
    if (size <= BODY_MAX) text += decoder.decode(chunk, { stream: true });
  }
  return size > BODY_MAX ? err(TOO_LARGE) : ok(text + decoder.decode());
}

/** Reads and throws away what is left of a body, up to `DRAIN_MAX`. */
export async function drain(stream: ReadableStream<Uint8Array> | null): Promise<void> {
  if (stream === null) return;
  let size = 0;
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    if (size > DRAIN_MAX) return;
  }
}
