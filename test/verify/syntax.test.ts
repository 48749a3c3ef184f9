import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseMailbox } from "../../src/core/address.ts";
import { normalizedOf, readAddress } from "../../src/verify/syntax.ts";
import { SYNTAX_REASONS } from "../../src/verify/verdict.ts";
import { INVALID, VALID } from "./addresses.ts";
import { mailbox } from "./mailboxes.ts";

const shown = (text: string): string =>
  text.length > 60 ? `${text.slice(0, 20)}... (${text.length})` : JSON.stringify(text);

describe("a mailbox", () => {
  test.each(VALID.map((row) => [shown(row[0]), ...row] as const))(
    "%s is one",
    (_shown, text, form, domain, unicodeDomain, smtputf8) => {
      const read = readAddress(text);
      expect(read).toMatchObject({ ok: true, value: { form, domain, unicodeDomain, smtputf8 } });
    },
  );

  test.each(INVALID.map(([text, why]) => [shown(text), why, text] as const))(
    "%s is none: %s",
    (_shown, why, text) => {
      expect(readAddress(text)).toEqual({ ok: false, error: why });
    },
  );

  test("every reason of the grammar has a text that gives it", () => {
    const policy = /_not_taken$/;
    const given = new Set(INVALID.map(([, why]) => why));
    expect(SYNTAX_REASONS.filter((why) => !policy.test(why) && !given.has(why))).toEqual([]);
  });

  test("it keeps its local part as given, and says when quotes and a literal meet", () => {
    const read = readAddress('"Ada B"@[192.0.2.1]');
    expect(read).toMatchObject({
      ok: true,
      value: {
        quoted: true,
        form: "literal",
        local: '"Ada B"',
        literal: { family: 4, address: "192.0.2.1" },
      },
    });
  });
});

describe("for all texts", () => {
  test("what is made by the grammar is read, and reading what was read gives the same", () => {
    fc.assert(
      fc.property(mailbox, ({ text, quoted, literal, smtputf8 }) => {
        const read = readAddress(text);
        expect(read, text).toMatchObject({ ok: true, value: { quoted, smtputf8 } });
        if (!read.ok) return;
        expect(read.value.literal !== null).toBe(literal);
        expect(readAddress(normalizedOf(read.value))).toEqual(read);
      }),
      { numRuns: 2_000 },
    );
  });

  test("a mailbox with one octet removed, doubled or exchanged is read or told why not", () => {
    const change = fc.record({
      at: fc.nat(300),
      by: fc.oneof(fc.constant(""), fc.constantFrom(...'@."\\[]:-_ é\u0000\u200b'), fc.string()),
    });
    fc.assert(
      fc.property(mailbox, change, ({ text }, { at, by }) => {
        const from = at % (text.length + 1);
        const read = readAddress(text.slice(0, from) + by + text.slice(from + 1));
        if (!read.ok) expect(SYNTAX_REASONS).toContain(read.error);
        else expect(readAddress(normalizedOf(read.value))).toEqual(read);
      }),
      { numRuns: 2_000 },
    );
  });

  test("no text throws, and the answer of a mailbox is within its lengths", () => {
    const unit = fc.string({ unit: "binary", maxLength: 400 });
    const ascii = fc.string({ unit: fc.constantFrom(...'ab.@"\\[]:12-'), maxLength: 80 });
    fc.assert(
      fc.property(fc.oneof(unit, ascii), (text) => {
        const read = readAddress(text);
        if (!read.ok) return;
        const normalized = normalizedOf(read.value);
        expect(new TextEncoder().encode(normalized).length).toBeLessThanOrEqual(254);
        expect(/[\p{Cc}\p{Cs}]/u.test(normalized)).toBe(false);
      }),
      { numRuns: 3_000 },
    );
  });

  test("what is read as a plain mailbox may be sent to", () => {
    fc.assert(
      fc.property(mailbox, ({ text, literal }) => {
        const read = readAddress(text);
        if (!read.ok || literal) return;
        const sent = parseMailbox(normalizedOf(read.value));
        expect(sent).toMatchObject({ ok: true, value: { asciiDomain: read.value.domain } });
      }),
      { numRuns: 1_000 },
    );
  });
});

test("time does not grow faster than the text", () => {
  const hostile = [`"${"\\".repeat(990)}`, `${"a.".repeat(495)}@`, `a@${"a-".repeat(490)}`];
  for (const text of hostile) {
    const startedAt = performance.now();
    for (let n = 0; n < 200; n++) readAddress(text);
    // A thousand characters take microseconds; a second stands for work that explodes.
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  }
});
