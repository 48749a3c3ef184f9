import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { createApp } from "../../src/app.ts";
import { IMPORT_BYTES_MAX, IMPORT_ROWS_MAX } from "../../src/routes/suppressions-csv.ts";
import { edgeServices } from "../../src/services.ts";
import { Client, refused, request } from "../support/worker/client.ts";
import { suppressed } from "../support/worker/suppression.ts";

let client: Client;
beforeEach(async () => {
  client = await Client.make();
});

let taken = 0;

/** Goes on with an account whose list is empty. */
async function fresh(): Promise<void> {
  client = await Client.make({ account: ["other", "wide", "limited"][taken++] ?? "none" });
}

interface Imported {
  readonly added: number;
  readonly skipped: number;
  readonly failed: number;
  readonly errors: readonly { readonly line: number; readonly message: string }[];
}

const post = (body: BodyInit, type = "text/csv; charset=utf-8"): Promise<Response> =>
  request("/suppressions/import", {
    method: "POST",
    token: client.token,
    headers: { "content-type": type },
    body,
  });

async function imported(body: BodyInit): Promise<Imported> {
  const response = await post(body);
  const answer: Imported = await response.json();
  expect(response.status, JSON.stringify(answer)).toBe(200);
  return answer;
}

const exported = async (): Promise<string[]> => {
  const response = await client.get("/suppressions/export");
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
  return (await response.text()).split("\r\n");
};

/** A body whose length is not declared, in parts. */
function streamed(part: (index: number) => string, parts: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let index = 0;
  return new ReadableStream({
    pull(controller) {
      if (index === parts) controller.close();
      else controller.enqueue(encoder.encode(part(index++)));
    },
  });
}

const reasonsOf = async (...emails: string[]): Promise<unknown[]> => {
  const response = await client.post("/suppressions/lookup", { emails });
  const { data } = await response.json<{
    data: { suppressions: { reason: string; stream: string }[] }[];
  }>();
  return data.map(({ suppressions: [first] }) => first && `${first.reason} ${first.stream}`);
};

describe("an import", () => {
  test("takes 10,000 lines, and an export gives them all back, each once", async () => {
    await fresh();
    const line = (n: number): string =>
      `Person-${n}@a.example,${n % 3 === 0 ? "complaint" : ""}\r\n`;
    const lines = (from: number) => Array.from({ length: 100 }, (_, n) => line(from + n)).join("");
    const body = streamed(
      (part) => (part === 0 ? "\ufeffEmail,Reason\r\n" : lines((part - 1) * 100)),
      101,
    );
    expect(await imported(body)).toEqual({
      object: "suppression_import",
      added: 10_000,
      skipped: 0,
      failed: 0,
      errors: [],
    });
    const [header, ...rows] = await exported();
    expect(header).toMatch(/^email,reason,stream,/);
    expect(rows.pop()).toBe("");
    expect(rows).toHaveLength(10_000);
    const addresses = new Set(rows.map((row) => row.split(",")[0]));
    expect(addresses.size).toBe(10_000);
    expect(addresses.has("person-9999@a.example")).toBe(true);
    expect(rows.filter((row) => row.includes(",complaint,"))).toHaveLength(3_334);
  });

  test("tells what is wrong by its line, and takes the rest", async () => {
    const file = [
      "email,reason,stream,note",
      "ann@a.example",
      "nobody",
      "bob@a.example,unsubscribe,broadcast,x",
      "carl@a.example,weather",
      '"two',
      'lines@a.example",spam_report',
      "dora@a.example,,nowhere",
      "eve@a.example,soft_bounce",
      '"fay@a.example"x',
      "gus@a.example,bounced",
    ].join("\n");
    expect(await imported(file)).toMatchObject({
      added: 3,
      skipped: 1,
      failed: 5,
      errors: [
        { line: 3, message: expect.stringMatching(/^email: .*@/) },
        { line: 5, message: expect.stringMatching(/^reason: give one of manual/) },
        { line: 6, message: expect.stringMatching(/^email: /) },
        { line: 8, message: expect.stringMatching(/^stream: /) },
        { line: 10, message: expect.stringMatching(/after a closing quote/) },
      ],
    });
    const known = await reasonsOf(
      "ann@a.example",
      "bob@a.example",
      "gus@a.example",
      "eve@a.example",
    );
    expect(known).toEqual(["manual *", "unsubscribe broadcast", "hard_bounce *", undefined]);
  });

  test("takes a plain list of addresses, and the same one again", async () => {
    await fresh();
    for (let time = 0; time < 2; time++) {
      expect(await imported("ann@a.example\nbob@a.example\n")).toMatchObject({ added: 2 });
    }
    expect((await exported()).filter((row) => row.includes("@"))).toHaveLength(2);
  });

  test("of hostile bytes is an answer with errors, never a failure", async () => {
    const hostile = [
      new Uint8Array([0xff, 0xfe, 0x00, 0x61, 0x40]),
      "\u0000\u0000\n\u202eann@a.example",
      `"${"\n".repeat(50_000)}`,
      ",".repeat(100_000),
      '=HYPERLINK("x")@a.example,manual',
      "__proto__@a.example,__proto__\nconstructor@a.example,constructor",
      "a@b.example,manual,__proto__",
      "email,email,email\n\r\n\r\n,,,",
    ];
    for (const body of hostile) {
      const { added, failed } = await imported(body);
      expect(added + failed).toBeGreaterThan(0);
    }
    const many = await imported(`email\n${"x\n".repeat(5_000)}`);
    expect(many.failed).toBe(5_000);
    expect(many.errors).toHaveLength(100);
  });

  test("of nothing adds nothing", async () => {
    expect(await imported("")).toMatchObject({ added: 0, failed: 0 });
  });

  test("that is too large says up to where it was taken, after it was all read", async () => {
    const part = `${"x".repeat(4_095)}\n`.repeat(256);
    let read = 0;
    const parts = IMPORT_BYTES_MAX / part.length + 3;
    const body = streamed(() => {
      read += 1;
      return read === 1 ? `ann@a.example\n${part}` : part;
    }, parts);
    const sentence = /up to line 2\d{3} .* Split it/;
    await refused(await post(body), 413, "payload_too_large", sentence);
    expect(read).toBe(parts);
    expect(await reasonsOf("ann@a.example")).toEqual(["manual *"]);
  });

  test("that has too many rows says up to where it was taken", async () => {
    const all = new RegExp(`up to line ${IMPORT_ROWS_MAX} `);
    await refused(await post("x\n".repeat(IMPORT_ROWS_MAX + 1)), 413, "payload_too_large", all);
  });

  test("is text/csv, of a key that may do everything", async () => {
    await refused(await post("a@b.example", "text/plain"), 415, "unsupported_media_type", /csv/);
    const sender = await Client.make({ permission: "sending_access" });
    const response = await request("/suppressions/export", { token: sender.token });
    await refused(response, 401, "restricted_api_key", /only send/);
  });
});

describe("an export", () => {
  test("is safe to open in a spreadsheet, and its import gives the same addresses", async () => {
    await fresh();
    const names = ["=cmd", "+1", "-2", "'=x", '"a,b"'];
    for (const name of names) await suppressed(client.scope, `${name}@a.example`, { manualAt: 5 });
    const rows = await exported();
    const cells = rows.slice(1, -1).map((row) => row.replace(/^"/, "")[0]);
    expect(cells.filter((first) => /[=+\-@]/.test(first ?? ""))).toEqual([]);
    expect(rows.join("\r\n")).toContain("'=cmd@a.example");
    expect(await imported(rows.join("\r\n"))).toMatchObject({ added: 5, failed: 0 });
    expect(await exported()).toHaveLength(rows.length);
  });
});

describe("a database that does not answer", () => {
  let app: ReturnType<typeof createApp<typeof env>>;
  beforeAll(() => {
    const down = new Proxy(env.DB, {
      get: (target, name) =>
        name === "batch"
          ? () => Promise.reject(new Error("D1 DB is overloaded"))
          : Reflect.get(target, name),
    });
    const broken = { ...env, DB: down };
    app = createApp(() => edgeServices(broken as unknown as Parameters<typeof edgeServices>[0]));
  });

  test("is told as such, with what was taken and when to come again", async () => {
    const headers = { authorization: `Bearer ${client.token}`, "content-type": "text/csv" };
    const body = "ann@a.example\n";
    const init = { method: "POST", headers, body };
    const response = await app.request("/suppressions/import", init, env);
    expect(response.headers.get("retry-after")).toBe("1");
    await refused(response, 503, "service_unavailable", /Up to line 0 it is on the list/);
  });
});
