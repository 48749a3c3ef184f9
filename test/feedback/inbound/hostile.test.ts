import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readReport } from "../../../src/feedback/inbound/read.ts";
import { READ_MAX_BYTES } from "../../../src/feedback/inbound/take.ts";
import * as fixtures from "./fixtures.ts";

const samples = Object.values(fixtures).flatMap((one) => (one instanceof Uint8Array ? [one] : []));

/** Events of one report: 51 groups, or 50 recipients. */
const EVENTS_MAX = 51;
/** JSON of one report, before the journal cuts each event: a value has 4,000 characters. */
const RAW_MAX = 2_000_000;
/** A reading takes half a second at most on an idle machine; a runaway one takes minutes. */
const LIMIT_MS = 4_000;

/** Reads, within all limits. */
async function bounded(raw: Uint8Array, sender = "") {
  const started = performance.now();
  const reading = await readReport(raw, sender);
  expect(performance.now() - started).toBeLessThan(LIMIT_MS);
  expect(reading.events.length).toBeLessThanOrEqual(EVENTS_MAX);
  expect(reading.unknown.length).toBeLessThanOrEqual(1);
  expect(reading.original.returnPaths.length).toBeLessThanOrEqual(4);
  for (const { text, address } of reading.events) {
    expect(text.length).toBeLessThanOrEqual(2_000);
    expect(address.length).toBeLessThanOrEqual(4_000);
  }
  return reading;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("hostile mail is read without a throw, within bounds", () => {
  test("there are fixtures to begin with", () => {
    expect(samples.length).toBeGreaterThanOrEqual(15);
  });

  test("what comes after twenty thousand lines is not read", async () => {
    const status = "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1";
    const after = (lines: number): Uint8Array =>
      fixtures.multipart(
        [],
        [
          ["text/plain", "a\n".repeat(lines)],
          ["message/delivery-status", status],
        ],
      );
    expect((await bounded(after(19_000))).events).toHaveLength(1);
    expect((await bounded(after(20_000))).events).toHaveLength(0);
  });

  test("any bytes", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), fc.string(), async (raw, sender) => {
        await bounded(raw, sender);
      }),
    );
  });

  test("reports that are cut off, or spoiled anywhere", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(4_000), fc.uint8Array({ maxLength: 12 })), { maxLength: 6 }),
        fc.nat(4_000),
        async (sample, spoils, end) => {
          const raw = sample.slice(0, Math.max(end, 200));
          for (const [at, spoil] of spoils)
            raw.set(spoil.slice(0, raw.length - at), at % raw.length);
          await bounded(raw);
        },
      ),
    );
  });

  test("fields of any text", async () => {
    const field = fc.tuple(
      fc.constantFrom("Action", "Status", "Final-Recipient", "Diagnostic-Code", "X", "__proto__"),
      fc.string({ unit: "binary", maxLength: 60 }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(field, { maxLength: 6 }), { maxLength: 8 }),
        async (all) => {
          const groups = all.map((group) => group.map(([name, value]) => `${name}: ${value}`));
          const body = groups.map((group) => group.join("\n")).join("\n\n");
          await bounded(fixtures.multipart([], [["message/delivery-status", body]]));
          await bounded(fixtures.multipart([], [["message/feedback-report", body]]));
        },
      ),
    );
  });

  const MB = READ_MAX_BYTES;
  const fill = (text: string): string => text.repeat(Math.ceil(MB / text.length)).slice(0, MB);
  const group = "Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n";
  const deep = Array.from(
    { length: 20_000 },
    (_, i) => `Content-Type: multipart/mixed; boundary=b${i}\n\n--b${i}\n`,
  ).join("");
  test.each<[string, Uint8Array]>([
    ["a megabyte of nothing", new Uint8Array(MB)],
    ["no end of recipients", fixtures.multipart([], [["message/delivery-status", fill(group)]])],
    ["no end of fields", fixtures.multipart([], [["message/delivery-status", fill("a: b\n")]])],
    ["no end of folds", fixtures.multipart([], [["message/delivery-status", fill("a: b\n c\n")]])],
    [
      "one long fold",
      fixtures.multipart([], [["message/delivery-status", `a:b\n${fill(" c\n")}`]]),
    ],
    ["one long field", fixtures.multipart([], [["message/delivery-status", `a:${fill(" ")}`]])],
    ["no end of a header", bytes(fill("Subject: a\n"))],
    ["one long header field", bytes(`Subject: ${fill("a ")}`)],
    ["parts within parts", bytes(deep)],
    ["no end of parts", fixtures.multipart([], Array(20_000).fill(["text/plain", "a"]))],
    ["a rule a megabyte long", fixtures.plain(["Subject: failure notice"], fill("-"))],
    ["no end of rules", fixtures.plain(["Subject: failure notice"], fill(`${"-".repeat(900)}\n`))],
    ["no end of addresses", fixtures.plain(["Subject: failure notice"], fill("<a@b.c>: x\n"))],
    ["one long address", fixtures.plain(["Subject: failure notice"], fill("<a"))],
    ["no end of ats", fixtures.plain(["Subject: failure notice"], fill("a@"))],
    ["no end of spaces", fixtures.plain(["Subject: failure notice"], `a@b.c${fill(" ")}x`)],
    ["no end of tags", bytes(`Content-Type: text/html\nSubject: failure notice\n\n${fill("<br")}`)],
    ["no end of codes", fixtures.plain(["Subject: failure notice"], fill("550 5.1.1 "))],
    ["no end of recipients of a complaint", fixtures.arf([`Original-Rcpt-To: ${fill("a@b.c,")}`])],
    ["a date of parentheses", fixtures.plain([`Date: ${fill("(")}`], "a")],
  ])("%s", async (_title, raw) => {
    const { events } = await bounded(raw.subarray(0, MB));
    expect(JSON.stringify(events).length).toBeLessThan(RAW_MAX);
  });
});
