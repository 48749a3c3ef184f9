import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dataChunks } from "../../../src/providers/smtp/data.ts";
import { queueId } from "../../../src/providers/smtp/outcome.ts";
import { type Reply, ReplyReader } from "../../../src/providers/smtp/reply.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Everything a reader gives of these chunks, until it has no whole reply. */
function repliesOf(chunks: readonly Uint8Array[]): (Reply | "malformed")[] {
  const reader = new ReplyReader();
  const replies: (Reply | "malformed")[] = [];
  for (const chunk of chunks) {
    reader.push(chunk);
    for (let next = reader.next(); next !== null; next = reader.next()) {
      replies.push(next);
      if (next === "malformed") return replies;
    }
  }
  return replies;
}

const replyOf = (text: string): Reply => {
  const [reply] = repliesOf([bytes(`${text}\r\n`)]);
  if (reply === undefined || reply === "malformed") throw new Error(text);
  return reply;
};

describe("a relay's replies", () => {
  test("are the same wherever the chunks end, also within a letter", () => {
    const whole = bytes(
      "220 Grüße \u{1f600}\r\n250-relay\r\n250-SIZE 1000\r\n250 DSN\r\n" +
        "550-5.1.1 no\r\n550 5.1.1 such\r\n",
    );
    const expected = repliesOf([whole]);
    expect(expected).toMatchObject([
      { code: 220, text: "Grüße \u{1f600}", enhanced: null },
      { code: 250, lines: ["relay", "SIZE 1000", "DSN"] },
      { code: 550, enhanced: "5.1.1", text: "no such" },
    ]);
    fc.assert(
      fc.property(fc.array(fc.nat(whole.length), { maxLength: 20 }), (cuts) => {
        const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
        const chunks = places.slice(1).map((end, index) => whole.slice(places[index], end));
        expect(repliesOf(chunks)).toEqual(expected);
      }),
    );
  });

  test("may have no text, and bare LF at their ends", () => {
    expect(repliesOf([bytes("250\r\n250 \r\n250-a\n250\n")])).toMatchObject([
      { code: 250, text: "" },
      { code: 250, text: "" },
      { code: 250, lines: ["a", ""] },
    ]);
  });

  test("an enhanced code of another class than the code is none", () => {
    expect(replyOf("550 4.1.1 odd").enhanced).toBeNull();
    expect(replyOf("450 4.1.1 even").enhanced).toBe("4.1.1");
  });

  test.each([
    ["no code", "HTTP/1.1 400 Bad Request\r\n"],
    ["a code beyond 599", "650 no\r\n"],
    ["another code midway", "250-a\r\n251 b\r\n"],
    ["another separator", "250_a\r\n"],
    ["an empty line", "\r\n"],
    ["a line without end", `250 ${"x".repeat(5000)}`],
    ["a line of 5,000 characters", `250 ${"x".repeat(5000)}\r\n`],
    ["lines without end", "250-x\r\n".repeat(101)],
  ])("are malformed with %s, and stay so", (_what, text) => {
    const reader = new ReplyReader();
    reader.push(bytes(text));
    expect(reader.next()).toBe("malformed");
    reader.push(bytes("250 ok\r\n"));
    expect(reader.next()).toBe("malformed");
  });
});

describe("the name a relay gives a message", () => {
  test.each([
    ["Postfix", "250 2.0.0 Ok: queued as 4Zq8Jx1Wk2z9", "4Zq8Jx1Wk2z9"],
    ["Exim", "250 OK id=1rAbCd-000000001Yz-2xyz", "1rAbCd-000000001Yz-2xyz"],
    ["KumoMTA", "250 OK ids=d7ef132b5d7711eea8c8000c29c33806", "d7ef132b5d7711eea8c8000c29c33806"],
    [
      "Exchange",
      "250 2.6.0 <x@acme.example> [InternalId=4711, Hostname=mx1] Queued mail for delivery",
      "4711",
    ],
    ["Haraka", "250 Message Queued (9D5A-4E2B.1)", "9D5A-4E2B.1"],
    ["Sendmail", "250 2.0.0 0ABCdef1012345 Message accepted for delivery", "0ABCdef1012345"],
    ["OpenSMTPD", "250 2.0.0 1a2b3c4d Message accepted for delivery", "1a2b3c4d"],
    ["Stalwart", "250 2.0.0 Message queued with id 12ab34cd.", "12ab34cd"],
    [
      "Gmail",
      "250 2.0.0 OK  1700000000 a1-20020a05600c34c100b0040a4b1e2c3d.12 - gsmtp",
      "a1-20020a05600c34c100b0040a4b1e2c3d.12",
    ],
    [
      "SES",
      "250 Ok 0100018bc1d2e3f4-0a1b2c3d-1111-2222-3333-444455556666-000000",
      "0100018bc1d2e3f4-0a1b2c3d-1111-2222-3333-444455556666-000000",
    ],
    ["a relay that tells none", "250 OK: message queued", null],
    ["a name that is too long", `250 queued as ${"x".repeat(200)}`, null],
  ])("of %s is read", (_relay, text, id) => {
    expect(queueId(replyOf(text))).toBe(id);
  });
});

describe("the text of a message", () => {
  const written = (text: string): string =>
    [...dataChunks(text)].map(({ chunk }) => chunk).join("");
  /** What a relay reads: up to the first line of one dot, a leading dot taken away. */
  function readBack(data: string): { text: string; rest: string } {
    const end = data.startsWith(".\r\n") ? 0 : data.indexOf("\r\n.\r\n") + 2;
    return { text: data.slice(0, end).replace(/(^|\r\n)\./g, "$1"), rest: data.slice(end + 3) };
  }

  test("arrives as it was, whatever its dots and length", () => {
    const lines = fc.array(fc.constantFrom("", ".", "..", ".a", "a.", "\u2028.", "x".repeat(998)));
    fc.assert(
      fc.property(lines, fc.nat(300), (some, times) => {
        const text = [...some, ...Array<string>(times).fill("y".repeat(900)), ...some, ""].join(
          "\r\n",
        );
        expect(readBack(written(text))).toEqual({ text, rest: "" });
      }),
      { numRuns: 50 },
    );
  });

  test("holds no bare CR or LF, so that no part of it is read as another message", () => {
    const smuggled = "a\n.\nMAIL FROM:<x>\r.\rb\n.\r\nc\r\n";
    expect(written(smuggled)).not.toMatch(/[^\r]\n|\r[^\n]/);
    const text = "a\r\n.\r\nMAIL FROM:<x>\r\n.\r\nb\r\n.\r\nc\r\n";
    expect(readBack(written(smuggled))).toEqual({ text, rest: "" });
  });

  test("without a line end, or without anything, still ends", () => {
    expect(written("a")).toBe("a\r\n.\r\n");
    expect(written("")).toBe(".\r\n");
  });

  test("only the last chunk holds the end", () => {
    const chunks = [...dataChunks("x\r\n".repeat(100_000))];
    expect(chunks.length).toBeGreaterThan(3);
    expect(chunks.map(({ last }) => last).indexOf(true)).toBe(chunks.length - 1);
  });
});
