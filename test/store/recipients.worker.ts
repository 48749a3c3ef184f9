import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import {
  type MergedRow,
  mergeRows,
  type RecipientRow,
  rowOfEvent,
  standingOf,
} from "../../src/core/recipient-row.ts";
import { countStates, listMessages, readMessage } from "../../src/store/recipients.ts";
import { shuffledGroups } from "../support/shuffle.ts";
import { recordRows } from "../support/worker/record.ts";
import { outcome, rowFacts } from "../support/worker/row-facts.ts";

beforeEach(async () => {
  await env.DB.prepare("DELETE FROM recipient").run();
});

const merge = (rows: readonly RecipientRow[]): Promise<MergedRow[]> => recordRows(mergeRows(rows));

interface Stored {
  readonly account_id: string;
  readonly message_id: string;
  readonly recipient_no: number;
  readonly address: string | null;
  readonly recipient_hash: string | null;
  readonly kind: string | null;
  readonly state: RecipientRow["state"];
  readonly rank: number;
  readonly state_at: number;
  readonly code: string;
  readonly text: string;
  readonly rev: number;
  readonly custody: number;
  readonly source: string | null;
  readonly provider_message_id: string | null;
  readonly complained_at: number | null;
  readonly marks: number;
  readonly bounces: string;
  readonly engagement: string;
  readonly attempt_key: string;
  readonly provider_key: string | null;
  readonly standing: string;
  readonly timeline: string;
  readonly message: string | null;
}

/** The table as rows of the core. */
async function stored(): Promise<RecipientRow[]> {
  const { results } = await env.DB.prepare("SELECT * FROM recipient").all<Stored>();
  return results.map((row) => ({
    account: row.account_id,
    messageId: row.message_id,
    no: row.recipient_no,
    address: row.address,
    hash: row.recipient_hash,
    kind: row.kind,
    state: row.state,
    rank: row.rank,
    stateAt: row.state_at,
    code: row.code,
    text: row.text,
    rev: row.rev,
    custody: row.custody === 1,
    source: row.source,
    providerMessageId: row.provider_message_id,
    complainedAt: row.complained_at,
    marks: row.marks,
    bounces: JSON.parse(row.bounces),
    engagement: JSON.parse(row.engagement),
    providerKey: row.provider_key,
    timeline: JSON.parse(row.timeline),
    message: row.message,
  }));
}

/** Where each recipient stands, by what SQL makes of its row. */
async function standings(): Promise<string[]> {
  const { results } = await env.DB.prepare(
    "SELECT standing FROM recipient ORDER BY message_id, recipient_no",
  ).all<{ standing: string }>();
  return results.map((row) => row.standing);
}

const sorted = (rows: readonly RecipientRow[]): RecipientRow[] =>
  rows.toSorted((a, b) => (`${a.messageId}/${a.no}` < `${b.messageId}/${b.no}` ? -1 : 1));

describe("the merge in SQL", () => {
  test("is the merge of the core, whatever the order, grouping and repetition", async () => {
    const arrivals = fc
      .array(rowFacts, { minLength: 1, maxLength: 10 })
      .chain((facts) => fc.tuple(fc.constant(facts), shuffledGroups(facts)));
    await fc.assert(
      fc.asyncProperty(arrivals, async ([facts, groups]) => {
        await env.DB.prepare("DELETE FROM recipient").run();
        for (const group of groups) await merge(group);
        const wanted = sorted(mergeRows(facts));
        expect(await stored()).toEqual(wanted);
        expect(await standings()).toEqual(wanted.map(standingOf));
      }),
      { numRuns: 120 },
    );
  });

  test("answers each row as it stands afterwards", async () => {
    await merge([outcome({ messageId: "m1", no: 0, rev: 2 })]);
    const event = { account: "acme", messageId: "m1", recipientNo: 0, source: "s1", at: 5 };
    const [row] = await merge([rowOfEvent({ ...event, type: "bounced", code: "", text: "" }, 0)]);
    const custody = outcome({ messageId: "m1", no: 0, rev: 2 }).custody;
    expect(row).toEqual({
      account: "acme",
      messageId: "m1",
      no: 0,
      state: "bounced",
      stateAt: 5,
      custody,
    });
  });

  test("takes thousands of rows in one transaction, and no rows in none", async () => {
    const rows = Array.from({ length: 3_000 }, (_, n) =>
      outcome({ messageId: `m${n}`, no: 0, rev: 9 }),
    );
    expect(await merge(rows)).toHaveLength(3_000);
    expect(await merge([])).toEqual([]);
  });

  test("writes all or nothing: one row that the table refuses leaves no other behind", async () => {
    const good = outcome({ messageId: "m1", no: 0, rev: 2 });
    const bad = { ...outcome({ messageId: "m2", no: 0, rev: 2 }), state: null };
    const rows = [good, bad as unknown as RecipientRow];
    await expect(recordRows(rows)).rejects.toThrow(/NOT NULL/);
    expect(await stored()).toEqual([]);
  });
});

describe("rows written", () => {
  /** What D1 counts, by watching every batch. */
  async function written(rows: readonly RecipientRow[]): Promise<number> {
    let count = 0;
    const watched = new Proxy(env.DB, {
      get(db, name) {
        if (name !== "batch") return Reflect.get(db, name).bind(db);
        return async (statements: D1PreparedStatement[]) => {
          const results = await db.batch(statements);
          for (const { meta } of results) count += meta.rows_written;
          return results;
        };
      },
    });
    await recordRows(rows, watched);
    return count;
  }

  test("are two for a new recipient, and one for every event that comes after", async () => {
    const rows = [0, 1].map((no) => outcome({ messageId: "m1", no, rev: 3 }));
    expect(await written(rows)).toBe(4);
    const event = { account: "acme", messageId: "m1", source: "s1", code: "", text: "" };
    const events = [0, 1].map((recipientNo) =>
      rowOfEvent({ ...event, recipientNo, type: "bounced", at: 5 }, recipientNo),
    );
    expect(await written(events)).toBe(2);
    expect(await written(events)).toBeLessThanOrEqual(2);
  });
});

describe("reading", () => {
  test("one message: its recipients in their order, of this account only", async () => {
    const rows = [3, 1, 0, 2].map((no) => outcome({ messageId: "m1", no, rev: 3 }));
    await merge([...rows, { ...outcome({ messageId: "m1", no: 0, rev: 3 }), account: "other" }]);
    const read = await readMessage(env.DB, "acme", "m1");
    expect(read.map((row) => row.recipient_no)).toEqual([0, 1, 2, 3]);
    expect(await readMessage(env.DB, "acme", "m2")).toEqual([]);
  });

  test("a page: whole messages, however many recipients they have", async () => {
    const rows = ["a1", "a2", "a3"].flatMap((messageId) =>
      [0, 1, 2].map((no) => outcome({ messageId, no, rev: 3 })),
    );
    await merge(rows);
    const page = { after: null, before: null, limit: 2 };
    const read = await listMessages(env.DB, "acme", page);
    expect(read.map((row) => `${row.message_id}/${row.recipient_no}`)).toEqual([
      ...["a3/0", "a3/1", "a3/2", "a2/0", "a2/1", "a2/2"],
    ]);
    const below = await listMessages(env.DB, "acme", { ...page, after: "a2" });
    expect([...new Set(below.map((row) => row.message_id))]).toEqual(["a1"]);
    const above = await listMessages(env.DB, "acme", { ...page, limit: 1, before: "a1" });
    expect([...new Set(above.map((row) => row.message_id))]).toEqual(["a2"]);
  });

  test("counts: what its Outbox has let go of, and no event without its outcome", async () => {
    const event = { account: "acme", recipientNo: 0, source: "s1", at: 5, code: "", text: "" };
    const closed = { ...outcome({ messageId: "m1", no: 0, rev: 3 }), custody: false };
    const open = { ...outcome({ messageId: "m2", no: 0, rev: 3 }), custody: true };
    await merge([closed, open]);
    await merge([rowOfEvent({ ...event, messageId: "m1", type: "complained" }, 0)]);
    await merge([rowOfEvent({ ...event, messageId: "m3", type: "delivered" }, 0)]);
    expect(await countStates(env.DB, "acme")).toEqual({ states: { delivered: 1 }, complained: 1 });
    expect(await countStates(env.DB, "other")).toEqual({ states: {}, complained: 0 });
  });
});
