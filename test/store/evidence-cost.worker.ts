import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { EvidenceItem } from "../../src/core/evidence.ts";
import { EVIDENCE_KEYS_MAX, evidenceStatements, readEvidence } from "../../src/store/evidence.ts";
import {
  clearEvidence,
  evidenceItem as item,
  learnFacts as learn,
  NOW,
  recordEvidence as record,
} from "../support/worker/evidence.ts";

beforeEach(clearEvidence);

describe("rows written", () => {
  const written = async (items: readonly EvidenceItem[]): Promise<number> =>
    (await record(items)).reduce((sum, meta) => sum + meta.rows_written, 0);

  test("are three for a lone message, and none for a repeat", async () => {
    expect(await written([item()])).toBe(3);
    expect(await written([item()])).toBe(0);
    expect(await written([item({ messageId: "m2" })])).toBe(3);
    await learn("d.example", "mx", null);
    // What leaves a bucket is one more.
    expect(await written([item({ messageId: "m3" })])).toBe(4);
  });

  test("are one per address and one per domain and bucket in a batch", async () => {
    const batch = Array.from({ length: 100 }, (_, n) =>
      item({ messageId: `m${n}`, hash: `h${n}`, domain: `d${n % 20}.example`, role: n % 5 === 0 }),
    );
    expect(await written(batch)).toBe(100 + 20 + 2);
    expect(await written(batch)).toBe(0);
  });

  test("need several statements only beyond what one may bind", async () => {
    const domain = `${"d".repeat(240)}.example`;
    const many = Array.from({ length: 2_000 }, (_, n) =>
      item({ messageId: `m${n}`, hash: `h${n % 7}`, domain }),
    );
    const statements = evidenceStatements(env.DB, many, false);
    expect(statements.length).toBe(2);
    await env.DB.batch(statements);
    const { global, addresses } = await readEvidence(
      ...([env.DB, "a", [{ hash: "h0", domain }], NOW, false] as const),
    );
    expect(global.good).toBeCloseTo(7, 0);
    expect(addresses.get("h0")).toMatchObject({ delivered: 286 });
    expect(evidenceStatements(env.DB, [], false)).toEqual([]);
  });
});

test("finds a thousand addresses in one query that reads little else", async () => {
  const all = Array.from({ length: EVIDENCE_KEYS_MAX }, (_, n) =>
    item({ messageId: `m${n}`, hash: `h${n}`, domain: `d${n % 50}.example` }),
  );
  await env.DB.batch(evidenceStatements(env.DB, all, false));
  await env.DB.batch(
    evidenceStatements(
      env.DB,
      all.map((one) => item({ ...one, account: "b" })),
      false,
    ),
  );
  let reads = 0;
  const counting = {
    prepare: (sql: string) => ({
      bind: (...values: unknown[]) => ({
        all: async () => {
          const answer = await env.DB.prepare(sql)
            .bind(...values)
            .all();
          reads += answer.meta.rows_read;
          return answer;
        },
      }),
    }),
  } as unknown as D1Database;
  const found = await readEvidence(counting, "a", all, NOW, false);
  expect([found.addresses.size, found.domains.size, found.buckets.size]).toEqual([1_000, 50, 1]);
  // Each key is read from the list that is bound, sorted, and looked up.
  expect(reads).toBeLessThan(3_200);
  await expect(readEvidence(env.DB, "a", [...all, item()], NOW, false)).rejects.toThrow("1001");
});
