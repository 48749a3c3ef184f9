import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ROW_MAX } from "../../../src/core/csv.ts";
import type { NewJob } from "../../../src/core/verification-task.ts";
import { readUpload } from "../../../src/verify/jobs/read.ts";
import {
  DOMAINS_PER_LIST,
  PORTION_ROWS,
  PROBE_PORTION_ROWS,
  parseRows,
  type ResultRow,
} from "../../../src/verify/jobs/rows.ts";
import { seededRandom } from "../../core/random.ts";

type Options = Partial<Pick<NewJob, "format" | "column" | "header" | "probe">>;

const random = seededRandom(1);
const encoder = new TextEncoder();

async function* parts(all: Iterable<string | Uint8Array>): AsyncGenerator<Uint8Array> {
  for (const one of all) yield typeof one === "string" ? encoder.encode(one) : one;
}

/** Reads an upload; answers what it is, its rows and its lists of domains. */
async function read(input: string | Iterable<string | Uint8Array>, options: Options = {}) {
  const portions: string[] = [];
  const lists: string[] = [];
  const sink = {
    rows: async (no: number, text: string) => {
      portions[no] = text;
    },
    domains: async (no: number, text: string) => {
      lists[no] = text;
    },
  };
  const job = { format: "csv", column: null, header: null, probe: false, ...options } as const;
  const bytes = parts(typeof input === "string" ? [input] : input);
  const result = await readUpload(bytes, job, sink, { random });
  const rows = portions.flatMap(parseRows);
  const domains = lists.flatMap((text) => text.split("\n"));
  return { result, rows, portions, lists, domains };
}

/** The same, of an upload that can be read. */
async function good(input: string | Iterable<string | Uint8Array>, options: Options = {}) {
  const { result, ...rest } = await read(input, options);
  if (!result.ok) throw new Error(result.error.message);
  const { lines, addresses, duplicates, invalid, portions } = result.value;
  expect(lines).toBe(addresses + duplicates + invalid);
  expect(lines).toBe(rest.rows.length);
  expect(portions.map(([count]) => count)).toEqual(
    rest.portions.map((text) => parseRows(text).length),
  );
  return { ...rest, summary: result.value };
}

const refusal = async (input: string | Iterable<string | Uint8Array>, options: Options = {}) => {
  const { result } = await read(input, options);
  return result.ok ? null : result.error;
};

const told = (rows: readonly ResultRow[]) =>
  rows.map(({ line, address, of, error }) => [line, error ?? of ?? address]);

describe("a CSV", () => {
  test("is read line by line, whatever is wrong with one of them", async () => {
    const long = `${"x".repeat(ROW_MAX)},long@a.example`;
    const bad = new Uint8Array([0x62, 0xff, 0x2c, 0x62, 0x40, 0x62, 0x2e, 0x64, 0x65, 0x0a]);
    const file = [
      "\ufeffName,E-Mail\r\n",
      '"Ann\r\nof two lines",ann@a.example\r\n',
      "\r\n",
      "Bob,bob@b.example\r\n",
      `${long}\r\n`,
      '"Carl"x,carl@a.example\n',
      bad,
      "Dora\n",
      "Ann again,ANN@a.example\r",
      "Eve,nobody\n",
      '"open,eve@a.example',
    ];
    const { rows, summary, domains } = await good(file);
    expect(told(rows)).toEqual([
      [2, "ann@a.example"],
      [5, "bob@b.example"],
      [6, `a row has at most ${ROW_MAX} characters`],
      [7, "there is text after a closing quote"],
      [8, "the line is not UTF-8"],
      [9, "the row has no column 1"],
      [10, 2],
      [11, "nobody"],
      [12, "a quote is not closed"],
    ]);
    expect(rows[0]?.input).toEqual(["Ann\r\nof two lines", "ann@a.example"]);
    expect(summary).toMatchObject({ columns: ["Name", "E-Mail"], lines: 9, addresses: 3 });
    // Of special-use domains nobody is asked.
    expect(domains).toEqual([]);
  });

  test("gives the same in parts of any size", async () => {
    const file = '\ufeffemail,näme\r\nann@ä.de,"a\r\nb"\r\n\r\n"q""q"@a.de,x\nann@ä.de,\n';
    const bytes = encoder.encode(file);
    const whole = await good([bytes]);
    expect(whole.rows).toHaveLength(3);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 12 }), async (size) => {
        const cut = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
          bytes.subarray(at * size, (at + 1) * size),
        );
        expect(await good(cut)).toEqual(whole);
      }),
    );
  });

  test("of one column needs no header", async () => {
    const { rows, summary } = await good("ann@a.de\n bob@a.de \n\n   \nANN@a.de\n");
    expect(told(rows)).toEqual([
      [1, "ann@a.de"],
      [2, "bob@a.de"],
      [5, 1],
    ]);
    expect(summary.columns).toBeNull();
    expect(rows.every(({ input }) => input === undefined)).toBe(true);
  });

  test("of nothing, or of a header alone, has no lines", async () => {
    for (const file of ["", "\ufeff", "\r\n\r\n", "email,name\n"]) {
      expect((await good(file)).summary).toMatchObject({ lines: 0, portions: [], lists: 0 });
    }
  });

  test("that is UTF-16 is refused as such", async () => {
    const error = await refusal([new Uint8Array([0xff, 0xfe, 0x61, 0x00])]);
    expect(error).toMatchObject({ code: "not_utf8" });
  });

  test("without a column of addresses is refused, and says which columns there are", async () => {
    expect(await refusal("a,b\n1,2\n")).toMatchObject({ code: "no_address_column" });
    const error = await refusal("name,mail\nx,a@b.de\n", { column: "email" });
    expect(error).toMatchObject({ code: "column_not_found", message: /name, mail/ });
    const data = await refusal("x,a@b.de\n", { column: "email" });
    expect(data?.message).not.toMatch(/@/);
  });

  test("gives back what a spreadsheet was kept from taking for a formula", async () => {
    const { rows } = await good("email,note\n'+tag@a.de,'=1\n");
    expect(rows[0]).toMatchObject({ address: "+tag@a.de", input: ["+tag@a.de", "=1"] });
  });
});

describe("NDJSON", () => {
  test("is a string or an object a line, and what is neither is that line's error", async () => {
    const long = JSON.stringify("x".repeat(ROW_MAX));
    const file = [
      '"ann@a.de"\r\n',
      '{"Email":"bob@a.de","n":{"x":1}}\n',
      "\n",
      "nope@a.de\n",
      "5\n",
      "[]\n",
      '{"name":"x"}\n',
      '{"email":5}\n',
      `${long}\n`,
      new Uint8Array([0x22, 0xff, 0x22, 0x0a]),
      '{"email":"ANN@a.de"}',
    ];
    const { rows, summary } = await good(file, { format: "ndjson" });
    expect(told(rows)).toEqual([
      [1, "ann@a.de"],
      [2, "bob@a.de"],
      [4, "the line is not JSON"],
      [5, "the line is neither a string nor an object"],
      [6, "the line is neither a string nor an object"],
      [7, "the object has no address"],
      [8, "the object has no address"],
      [9, `a line has at most ${ROW_MAX} characters`],
      [10, "the line is not UTF-8"],
      [11, 1],
    ]);
    expect(rows[1]?.input).toEqual({ Email: "bob@a.de", n: { x: 1 } });
    expect(summary.columns).toEqual(["Email", "n"]);
  });

  test("takes the address from the field that is named", async () => {
    const file = '{"email":"a@a.de","backup":"b@a.de"}\n{"__proto__":1,"email":"c@a.de"}';
    const { rows } = await good(file, { format: "ndjson", column: "backup" });
    expect(told(rows)).toEqual([
      [1, "b@a.de"],
      [2, "the object has no address"],
    ]);
  });
});

describe("duplicates", () => {
  test("are told by the canonical form, and point to the line of the first", async () => {
    const file = "Ann.B+x@gmail.com\nannb@googlemail.com\na.b@a.de\nab@a.de\nA.B@A.DE\n???\n???\n";
    const { rows } = await good(file, { column: "0", header: false });
    expect(told(rows)).toEqual([
      [1, "Ann.B+x@gmail.com"],
      [2, 1],
      [3, "a.b@a.de"],
      [4, "ab@a.de"],
      [5, 3],
      [6, "???"],
      [7, 6],
    ]);
  });

  test("and their domains are each listed once", async () => {
    const names = Array.from({ length: 600 }, (_, n) => `d${n}.de`);
    const file = names.flatMap((name) => [`a@${name}`, `b@${name.toUpperCase()}`]).join("\n");
    const literal = "\nx@[127.0.0.1]\ny@a.test\nnone";
    const { domains, lists, summary } = await good(file + literal);
    expect(domains).toEqual(names);
    expect(lists).toHaveLength(Math.ceil(600 / DOMAINS_PER_LIST));
    expect(summary).toMatchObject({ domains: 600, lists: lists.length });
  });
});

describe("portions", () => {
  test("have so many rows, and fewer when mailboxes are probed or rows are long", async () => {
    const file = Array.from({ length: 2_500 }, (_, n) => `u${n}@a.de`).join("\n");
    const plain = await good(file);
    expect(plain.summary.portions.map(([rows]) => rows)).toEqual([PORTION_ROWS, PORTION_ROWS, 500]);
    const probed = await good(file, { probe: true });
    expect(probed.summary.portions).toHaveLength(2_500 / PROBE_PORTION_ROWS);
    const note = "x".repeat(8_000);
    const long = Array.from({ length: 300 }, (_, n) => `u${n}@a.de,${note}`).join("\n");
    const [[first] = [0]] = (await good(long)).summary.portions;
    expect(first).toBeLessThan(130);
  });

  test("that cannot be written make the reading fail", async () => {
    const sink = { rows: () => Promise.reject(new Error("storage")), domains: async () => {} };
    const job = { format: "csv", column: null, header: null, probe: false } as const;
    const reading = readUpload(parts(["a@a.de\n"]), job, sink, { random });
    await expect(reading).rejects.toThrow("storage");
  });
});
