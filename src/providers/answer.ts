/** Reading a provider's HTTP answer within bounds, and writing about it without naming anyone. */
import { err, ok, type Result } from "../core/result.ts";

export { redact } from "../core/redact.ts";

/** Bytes read of an answer about one message: an id or an error is under 2 KB. */
export const ANSWER_MAX_BYTES = 65_536;

/**
 * Reads the body as UTF-8 text. `unreadable`: the connection or the signal ended it midway;
 * `too_large`: more than `maxBytes`, the rest is cancelled.
 */
export async function readAnswer(
  response: Response,
  maxBytes = ANSWER_MAX_BYTES,
): Promise<Result<string, "unreadable" | "too_large">> {
  if (response.body === null) return ok("");
  // A declared length is kept by the runtime, which then reads the body in one piece.
  const declared = Number(response.headers.get("content-length") ?? Number.NaN);
  if (declared <= maxBytes) {
    return response.text().then(ok, () => err("unreadable" as const));
  }
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ok(text + decoder.decode());
      size += value.byteLength;
      if (size > maxBytes) {
        discard(reader);
        return err("too_large");
      }
      text += decoder.decode(value, { stream: true });
    }
  } catch {
    return err("unreadable");
  }
}

/** Gives up a body that nobody reads, so that its connection is free. A failure has no effect. */
export function discard(body: { cancel(): Promise<void> } | null): void {
  body?.cancel().catch(() => {});
}

/** A JSON object's members, or null for anything else. */
export function readJsonObject(text: string): Record<string, unknown> | null {
  const value = parseJson(text);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** The elements of a JSON array, or null for anything else. */
export function readJsonArray(text: string): readonly unknown[] | null {
  const value = parseJson(text);
  return Array.isArray(value) ? value : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The members of an object in a provider's records, none for anything else. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** The objects in a list of a provider's records, none for anything else. */
export function objectsIn(value: unknown): Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === "object" && one !== null) : [];
}

/** A text or number in a provider's records as text, "" for anything else. */
export function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
