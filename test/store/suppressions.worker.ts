import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { readSuppressed } from "../../src/store/suppressions.ts";
import { suppressed } from "../support/worker/suppression.ts";

const NOW = 1_800_000_000_000;
const read = (account: string, hashes: readonly string[], now = NOW) =>
  readSuppressed(env.DB, account, hashes, now);

test("the suppressed ones among those asked about, each with its stream and reason", async () => {
  const ann = await suppressed("a1", "ann@a.example");
  const bob = await suppressed("a1", "bob@a.example", { stream: "news", reason: "complained" });
  await suppressed("a1", "not-asked@a.example");
  const rows = await read("a1", [ann, bob, "nobody"]);
  expect(rows.toSorted((a, b) => (a.reason < b.reason ? -1 : 1))).toEqual([
    { hash: ann, stream: "*", reason: "bounced" },
    { hash: bob, stream: "news", reason: "complained" },
  ]);
});

test("of another account nothing, also not of the test state of the same one", async () => {
  const hash = await suppressed("a2", "ann@a.example");
  expect(await read("a2~test", [hash])).toEqual([]);
  expect(await read("a3", [hash])).toEqual([]);
});

test("a row counts until it expires, to the millisecond", async () => {
  const hash = await suppressed("a4", "ann@a.example", { expiresAt: NOW });
  expect(await read("a4", [hash], NOW - 1)).toHaveLength(1);
  expect(await read("a4", [hash], NOW)).toEqual([]);
});

test("thousands are asked about in one query, beyond what it could bind one by one", async () => {
  const hash = await suppressed("a5", "ann@a.example");
  const many = Array.from({ length: 5_000 }, (_, n) => `hash-${n}`);
  expect(await read("a5", [...many, hash])).toHaveLength(1);
  expect(await read("a5", [])).toEqual([]);
});
