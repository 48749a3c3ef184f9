import { describe, expect, test } from "vitest";
import { PART_BYTES, storeUpload, type UploadPort } from "../../../src/verify/jobs/upload.ts";

/** Storage that notes what is done with it. */
function createStorage(fails: (call: string) => boolean = () => false) {
  const calls: string[] = [];
  const parts: Uint8Array[] = [];
  const call = async (name: string): Promise<void> => {
    calls.push(name);
    if (fails(name)) throw new Error(`no ${name}`);
  };
  const port: UploadPort = {
    put: async (bytes) => {
      await call("put");
      parts.push(bytes.slice());
    },
    begin: async () => {
      await call("begin");
      return {
        part: async (no, bytes) => {
          await call(`part ${no}`);
          parts.push(bytes.slice());
        },
        complete: () => call("complete"),
        abort: () => call("abort"),
      };
    },
  };
  return { calls, parts, port };
}

const PERIOD = 251;

/** `size` bytes that count up, over and over. */
function counting(size: number): Buffer {
  return Buffer.alloc(
    size,
    Uint8Array.from({ length: PERIOD }, (_, at) => at),
  );
}

/** The same in chunks; then the body breaks off, if it is to. */
async function* body(size: number, chunk: number, breaks = false): AsyncGenerator<Uint8Array> {
  const all = counting(size);
  for (let at = 0; at < size; at += chunk) yield all.subarray(at, at + chunk);
  if (breaks) throw new Error("the client is gone");
}

describe("an upload", () => {
  test("that is small is one call", async () => {
    const { calls, parts, port } = createStorage();
    expect(await storeUpload(body(1_000, 7), port)).toEqual({ ok: true, value: 1_000 });
    expect(calls).toEqual(["put"]);
    expect(Buffer.concat(parts).equals(counting(1_000))).toBe(true);
  });

  test("that is large goes in parts of one size, but for the last, and is what came", async () => {
    const size = 2 * PART_BYTES + 12_345;
    for (const chunk of [1_000_003, 3 * PART_BYTES]) {
      const { calls, parts, port } = createStorage();
      expect(await storeUpload(body(size, chunk), port)).toEqual({ ok: true, value: size });
      expect(calls).toEqual(["begin", "part 1", "part 2", "part 3", "complete"]);
      expect(parts.map((part) => part.length)).toEqual([PART_BYTES, PART_BYTES, 12_345]);
      expect(Buffer.concat(parts).equals(counting(size))).toBe(true);
    }
  });

  test("of just as many parts has no empty one", async () => {
    const { calls, port } = createStorage();
    await storeUpload(body(PART_BYTES, PART_BYTES), port);
    expect(calls).toEqual(["begin", "part 1", "complete"]);
  });

  test("that is too large is no file", async () => {
    const { calls, port } = createStorage();
    const most = PART_BYTES + 10;
    expect(await storeUpload(body(most + 1, 1_048_576), port, most)).toMatchObject({ ok: false });
    expect(calls).toEqual(["begin", "part 1", "abort"]);
    const small = createStorage();
    expect(await storeUpload(body(11, 4), small.port, 10)).toMatchObject({ ok: false });
    expect(small.calls).toEqual([]);
  });

  test("that breaks off, or that storage breaks off, is no file", async () => {
    const gone = createStorage();
    await expect(storeUpload(body(100, 10, true), gone.port)).rejects.toThrow("gone");
    expect(gone.calls).toEqual([]);
    const late = createStorage();
    const large = body(PART_BYTES + 1, 1_000_000, true);
    await expect(storeUpload(large, late.port)).rejects.toThrow("gone");
    expect(late.calls).toEqual(["begin", "part 1", "abort"]);
    const full = createStorage((call) => call === "part 2" || call === "abort");
    await expect(storeUpload(body(2 * PART_BYTES, 1_000_000), full.port)).rejects.toThrow("part 2");
    expect(full.calls.at(-1)).toBe("abort");
  });
});
