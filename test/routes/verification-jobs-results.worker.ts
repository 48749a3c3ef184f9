import { beforeAll, describe, expect, test } from "vitest";
import { createCsvReader } from "../../src/core/csv.ts";
import { Client, refused } from "../support/worker/client.ts";
import { Jobs, type Result } from "../support/worker/jobs.ts";

let jobs: Jobs;
let id: string;

/** Every tenth line is a duplicate, every eleventh is broken, one of 500 takes mail. */
const LINES = 2_345;
const line = (n: number): string =>
  n % 11 === 5
    ? `"x"${n}`
    : n % 10 === 9
      ? "u1@a.test"
      : n % 500 === 0
        ? `m${n}@sandbox.test`
        : `u${n}@a.test`;

beforeAll(async () => {
  jobs = new Jobs(await Client.make());
  const rows = Array.from({ length: LINES }, (_, n) => `${n},${line(n)}`);
  ({ id } = await jobs.start(`=n,email\n${rows.join("\n")}`));
  await jobs.ended(id);
});

const text = async (query: string, headers: Record<string, string> = {}): Promise<string> => {
  const { token } = jobs.client;
  const { request } = await import("../support/worker/client.ts");
  const response = await request(`/verifications/jobs/${id}/results${query}`, { token, headers });
  expect(response.status).toBe(200);
  return new TextDecoder().decode(await response.arrayBuffer());
};

describe("pages", () => {
  test("of any size give every line once, in the order of the upload", async () => {
    for (const limit of [1_000, 333, 97]) {
      const lines = (await jobs.pages(id, limit)).map((row) => row.line);
      expect(lines).toEqual(Array.from({ length: LINES }, (_, n) => n + 2));
    }
  });

  test("by a filter give what matches it, as it is counted", async () => {
    const { counts } = await jobs.read(id);
    const filtered = async (query: string): Promise<Result[]> => jobs.pages(id, 300, query);
    const unknown = await filtered("&status=unknown");
    expect(unknown).toHaveLength(counts.status.unknown);
    expect(unknown.every(({ address }) => address?.endsWith("@sandbox.test"))).toBe(true);
    expect(await filtered("&reason=special_use_domain")).toHaveLength(
      counts.reason.special_use_domain ?? 0,
    );
    expect(await filtered("&recommendation=block")).toHaveLength(counts.recommendation.block);
    expect(await filtered("&outcome=duplicate")).toHaveLength(counts.duplicates);
    expect(await filtered("&outcome=invalid")).toHaveLength(counts.invalid_lines);
    expect(await filtered("&outcome=verdict")).toHaveLength(counts.done);
    expect(await filtered("&reason=null_mx")).toEqual([]);
  });

  test("that are asked for wrongly are refused", async () => {
    const wrong: [string, RegExp][] = [
      ["?limit=0", /limit/],
      ["?limit=1001", /limit/],
      ["?after=x", /after/],
      ["?status=fine", /status/],
      ["?reason=__proto__", /reason/],
      ["?format=xml", /format/],
    ];
    for (const [query, message] of wrong) {
      await refused(await jobs.results(id, query), 422, "invalid_parameter", message);
    }
    expect(await jobs.page(id, "?after=99999.99999")).toMatchObject({ has_more: false, data: [] });
  });
});

describe("all results", () => {
  test("as CSV keep the columns, are safe in a spreadsheet, and can be read back", async () => {
    const csv = await text("", { accept: "text/csv" });
    const reader = createCsvReader();
    const rows = [...reader.push(csv), ...reader.end()].map((row) =>
      "cells" in row ? row.cells : [],
    );
    const [header = []] = rows;
    expect(header.slice(0, 4)).toEqual([
      "'=n",
      "email",
      "verification_address",
      "verification_status",
    ]);
    expect(rows).toHaveLength(LINES + 1);
    const [, first, second] = rows;
    expect(first?.slice(0, 2)).toEqual(["0", "m0@sandbox.test"]);
    expect(second?.slice(0, 4)).toEqual(["1", "u1@a.test", "u1@a.test", "undeliverable"]);
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([header.length]));
    const again = await jobs.start(csv);
    const { counts } = await jobs.ended(again.id);
    const before = (await jobs.read(id)).counts;
    expect(counts.addresses - before.addresses).toBeLessThanOrEqual(1);
    expect(counts.lines).toBe(before.lines);
  });

  test("as NDJSON are one object a line, and may be filtered", async () => {
    const all = (await text("?format=ndjson")).trimEnd().split("\n");
    expect(all.map((one) => (JSON.parse(one) as Result).line)).toEqual(
      Array.from({ length: LINES }, (_, n) => n + 2),
    );
    const some = (await text("?format=ndjson&status=unknown")).trimEnd().split("\n");
    expect(some).toHaveLength((await jobs.read(id)).counts.status.unknown);
    expect(await text("?format=ndjson&status=risky")).toBe("");
  });

  test("of a job that goes on are refused; its pages say that there is more", async () => {
    const list = Array.from({ length: 3_000 }, (_, n) => `u${n}@a.test`).join("\n");
    const job = await jobs.start(list);
    await jobs.act(job.id, "pause");
    const response = await jobs.results(job.id, "?format=csv");
    await refused(response, 409, "job_not_finished", /has ended/);
    const page = await jobs.page(job.id, "?limit=10");
    expect(page).toMatchObject({ has_more: true, complete: false });
    await jobs.act(job.id, "resume");
    // Whoever follows the pages while it runs misses nothing.
    const lines: number[] = [];
    for (let next: string | null = "0.0"; next !== null; ) {
      const one = await jobs.page(job.id, `?limit=500&after=${next}`);
      lines.push(...one.data.map((row) => row.line));
      next = one.next;
      if (one.data.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(lines).toEqual(Array.from({ length: 3_000 }, (_, n) => n + 1));
  });
});
