/** What the largest and the oddest batches come to in the real database. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { ProviderEvent } from "../../src/core/events.ts";
import { mergeRows, type RecipientRow, rowOfEvent } from "../../src/core/recipient-row.ts";
import { lookJournal } from "../../src/store/journal.ts";
import { readRawEvents } from "../../src/store/raw-events.ts";
import { readMessage } from "../../src/store/recipients.ts";
import { recordBatch, recordRows } from "../support/worker/record.ts";

beforeEach(async () => {
  await env.DB.batch([
    env.DB.prepare("DELETE FROM recipient"),
    env.DB.prepare("DELETE FROM raw_event"),
  ]);
});

const event = (messageId: string, given: Partial<ProviderEvent> = {}): ProviderEvent => ({
  account: "acme",
  messageId,
  recipientNo: 0,
  source: "s1",
  type: "bounced",
  at: 1_800_000_000_000,
  code: "",
  text: "",
  ...given,
});

/** D1's own limit of a bound value, which the local one does not have. */
const VALUE_MAX = 2_000_000;

/** The database, with the bytes of the largest value that was bound. */
function measured() {
  const seen = { bytes: 0 };
  const bytesOf = (value: unknown): number => new TextEncoder().encode(String(value)).byteLength;
  const db = {
    prepare: (sql: string) => ({
      bind(...values: unknown[]) {
        seen.bytes = Math.max(seen.bytes, ...values.map(bytesOf));
        return env.DB.prepare(sql).bind(...values);
      },
    }),
    batch: (statements: D1PreparedStatement[]) => env.DB.batch(statements),
  };
  return { seen, db: db as unknown as D1Database };
}

describe("looking up", () => {
  test("forty thousand messages at once stays within a value's size", async () => {
    const { seen, db } = measured();
    const refs = Array.from({ length: 40_000 }, (_, n) => ({
      account: "an-account-of-some-length~test",
      messageId: `0199b2a4-1c00-7000-8000-${String(n).padStart(12, "0")}`,
    }));
    expect(await lookJournal(db, refs, [], [])).toMatchObject({ found: [] });
    expect(seen.bytes).toBeLessThan(VALUE_MAX);
  });

  test("a provider's ids of any characters stays within a value's size", async () => {
    const { seen, db } = measured();
    const keys = Array.from({ length: 5_000 }, (_, n) => `s/${"\u0000".repeat(256)}${n}`);
    expect(await lookJournal(db, [], keys, [])).toMatchObject({ found: [] });
    expect(seen.bytes).toBeLessThan(VALUE_MAX);
  });
});

describe("texts that are hostile", () => {
  const texts = [
    "\u0000",
    "a\u0000b",
    "\ud800",
    "a\udfff",
    "'; DROP TABLE recipient; --",
    '"]}',
    "\u{1f600}",
  ];

  test.each(texts)("are recorded and read, once however often they come: %j", async (text) => {
    const rows = [
      rowOfEvent(event("m1", { code: text, text, providerMessageId: text || "x" }), 0),
      rowOfEvent(event("m1", { type: "clicked", url: text }), 0),
      rowOfEvent(event("m1", { type: "deferred", code: text, text }), 0),
    ];
    const raw = {
      account: "acme",
      messageId: "m1",
      id: "r",
      no: 0,
      source: "s1",
      type: "bounced",
      at: 1,
      raw: text,
    };
    for (let n = 0; n < 3; n++) {
      await recordBatch({ rows: mergeRows(rows), raws: [raw] });
      for (const row of rows) await recordRows([row]);
    }
    const [stored] = await readMessage(env.DB, "acme", "m1");
    expect(JSON.parse(stored?.timeline ?? "")).toHaveLength(2);
    expect(JSON.parse(stored?.engagement ?? "")).toHaveLength(1);
    expect(Object.keys(JSON.parse(stored?.bounces ?? ""))).toHaveLength(1);
    expect(await readRawEvents(env.DB, "acme", "m1")).toHaveLength(1);
  });
});

test("bounces under ever new ids do not make a row too large", async () => {
  const text = "x".repeat(200);
  const all: RecipientRow[] = [];
  for (let round = 0; round < 4; round++) {
    const rows = Array.from({ length: 2_500 }, (_, n) =>
      rowOfEvent(event("m1", { text, providerMessageId: `${round}-${n}` }), 0),
    );
    await recordRows(mergeRows(rows));
    all.push(...rows);
  }
  const [stored] = await readMessage(env.DB, "acme", "m1");
  expect(stored?.bounces.length).toBeLessThan(20_000);
  expect(JSON.parse(stored?.bounces ?? "")).toEqual(mergeRows(all)[0]?.bounces);
});

test.each([1, 0, -5, 8.64e15, 1e300])("an event at %d is recorded", async (at) => {
  await recordRows([
    rowOfEvent(event("m1", { at }), 0),
    rowOfEvent(event("m2", { at, type: "opened" }), 0),
  ]);
  expect(await readMessage(env.DB, "acme", "m1")).toHaveLength(1);
});
