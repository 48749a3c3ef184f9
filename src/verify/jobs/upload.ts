/** A body on its way to storage, in memory that does not grow with it. */
import { err, ok, type Result } from "../../core/result.ts";

/** Bytes of an upload: what Cloudflare lets in on most plans. */
export const UPLOAD_MAX = 100 * 1024 * 1024;

/** Bytes of one part: R2 wants all but the last of one size, at least 5 MiB. */
export const PART_BYTES = 8 * 1024 * 1024;

/** A large file on its way, in parts numbered from 1. Each call may reject. */
export interface PartedUpload {
  part(no: number, bytes: Uint8Array): Promise<void>;
  /** Makes one file of the parts: before that there is none. */
  complete(): Promise<void>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

export interface UploadPort {
  put(bytes: Uint8Array): Promise<void>;
  begin(): Promise<PartedUpload>;
}

/**
 * Stores a body under one name, whole or not at all. Rejects when the body breaks off or storage
 * does.
 *
 * @returns how many bytes it has, or why it is refused
 */
export async function storeUpload(
  body: AsyncIterable<Uint8Array>,
  port: UploadPort,
  bytesMax = UPLOAD_MAX,
): Promise<Result<number, "too_large">> {
  let chunks: Uint8Array[] = [];
  let held = 0;
  let size = 0;
  let parts = 0;
  let upload: PartedUpload | null = null;

  async function flush(): Promise<void> {
    upload ??= await port.begin();
    const all = joined(chunks, held);
    for (; held >= PART_BYTES; held -= PART_BYTES) {
      const from = all.length - held;
      await upload.part(++parts, all.subarray(from, from + PART_BYTES));
    }
    chunks = held > 0 ? [all.slice(all.length - held)] : [];
  }

  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > bytesMax) {
        await (upload as PartedUpload | null)?.abort();
        return err("too_large");
      }
      chunks.push(chunk);
      held += chunk.byteLength;
      if (held >= PART_BYTES) await flush();
    }
    if (upload === null) {
      await port.put(joined(chunks, held));
    } else {
      const last: PartedUpload = upload;
      if (held > 0) await last.part(++parts, joined(chunks, held));
      await last.complete();
    }
    return ok(size);
  } catch (error) {
    // What cannot be taken back now, storage drops by itself: a file that is not complete is none.
    await (upload as PartedUpload | null)?.abort().catch(() => {});
    throw error;
  }
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  const [only] = chunks;
  if (chunks.length === 1 && only !== undefined) return only;
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.byteLength;
  }
  return all;
}
