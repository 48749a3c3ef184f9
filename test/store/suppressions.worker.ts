import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  blankChange,
  SUPPRESSION_REASONS,
  type SuppressionChange,
  standingOf,
} from "../../src/core/suppression.ts";
import {
  findSuppressions,
  listSuppressions,
  overrideSuppression,
  removeSuppressions,
} from "../../src/store/suppression-list.ts";
import { readSuppressed, SOFT_KEPT } from "../../src/store/suppressions.ts";
import { changeOf, POLICY, write } from "../support/worker/suppression.ts";

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;
const read = (account: string, hashes: readonly string[], now = NOW) =>
  readSuppressed(env.DB, account, hashes, POLICY, now);
const all = (account: string) =>
  env.DB.prepare("SELECT * FROM suppression WHERE account_id = ? ORDER BY recipient_hash, stream")
    .bind(account)
    .all()
    .then(({ results }) => results);

/** Writes facts of one address, each in a transaction of its own; answers its hash. */
async function taught(
  account: string,
  ...facts: readonly Partial<SuppressionChange>[]
): Promise<string> {
  const changes = await Promise.all(facts.map((one) => changeOf(account, "ann@a.example", one)));
  for (const change of changes) await write([change], NOW);
  return changes[0]?.hash ?? "";
}

describe("one query of a batch", () => {
  test("answers the suppressed among thousands, each with stream, lane and reason", async () => {
    const ann = await changeOf("q1", "ann@a.example", { hardAt: NOW });
    const bob = await changeOf("q1", "bob@a.example", { stream: "news", unsubscribedAt: NOW });
    const other = await changeOf("q1", "not-asked@a.example", { hardAt: NOW });
    await write([ann, bob, other], NOW);
    const many = Array.from({ length: 5_000 }, (_, n) => `hash-${n}`);
    const rows = await read("q1", [...many, ann.hash, bob.hash]);
    expect(rows.toSorted((a, b) => (a.reason < b.reason ? -1 : 1))).toEqual([
      { hash: ann.hash, stream: "*", lane: "*", reason: "hard_bounce" },
      { hash: bob.hash, stream: "news", lane: "*", reason: "unsubscribe" },
    ]);
    expect(await read("q1", [])).toEqual([]);
  });

  test("answers nothing of another account, also not of its test state", async () => {
    const hash = await taught("q2", { hardAt: NOW });
    expect(await read("q2~test", [hash])).toEqual([]);
    expect(await read("q3", [hash])).toEqual([]);
  });

  test("a hard bounce counts to the millisecond, and a new one renews it", async () => {
    const hash = await taught("q4", { hardAt: NOW });
    expect(await read("q4", [hash], NOW + POLICY.hardMs - 1)).toHaveLength(1);
    expect(await read("q4", [hash], NOW + POLICY.hardMs)).toEqual([]);
    const [again] = [await changeOf("q4", "ann@a.example", { hardAt: NOW + POLICY.hardMs })];
    await write([again], NOW + POLICY.hardMs);
    expect(await read("q4", [hash], NOW + POLICY.hardMs)).toHaveLength(1);
  });
});

describe("soft bounces", () => {
  const soft = (n: number, at: number) => ({ soft: { [`m${n}`]: at } });

  test("suppress with the third message in a week, for 30 days, not with the second", async () => {
    const two = await taught("s1", soft(1, NOW - 2), soft(2, NOW - 1), soft(2, NOW - 1));
    expect(await read("s1", [two])).toEqual([]);
    await taught("s1", soft(3, NOW));
    expect(await read("s1", [two])).toMatchObject([{ reason: "soft_bounce", lane: "*" }]);
    expect(await read("s1", [two], NOW + POLICY.softMs - 1)).toHaveLength(1);
    expect(await read("s1", [two], NOW + POLICY.softMs)).toEqual([]);
  });

  test("of one message count once, and three spread over more than a week not at all", async () => {
    const same = await taught("s2", soft(1, NOW - 3), soft(1, NOW - 2), soft(1, NOW - 1));
    expect(await read("s2", [same])).toEqual([]);
    const spread = await taught("s3", soft(1, NOW - 7 * DAY), soft(2, NOW - DAY), soft(3, NOW));
    expect(await read("s3", [spread])).toEqual([]);
    const within = await taught("s4", soft(1, NOW - 7 * DAY + 1), soft(2, NOW - DAY), soft(3, NOW));
    expect(await read("s4", [within])).toHaveLength(1);
  });

  test("before a delivery are forgotten, those after it are not", async () => {
    const three = [soft(1, NOW - 30), soft(2, NOW - 20), soft(3, NOW - 10)];
    const lifted = await taught("s5", ...three, { deliveredAt: NOW - 5 });
    expect(await read("s5", [lifted])).toEqual([]);
    const earlier = await taught("s6", ...three, { deliveredAt: NOW - 31 });
    expect(await read("s6", [earlier])).toHaveLength(1);
    const between = await taught("s7", ...three, { deliveredAt: NOW - 25 });
    expect(await read("s7", [between])).toEqual([]);
    await taught("s7", soft(4, NOW));
    expect(await read("s7", [between])).toHaveLength(1);
  });

  test("are lifted also by a delivery that was recorded before they were", async () => {
    const { hash } = await changeOf("s8", "ann@a.example", {});
    await env.DB.prepare(
      `INSERT INTO recipient (account_id, message_id, recipient_no, recipient_hash, state, rank,
         state_at) VALUES ('s8', 'm0', 0, ?, 'delivered', 7, ?)`,
    )
      .bind(hash, NOW - 5)
      .run();
    await taught("s8", soft(1, NOW - 30), soft(2, NOW - 20), soft(3, NOW - 10));
    expect(await read("s8", [hash])).toEqual([]);
  });

  test("never make a row larger than the ones that may matter", async () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`m${n}`, NOW - n]));
    await taught("s9", { soft: many });
    const [row] = await all("s9");
    expect(Object.keys(JSON.parse(String(row?.soft)))).toHaveLength(SOFT_KEPT);
  });
});

describe("a complaint", () => {
  const override = (account: string, hash: string, at: number) =>
    overrideSuppression(env.DB, account, { hash, stream: "*" }, { at, by: "key-1", note: "asked" });

  test("has no end; an override lets transactional mail through, broadcasts never", async () => {
    const hash = await taught("c1", { complainedAt: NOW - 10 });
    expect(await read("c1", [hash], NOW * 2)).toMatchObject([{ reason: "complaint", lane: "*" }]);
    const row = await override("c1", hash, NOW - 5);
    expect(row?.overrides).toEqual([{ at: NOW - 5, by: "key-1", note: "asked" }]);
    expect(await read("c1", [hash])).toMatchObject([{ reason: "complaint", lane: "broadcast" }]);
  });

  test("that is new ends an override; one that is reported late does not", async () => {
    const hash = await taught("c2", { complainedAt: NOW - 10 });
    await override("c2", hash, NOW - 5);
    await taught("c2", { complainedAt: NOW - 6 }, { complainedAt: NOW - 10 });
    expect(await read("c2", [hash])).toMatchObject([{ lane: "broadcast" }]);
    await taught("c2", { complainedAt: NOW - 4 });
    expect(await read("c2", [hash])).toMatchObject([{ lane: "*" }]);
  });

  test("with an override opens nothing that a hard bounce blocks", async () => {
    const hash = await taught("c3", { complainedAt: NOW - 10 }, { hardAt: NOW - 9 });
    await override("c3", hash, NOW);
    expect(await read("c3", [hash])).toMatchObject([{ reason: "hard_bounce", lane: "*" }]);
  });

  test("stays when it is removed, and only a complaint takes an override", async () => {
    const hash = await taught("c4", { complainedAt: NOW - 10 });
    const whole = await all("c4");
    await removeSuppressions(env.DB, "c4", [{ hash, stream: "*" }], NOW);
    expect(await read("c4", [hash])).toHaveLength(1);
    expect(await all("c4")).toEqual(whole);
    const bounced = await taught("c5", { hardAt: NOW });
    expect(await override("c5", bounced, NOW)).toBeNull();
  });
});

describe("an entry that is removed", () => {
  test("is not brought back by what is reported again, but by what is new", async () => {
    const hash = await taught("r1", { hardAt: NOW - 10 });
    await removeSuppressions(env.DB, "r1", [{ hash, stream: "*" }], NOW - 5);
    await taught("r1", { hardAt: NOW - 10 }, { soft: { m1: NOW - 9, m2: NOW - 8, m3: NOW - 7 } });
    expect(await read("r1", [hash])).toEqual([]);
    await taught("r1", { hardAt: NOW - 4 });
    expect(await read("r1", [hash])).toHaveLength(1);
    expect(await findSuppressions(env.DB, "r1", [hash])).toMatchObject([{ firstSeenAt: NOW - 4 }]);
  });

  test("holds no address any more, and may be entered again in the same millisecond", async () => {
    const hash = await taught("r2", { manualAt: NOW });
    await removeSuppressions(env.DB, "r2", [{ hash, stream: "*" }], NOW);
    expect(await all("r2")).toMatchObject([{ address: "" }]);
    await taught("r2", { manualAt: NOW });
    expect(await read("r2", [hash])).toHaveLength(1);
  });
});

test("a provider's own list keeps broadcasts back for 30 days, until a delivery", async () => {
  const hash = await taught("l1", { listedAt: NOW - 10 });
  expect(await read("l1", [hash])).toMatchObject([{ reason: "provider_list", lane: "broadcast" }]);
  expect(await read("l1", [hash], NOW - 10 + POLICY.softMs)).toEqual([]);
  await taught("l1", { deliveredAt: NOW - 5 });
  expect(await read("l1", [hash])).toEqual([]);
});

test("a provider's clock that is ahead blocks no longer than one that is right", async () => {
  const hash = await taught("f1", { hardAt: NOW * 2 });
  expect(await read("f1", [hash], NOW + POLICY.hardMs)).toEqual([]);
});

const time = fc.integer({ min: NOW - 10 * DAY, max: NOW });
const factArbitrary: fc.Arbitrary<Partial<SuppressionChange>> = fc.oneof(
  time.map((hardAt) => ({ hardAt, firstAt: hardAt, lastAt: hardAt })),
  time.map((listedAt) => ({ listedAt, firstAt: listedAt, lastAt: listedAt })),
  time.map((complainedAt) => ({ complainedAt, firstAt: complainedAt, lastAt: complainedAt })),
  fc.tuple(fc.constantFrom("m1", "m2", "m3", "m4"), time).map(([id, at]) => ({
    soft: { [id]: at },
    messageId: id,
    firstAt: at,
    lastAt: at,
  })),
);

test("facts in any order, apart or together, once or twice, leave the same row", async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(factArbitrary, { minLength: 1, maxLength: 6 }),
      fc.array(fc.nat(), { minLength: 6, maxLength: 6 }),
      fc.boolean(),
      async (facts, keys, together) => {
        run += 1;
        const [left, right] = [`p${run}a`, `p${run}b`];
        const hash = "ab".repeat(16);
        const make = (account: string) => {
          const blank = blankChange({ account, hash, stream: "*", address: "ann@a.example" });
          return facts.map((fact) => ({ ...blank, ...fact }));
        };
        for (const change of make(left)) await write([change], NOW);
        const shuffled = make(right)
          .map((change, index) => ({ change, key: keys[index] ?? 0 }))
          .sort((a, b) => a.key - b.key)
          .map(({ change }) => change);
        if (together) await write([...shuffled, ...shuffled.slice(0, 2)], NOW);
        else for (const change of [...shuffled, ...shuffled]) await write([change], NOW);
        const [a, b] = [await all(left), await all(right)];
        expect(b).toEqual(a.map((row) => ({ ...row, account_id: right })));

        // The list's SQL and the policy's code are of one mind about every row.
        const place = { limit: 10, after: null, before: null, reasons: SUPPRESSION_REASONS };
        for (const now of [NOW, NOW + 25 * DAY, NOW + 400 * DAY]) {
          const stored = await findSuppressions(env.DB, left, [hash]);
          const listed = await listSuppressions(env.DB, left, place, POLICY, now);
          const blocking = stored.filter((row) => standingOf(row, POLICY, now) !== null);
          expect(listed).toEqual(blocking);
        }
      },
    ),
    { numRuns: 30 },
  );
});
