import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import type { Tally } from "../../src/core/guard.ts";
import { MARK } from "../../src/core/marks.ts";
import { BUCKET_MS } from "../../src/core/reputation.ts";
import { readStandings } from "../../src/store/guard.ts";
import { pruneReputation, tallyStatements } from "../../src/store/reputation.ts";
import { shuffledGroups } from "../support/shuffle.ts";

const HOUR = 500_000 * BUCKET_MS;
const SENT = MARK.sent;
const DELIVERED = MARK.sent | MARK.delivered;
const HARD = MARK.sent | MARK.hard;
const COMPLAINED = DELIVERED | MARK.complained;

beforeEach(async () => {
  await env.DB.batch([
    env.DB.prepare("DELETE FROM recipient"),
    env.DB.prepare("DELETE FROM reputation"),
  ]);
});

const tally = (no: number, marks: number, given: Partial<Tally> = {}): Tally => ({
  account: "a",
  messageId: "m",
  no,
  marks,
  at: HOUR + 5,
  scopes: ["stream/a/s/d.example", "source/x"],
  reports: true,
  ...given,
});

/** The transaction of the journal: tallies, then marks into the rows. */
async function record(tallies: readonly Tally[], timeline = "[]"): Promise<D1Result[]> {
  const counted = tallyStatements(env.DB, tallies);
  const results = await env.DB.batch([
    ...counted,
    ...tallies.map(({ account, messageId, no, marks }) =>
      env.DB.prepare(
        `INSERT INTO recipient (account_id, message_id, recipient_no, state, rank, state_at, marks,
           timeline) VALUES (?1, ?2, ?3, 'sent', 4, 1, ?4, ?5)
         ON CONFLICT DO UPDATE SET marks = marks | excluded.marks`,
      ).bind(account, messageId, no, marks, timeline),
    ),
  ]);
  return results.slice(0, counted.length);
}

const counts = async (scope = "source/x", from = 0) =>
  (await readStandings(env.DB, [scope], from))[0]?.counts;

test("a recipient counts for its stream and its source, each bit in its column", async () => {
  await record([
    tally(0, DELIVERED),
    tally(1, HARD),
    tally(2, COMPLAINED),
    tally(3, COMPLAINED, { reports: false }),
    tally(4, SENT | MARK.soft, { scopes: ["source/x"] }),
    tally(5, SENT | MARK.withheld, { reports: false }),
    tally(6, MARK.opened | MARK.clicked),
  ]);
  const both = { delivered: 3, hard: 1, block: 0, withheld: 1, complained: 1, complainedOther: 1 };
  expect(await counts()).toEqual({ ...both, sent: 6, soft: 1, reporting: 4, returned: 2 });
  expect(await counts("stream/a/s/d.example")).toEqual({
    ...{ ...both, sent: 5, soft: 0, reporting: 3, returned: 1 },
  });
});

test("batches that come doubled, halved and shuffled count each recipient once", async () => {
  const marks = fc.constantFrom(SENT, DELIVERED, HARD, COMPLAINED, SENT | MARK.soft);
  const facts = fc
    .array(fc.record({ no: fc.nat(3), marks }), { minLength: 1, maxLength: 10 })
    .chain((given) => fc.tuple(fc.constant(given), shuffledGroups(given)));
  await fc.assert(
    fc.asyncProperty(facts, async ([given, groups]) => {
      await env.DB.batch([
        env.DB.prepare("DELETE FROM recipient"),
        env.DB.prepare("DELETE FROM reputation"),
      ]);
      for (const group of groups) {
        const one = new Map<number, Tally>();
        for (const { no, marks } of group) {
          one.set(no, tally(no, marks | (one.get(no)?.marks ?? 0)));
        }
        await record([...one.values()]);
      }
      const union = new Map<number, number>();
      for (const { no, marks } of given) union.set(no, (union.get(no) ?? 0) | marks);
      const all = [...union.values()];
      const of = (mark: number): number => all.filter((one) => (one & mark) !== 0).length;
      expect(await counts()).toEqual({
        sent: of(MARK.sent),
        delivered: of(MARK.delivered),
        hard: of(MARK.hard),
        soft: of(MARK.soft),
        block: 0,
        withheld: 0,
        reporting: of(MARK.sent),
        returned: of(MARK.hard | MARK.soft),
        complained: of(MARK.complained),
        complainedOther: 0,
      });
    }),
    { numRuns: 25 },
  );
});

test("one row is written per scope and hour, and none by a repeat", async () => {
  const many = Array.from({ length: 500 }, (_, no) => tally(no, DELIVERED));
  const [first] = await record(many);
  expect(first?.meta.changes).toBe(2);
  const [more] = await record(many.map((one) => ({ ...one, marks: COMPLAINED })));
  expect(more?.meta.rows_written).toBe(2);
  const [again] = await record(many);
  expect(again?.meta.rows_written).toBe(0);
  expect(await counts()).toMatchObject({ sent: 500, complained: 500 });
});

test("a late bounce falls in the hour of its send, whatever it says itself", async () => {
  const sent = JSON.stringify([
    { at: HOUR + 9, type: "sent", attempt: 1, source: "x" },
    // A provider's clock is its own.
    { at: 17, type: "sent", source: "x" },
  ]);
  await record([tally(0, SENT, { at: HOUR + 9 })], sent);
  await record([tally(0, HARD, { at: HOUR - 40 * BUCKET_MS })]);
  expect(await counts("source/x", HOUR)).toMatchObject({ sent: 1, hard: 1 });
  expect(await counts("source/x", HOUR + BUCKET_MS)).toMatchObject({ sent: 0, hard: 0 });
});

test("tallies beyond what one statement may bind are counted in several", async () => {
  const scopes = [`stream/a/s/${"d".repeat(240)}.example`, "source/x"];
  const many = Array.from({ length: 2_500 }, (_, no) => tally(no, DELIVERED, { scopes }));
  const statements = tallyStatements(env.DB, many);
  expect(statements.length).toBeGreaterThan(1);
  await env.DB.batch(statements);
  expect(await counts()).toMatchObject({ sent: 2_500 });
  expect(tallyStatements(env.DB, [])).toEqual([]);
});

test("hours that have gone are deleted, the others stay", async () => {
  await record([tally(0, SENT), tally(1, SENT, { at: HOUR - BUCKET_MS })]);
  expect(await pruneReputation(env.DB, HOUR)).toBe(2);
  expect(await pruneReputation(env.DB, HOUR)).toBe(0);
  expect(await counts()).toMatchObject({ sent: 1 });
});
