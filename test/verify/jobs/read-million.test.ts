import { describe, expect, test } from "vitest";
import { ROW_MAX } from "../../../src/core/csv.ts";
import { JOB_LINES_MAX } from "../../../src/core/verification-task.ts";
import { readUpload } from "../../../src/verify/jobs/read.ts";
import { parseRows } from "../../../src/verify/jobs/rows.ts";
import { seededRandom } from "../../core/random.ts";

const random = seededRandom(1);
const encoder = new TextEncoder();

async function* parts(all: Iterable<string>): AsyncGenerator<Uint8Array> {
  for (const one of all) yield encoder.encode(one);
}

describe("a million lines", () => {
  /** Bytes that a reading may add to the heap, tables of 32 MB aside. */
  const HEAP_MAX = 100 * 1024 * 1024;
  const LINES = 1_000_000;

  /** Names, notes and addresses of 20,000 domains, made as they are read. */
  function* file(lines: number): Generator<string> {
    yield "\ufeffName,Email,Note\r\n";
    for (let from = 0; from < lines; from += 1_000) {
      let text = "";
      for (let n = from; n < from + 1_000; n++) {
        if (n === 500) text += '"two\r\nlines",u500@d500.de,\r\n';
        else if (n === 501) text += `long,${"x".repeat(20_000)}\r\n`;
        else if (n === 502) text += "\r\ndup,U1@d1.de,after an empty line\r\n";
        else text += `Person ${n},u${n}@d${n % 20_000}.de,"a, note"\r\n`;
      }
      yield text;
    }
  }

  test("with a BOM, CRLF, a quoted newline, an empty and an over-long line are read", async () => {
    const found = { rows: 0, errors: [] as unknown[], duplicates: [] as unknown[] };
    let domains = 0;
    const sink = {
      rows: async (_: number, text: string) => {
        for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) found.rows += 1;
        if (!/"(?:of|error)":/.test(text)) return;
        for (const { line, of, error } of parseRows(text)) {
          if (error !== undefined) found.errors.push([line, error]);
          if (of !== undefined) found.duplicates.push([line, of]);
        }
      },
      domains: async (_: number, text: string) => {
        domains += text.split("\n").length;
      },
    };
    const job = { format: "csv", column: null, header: null, probe: false } as const;
    const before = process.memoryUsage();
    let most = 0;
    async function* watched(): AsyncGenerator<Uint8Array> {
      let part = 0;
      for await (const bytes of parts(file(LINES))) {
        yield bytes;
        if (part++ % 50 === 0) most = Math.max(most, process.memoryUsage().heapUsed);
      }
    }
    const result = await readUpload(watched(), job, sink, { random });
    expect(result.ok && result.value).toMatchObject({
      ...{ lines: LINES, addresses: LINES - 2, duplicates: 1, invalid: 1, domains: 20_000 },
    });
    expect(found).toEqual({
      rows: LINES,
      errors: [[504, `a row has at most ${ROW_MAX} characters`]],
      duplicates: [[506, 3]],
    });
    expect(domains).toBe(20_000);
    expect(most - before.heapUsed).toBeLessThan(HEAP_MAX);
  }, 60_000);

  test("are as many as are taken", async () => {
    const job = { format: "csv", column: null, header: null, probe: false } as const;
    const sink = { rows: async () => {}, domains: async () => {} };
    const most = (lines: number) =>
      readUpload(parts(["a@a.de\n".repeat(lines)]), job, sink, { random }, 100);
    expect(await most(100)).toMatchObject({ ok: true, value: { lines: 100 } });
    expect(await most(101)).toMatchObject({ ok: false, error: { code: "too_many_lines" } });
    expect(JOB_LINES_MAX).toBe(LINES);
  });
});
