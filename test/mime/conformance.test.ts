/**
 * 5,000 generated messages. Each is held to the rules of `test/support/mime/rules.ts`, read by a
 * strict reader of our own, by postal-mime and by mailparser, and has to say what was given; the
 * same inputs go through nodemailer's composer for comparison.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { refusalOfHeader } from "../../src/core/header-names.ts";
import { type Composable, compose } from "../../src/mime/compose.ts";
import { likened } from "../support/mime/likened.ts";
import { expected, fieldsOf, type Meaning, readStrictly } from "../support/mime/meaning.ts";
import { anyMessage, anyText, messageWith } from "../support/mime/messages.ts";
import { byNodemailer, reasonOf } from "../support/mime/nodemailer.ts";
import { byMailparser, byPostalMime } from "../support/mime/parsers.ts";
import { broken } from "../support/mime/rules.ts";

/** About five times what a run takes. */
const LIMIT_MS = 300_000;

const parsers = { byPostalMime, byMailparser };

/** What each parser reads of our message, after all else was checked. */
async function checked(message: Composable): Promise<Meaning[]> {
  const raw = compose(message);
  expect(broken(raw, fieldsOf(message))).toEqual([]);
  expect(compose(structuredClone(message))).toBe(raw);
  const wanted = expected(message);
  const { from, to, cc, replyTo, ...others } = wanted;
  expect(readStrictly(raw)).toEqual(others);
  const mailboxes = [message.from, ...message.to, ...message.cc, ...message.replyTo];
  if (mailboxes.every(({ local }) => isAscii(local))) expect(isAscii(raw)).toBe(true);

  const readings = await readBy(raw, wanted);
  for (const reading of readings) expect(reading).toEqual(likened(wanted, wanted));
  return readings;
}

async function readBy(raw: string, wanted: Meaning): Promise<Meaning[]> {
  const names = Object.keys(wanted.headers);
  const readings: Meaning[] = [];
  for (const read of Object.values(parsers)) {
    readings.push(likened(await read(raw, names), wanted));
  }
  return readings;
}

function isAscii(text: string): boolean {
  return !/\P{ASCII}/u.test(text);
}

describe("a composed message", () => {
  test(
    "keeps the rules, says what was given to each reader, and what nodemailer's says if right",
    async () => {
      await fc.assert(
        fc.asyncProperty(anyMessage, async (message) => {
          const ours = await checked(message);
          const theirs = await readBy(await byNodemailer(message), expected(message));
          for (const [index, reading] of theirs.entries()) {
            for (const field of Object.keys(reading) as (keyof Meaning)[]) {
              if (reasonOf(field, message) !== null) continue;
              expect(ours[index]?.[field]).toEqual(reading[field]);
            }
          }
        }),
        { numRuns: 5000 },
      );
    },
    LIMIT_MS,
  );

  const named = { ...messageWith({}).from, name: "=?utf-8?Q?caf=C3=A9?=" };
  const file = (parts: object) => ({
    attachments: [{ filename: "a.png", content: "YQ==", ...parts }],
  });
  test.each<[string, keyof Meaning, Partial<Composable>]>([
    ["a CR as a line break", "text", { text: "a\rb" }],
    [
      "a content type that is none, or a composite one",
      "files",
      file({ contentType: "multipart/x" }),
    ],
    ["a field that is not the caller's", "text", { text: "é", headers: { "Content-Type": "a/b" } }],
    ["a file named by its extension alone", "files", file({ filename: "" })],
    [
      "an inline file beside an empty body",
      "files",
      { html: "", attachments: [...file({}).attachments, ...file({ contentId: "c" }).attachments] },
    ],
    ["an identifier that cannot be one", "messageId", { messageId: "a b@example.com" }],
    ["control characters", "subject", { subject: "é\u0007" }],
    ["what looks like an encoded-word", "from", { from: named }],
    ["white space at ends, in a row", "subject", { subject: " a" }],
  ])("differs from nodemailer's for %s", async (reason, field, parts) => {
    const message = messageWith(parts);
    const wanted = expected(message);
    expect(reasonOf(field, message)).toBe(reason);
    for (const reading of await readBy(await byNodemailer(message), wanted)) {
      expect(reading[field]).not.toEqual(likened(wanted, wanted)[field]);
    }
    await checked(message);
  });

  test(
    "holds no field that was not asked for, whatever an address or a field holds",
    () => {
      const hostile = anyText.map((text) => text.slice(0, 64));
      // A structured field and an adapter's go out as they are, their encoded-words too.
      const plainText = anyText.filter((text) => !text.includes("=?"));
      const fieldName = fc.oneof(
        fc.constantFrom(
          "X-SES-Tag",
          "X-Mailgun-Tag",
          "Bcc",
          "To",
          "Content-Type",
          "X-A:",
          "References",
        ),
        hostile,
      );
      fc.assert(
        fc.property(
          hostile,
          hostile,
          fc.dictionary(fieldName, plainText, { maxKeys: 3 }),
          fc.dictionary(fieldName, plainText, { maxKeys: 3 }),
          (local, asciiDomain, headers, extra) => {
            const address = `${local}@${asciiDomain}`;
            const hostileOne = { name: null, local, domain: asciiDomain, asciiDomain, address };
            const message = messageWith({
              to: [hostileOne, hostileOne],
              cc: [hostileOne],
              headers,
            });
            const adapters = Object.keys(extra).filter(
              (name) => /^[!-9;-~]+$/.test(name) && refusalOfHeader(name) !== "written",
            );
            const names = [...fieldsOf(message), ...adapters].map((name) => name.toLowerCase());
            expect(broken(compose(message, extra), [...new Set(names)])).toEqual([]);
          },
        ),
        { numRuns: 500 },
      );
    },
    LIMIT_MS,
  );
});
