import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_IDS_PER_BASE, mintIds, readId, SHARDS_MAX } from "../../src/core/ids.ts";
import { createSigner } from "../../src/core/signer.ts";
import { seededRandom } from "./random.ts";

const signer = await createSigner("a secret");
const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const NOW = 1_800_000_000_123;

const mint = (account: string, shard: number, count: number, seed = 1, now = NOW) =>
  mintIds({ signer, now, random: seededRandom(seed) }, account, shard, count);

/** The id with bit `bit` (0 is the first of the 128) turned over. */
function flip(id: string, bit: number): string {
  const value = BigInt(`0x${id.replaceAll("-", "")}`) ^ (1n << BigInt(127 - bit));
  const hex = value.toString(16).padStart(32, "0");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

describe("mintIds", () => {
  test("what was minted reads back its shard and its millisecond", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string(),
        fc.integer({ min: 0, max: SHARDS_MAX - 1 }),
        fc.integer({ min: 1, max: MAX_IDS_PER_BASE }),
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.integer(),
        async (account, shard, count, now, seed) => {
          const ids = await mint(account, shard, count, seed, now);
          expect(ids).toHaveLength(count);
          for (const id of [ids[0] ?? "", ids.at(-1) ?? ""]) {
            expect(id).toMatch(UUID_V7);
            expect(await readId(signer, account, id)).toEqual({ shard, createdAt: now });
          }
        },
      ),
    );
  });

  test("ids of one base are distinct and sort in order", async () => {
    for (const count of [2, 100, MAX_IDS_PER_BASE]) {
      const ids = await mint("acme", 3, count, count);
      expect([...ids].sort()).toEqual(ids);
      expect(new Set(ids).size).toBe(count);
    }
  });

  test("a later millisecond sorts later, whatever the account and shard", async () => {
    const sequence = await Promise.all(
      [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, NOW].map(
        async (now, at) => (await mint(`a${at}`, 63 - at, 1, at, now))[0],
      ),
    );
    expect([...sequence].sort()).toEqual(sequence);
  });

  test("all 44 free bits of a single id take both values", async () => {
    let ones = 0n;
    let zeros = 0n;
    for (let seed = 0; seed < 200; seed++) {
      const value = BigInt(`0x${((await mint("acme", 0, 1, seed))[0] ?? "").replaceAll("-", "")}`);
      ones |= value;
      zeros |= ~value;
    }
    const free = (2n ** 38n - 1n) | ((2n ** 6n - 1n) << 64n);
    expect(ones & free).toBe(free);
    expect(zeros & free).toBe(free);
  });

  test("arguments out of range are errors of the caller", async () => {
    await expect(mint("acme", SHARDS_MAX, 1)).rejects.toThrow("shard");
    await expect(mint("acme", -1, 1)).rejects.toThrow("shard");
    await expect(mint("acme", 0, 0)).rejects.toThrow("count");
    await expect(mint("acme", 0, MAX_IDS_PER_BASE + 1)).rejects.toThrow("count");
    await expect(mint("acme", 0, 1, 1, 2 ** 48)).rejects.toThrow("now");
  });
});

describe("readId", () => {
  test("another account's id, and another installation's, are null", async () => {
    const [id = ""] = await mint("acme", 5, 1);
    expect(await readId(signer, "acme", id)).not.toBeNull();
    expect(await readId(signer, "acme2", id)).toBeNull();
    expect(await readId(signer, "", id)).toBeNull();
    expect(await readId(await createSigner("another"), "acme", id)).toBeNull();
  });

  test("any flipped bit outside the index is refused; in the index it is a sibling", async () => {
    const [id = ""] = await mint("acme", 5, 1, 7);
    for (let bit = 0; bit < 118; bit++) {
      expect(await readId(signer, "acme", flip(id, bit)), `bit ${bit}`).toBeNull();
    }
    for (let bit = 118; bit < 128; bit++) {
      expect(await readId(signer, "acme", flip(id, bit)), `bit ${bit}`).not.toBeNull();
    }
  });

  test("text that is no UUIDv7 in lower case is null", async () => {
    const [id = ""] = await mint("acme", 5, 1, 9);
    const other = [
      "",
      "x",
      id.toUpperCase(),
      ` ${id}`,
      `${id}\n`,
      id.replaceAll("-", ""),
      `${id}0`,
    ];
    for (const text of other) expect(await readId(signer, "acme", text)).toBeNull();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        expect(await readId(signer, "acme", text)).toBeNull();
      }),
    );
  });
});
