/** The events of a message as they came: any number of them may be reported by whoever has it. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { RawEvent } from "../../src/core/events.ts";
import { rawEventStatements } from "../../src/store/raw-events.ts";

const row = (messageId: string, n: number): RawEvent => ({
  account: "raw",
  messageId,
  id: `e${n}`,
  no: 0,
  source: "s",
  type: "bounced",
  at: n,
  raw: "{}",
});

const rows = (messageId: string, from: number, count: number): RawEvent[] =>
  Array.from({ length: count }, (_, n) => row(messageId, from + n));

const kept = (messageId: string): Promise<number | null> =>
  env.DB.prepare("SELECT count(*) AS n FROM raw_event WHERE account_id = 'raw' AND message_id = ?")
    .bind(messageId)
    .first("n");

test("a message fills up, and takes no event after that; another one does", async () => {
  for (let batch = 0; batch < 5; batch++) {
    await env.DB.batch(rawEventStatements(env.DB, rows("full", 100 * batch, 100)));
  }
  expect(await kept("full")).toBe(200);
  await env.DB.batch(rawEventStatements(env.DB, [...rows("full", 900, 2), ...rows("free", 0, 2)]));
  expect([await kept("full"), await kept("free")]).toEqual([200, 2]);
});

test("an event that comes again is kept once", async () => {
  for (let time = 0; time < 2; time++) {
    await env.DB.batch(rawEventStatements(env.DB, rows("again", 0, 3)));
  }
  expect(await kept("again")).toBe(3);
});
