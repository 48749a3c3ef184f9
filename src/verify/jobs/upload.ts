/** A body on its way to storage, in memory that does not grow with it. */
import { err, ok, type Result } from "../../core/result.ts";

/** Bytes of an upload: what Cloudflare lets in on most plans. */
export const UPLOAD_MAX = 100 * 1024 * 1024;

/** Bytes of one part: R2 wants all but the last of one size, at least 5 MiB. */
export const PART_BYTES = 5 * 1024 * 1024;

/** Room that a body begins with: most lists that people check by hand fit. */
const ROOM_MIN = 64 * 1024;

/** A large file on its way, in parts numbered from 1. Each call may reject. */
export interface PartedUpload {
  /** The bytes are the caller's again when it has settled. */
  part(no: number, bytes: Uint8Array): Promise<void>;
  /** Makes one file of the parts: before that there is none. */
  complete(): Promise<void>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

export interface UploadPort {
  /** As for `part`. */
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
  let room = new Uint8Array(ROOM_MIN);
  let held = 0;
  let size = 0;
  let parts = 0;
  let upload: PartedUpload | null = null;

  /** Makes room for `wanted` bytes in all, at most those of a part. */
  function grow(wanted: number): void {
    if (wanted <= room.byteLength) return;
    const larger = new Uint8Array(Math.min(PART_BYTES, Math.max(wanted, 2 * room.byteLength)));
    larger.set(room.subarray(0, held));
    room = larger;
  }

  /** Takes bytes; a part that is full leaves at once, and its room is used again. */
  async function take(chunk: Uint8Array): Promise<void> {
    for (let from = 0; from < chunk.byteLength; ) {
      const some = chunk.subarray(from, from + PART_BYTES - held);
      grow(held + some.byteLength);
      room.set(some, held);
      held += some.byteLength;
      from += some.byteLength;
      if (held < PART_BYTES) continue;
      upload ??= await port.begin();
      await upload.part(++parts, room);
      held = 0;
    }
  }

  try {
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > bytesMax) {
        await (upload as PartedUpload | null)?.abort();
        return err("too_large");
      }
      await take(chunk);
    }
    if (upload === null) {
      await port.put(room.subarray(0, held));
    } else {
      const last: PartedUpload = upload;
      if (held > 0) await last.part(++parts, room.subarray(0, held));
      await last.complete();
    }
    return ok(size);
  } catch (error) {
    // What cannot be taken back now, storage drops by itself: a file that is not complete is none.
    await (upload as PartedUpload | null)?.abort().catch(() => {});
    throw error;
  }
}
