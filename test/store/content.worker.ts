import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import * as content from "../../src/store/content.ts";

const bucket = env.CONTENT;

test("content comes back as it was put, under a key of its account", async () => {
  const key = content.contentKey("acme~test", "m1");
  expect(key).toBe("content/acme~test/m1");
  const text = "å\u0000😀".repeat(50_000);
  await content.putContent(bucket, key, text);
  expect(await content.readContent(bucket, key)).toBe(text);
  expect(await content.readContent(bucket, content.contentKey("acme", "m1"))).toBe(null);
});

test("more keys than one call takes are all deleted, whether they are there or not", async () => {
  const keys = Array.from({ length: 1_005 }, (_, n) => content.contentKey("acme", `d${n}`));
  const kept = [keys[0], keys[999], keys[1_004]].flatMap((key) => key ?? []);
  for (const key of kept) await content.putContent(bucket, key, "x");
  await content.deleteContent(bucket, keys);
  for (const key of kept) expect(await content.readContent(bucket, key)).toBe(null);
  await content.deleteContent(bucket, []);
});

test("dead letters are listed oldest first, a bounded number, with what was in them", async () => {
  for (const at of [1_800_000_000_003, 1_800_000_000_001, 1_800_000_000_002]) {
    await content.keepDead(bucket, { kind: "events", at }, { at, id: crypto.randomUUID() });
  }
  const letters = await content.listDead(bucket, 2);
  expect(letters.map((one) => one.body)).toEqual([
    { kind: "events", at: 1_800_000_000_001 },
    { kind: "events", at: 1_800_000_000_002 },
  ]);
  await content.deleteContent(
    bucket,
    letters.map((one) => one.key),
  );
  expect(await content.listDead(bucket, 9)).toHaveLength(1);
});

test("poison is kept with its reason, and is no dead letter", async () => {
  const before = await content.listDead(bucket, 99);
  await content.keepAside(bucket, "poison", { v: 1 }, "malformed", { at: 5, id: "x" });
  const object = await bucket.head("poison/5-x");
  expect(object?.customMetadata).toEqual({ reason: "malformed" });
  expect(await content.listDead(bucket, 99)).toEqual(before);
});
