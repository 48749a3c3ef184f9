import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalAddress, formatMailbox, parseMailbox } from "../../src/core/address.ts";

function parsed(text: string) {
  const result = parseMailbox(text);
  if (!result.ok) throw new Error(result.error);
  return result.value;
}

function refusal(text: string): string {
  const result = parseMailbox(text);
  return result.ok ? "accepted" : result.error;
}

/** Text made of what matters to a parser of addresses, and of anything else. */
const hostile = fc.oneof(
  fc.string({ unit: "binary" }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom("@", "<", ">", '"', "\\", ",", ";", ".", " ", "a", "b.c", "é", "[", "]"),
        fc.constantFrom("\r", "\n", "\0", "\t", "\u2028", "\u202e", "\ud800", "%0d", "：", "。"),
        fc.constantFrom(
          "user@example.com",
          "<user@example.com>",
          "xn--",
          "127.0.0.1",
          "/",
          "münchen",
        ),
      ),
    )
    .map((parts) => parts.join("")),
);

describe("parseMailbox", () => {
  test("reads a bare address, keeps its local part and lower-cases its domain", () => {
    expect(parsed(" Jane.Doe+tag@Example.COM ")).toEqual({
      name: null,
      address: "Jane.Doe+tag@example.com",
      local: "Jane.Doe+tag",
      domain: "example.com",
      asciiDomain: "example.com",
    });
  });

  test("reads display names, quoted or not", () => {
    const names: [string, string | null][] = [
      ["Jane Doe <jane@example.com>", "Jane Doe"],
      ['"Doe, Jane" <jane@example.com>', "Doe, Jane"],
      ['"a \\"b\\" \\\\ c"<jane@example.com>', 'a "b" \\ c'],
      ["Jürgen 李 <jane@example.com>", "Jürgen 李"],
      ["Jane (Sales) @ Acme <jane@example.com>", "Jane (Sales) @ Acme"],
      ["<jane@example.com>", null],
      ['"" <jane@example.com>', null],
      ['"<x@y.z>" <jane@example.com>', "<x@y.z>"],
    ];
    for (const [text, name] of names) {
      expect(parsed(text)).toMatchObject({ name, address: "jane@example.com" });
    }
  });

  test("reads quoted and UTF-8 local parts", () => {
    expect(parsed('"a b@<c>"@example.com').local).toBe('"a b@<c>"');
    expect(parsed('X <"a\\"b"@example.com>').local).toBe('"a\\"b"');
    expect(parsed("用户@example.com").local).toBe("用户");
  });

  test("gives internationalised domains in A-labels beside the given form", () => {
    expect(parsed("a@MÜNCHEN.de")).toMatchObject({
      domain: "münchen.de",
      asciiDomain: "xn--mnchen-3ya.de",
    });
    expect(parsed("a@例え。テスト").asciiDomain).toBe("xn--r8jz45g.xn--zckzah");
  });

  test("refuses control characters wherever they stand", () => {
    for (const char of ["\r", "\n", "\0", "\t", "\x7f", "\x85", "\u2028", "\u202e", "\ud800"]) {
      for (const text of [
        `a${char}@example.com`,
        `a@exam${char}ple.com`,
        `N${char} <a@example.com>`,
        `"N${char}" <a@example.com>`,
        `"a${char}"@example.com`,
        `a@example.com${char}`,
      ]) {
        expect(refusal(text)).toMatch("control characters");
      }
    }
  });

  test("says what is expected", () => {
    const cases: [string, string][] = [
      ["", "empty"],
      ["jane", 'no "@"'],
      ["Jane <jane>", 'no "@"'],
      ["@example.com", 'before "@" is empty'],
      ["jane@", 'after "@" is empty'],
      ["jane@localhost", "needs a dot"],
      ["jane@[192.0.2.1]", "address literals"],
      ["jane@[IPv6:2001:db8::1]", "address literals"],
      ["jane@192.0.2.1", "IP addresses"],
      ["jane@192.0.0x2", "IP addresses"],
      ["jane@example.com.", "domain name"],
      ["jane@exa_mple.com", "domain name"],
      ["jane@-example.com", "domain name"],
      ["jane@example..com", "domain name"],
      ["jane@exam ple.com", "domain name"],
      ["jane@example.com/x", "domain name"],
      [`jane@${"a".repeat(64)}.com`, "63 octets"],
      [`jane@${"a.".repeat(127)}com`, "255 octets"],
      [`jane@${"a.".repeat(124)}com`, "254 octets"],
      [`${"a".repeat(65)}@example.com`, "64 octets"],
      [`${"é".repeat(33)}@example.com`, "64 octets"],
      [`${"n".repeat(321)} <jane@example.com>`, "320 octets"],
      ["n".repeat(999), "998 characters"],
      ["a@b@example.com", 'one "@"'],
      [".jane@example.com", "single dots"],
      ["ja..ne@example.com", "single dots"],
      ["ja ne@example.com", "double quotes"],
      ["ja\u00a0ne@example.com", "double quotes"],
      ["ja,ne@example.com", "double quotes"],
      ["Doe, Jane <jane@example.com>", "one mailbox"],
      ["a@example.com, b@example.com", 'one "@"'],
      ["a@example.com, B <b@example.com>", "one mailbox"],
      ['"Jane <jane@example.com>', "not closed"],
      ["jane@example.com>", '"<" is missing'],
      ["Jane <<jane@example.com>>", "double quotes"],
    ];
    for (const [text, part] of cases) expect(refusal(text), text.slice(0, 40)).toMatch(part);
  });

  test("the longest legal parts are accepted", () => {
    const domain = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(61)}`;
    const address = `${"l".repeat(64)}@${domain}`;
    expect(address).toHaveLength(254);
    expect(parsed(`${"n".repeat(320)} <${address}>`).address).toBe(address);
  });

  test("hostile input never throws and never gives a line break", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const result = parseMailbox(text);
        const shown = result.ok ? formatMailbox(result.value) : result.error;
        expect(shown).not.toMatch(/[\r\n\0]/);
        if (result.ok) expect(result.value.asciiDomain).toMatch(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("formatMailbox", () => {
  test("quotes a name only where RFC 5322 asks for it", () => {
    expect(formatMailbox(parsed("Jane Doe <j@example.com>"))).toBe("Jane Doe <j@example.com>");
    expect(formatMailbox(parsed('"Doe, \\"J\\"" <j@münchen.de>'))).toBe(
      '"Doe, \\"J\\"" <j@xn--mnchen-3ya.de>',
    );
    expect(formatMailbox(parsed("J. Doe <j@example.com>"))).toBe('"J. Doe" <j@example.com>');
    expect(formatMailbox(parsed("<j@example.com>"))).toBe("j@example.com");
  });

  test("what was formatted parses to the same mailbox", () => {
    const name = fc.string({ unit: "grapheme", maxLength: 40 });
    fc.assert(
      fc.property(name, hostile, (text, rest) => {
        const quoted = `"${text.replace(/[\\"]/g, "\\$&")}" <j@münchen.de>`;
        for (const input of [quoted, rest, `${rest} <"x y"@example.com>`]) {
          const first = parseMailbox(input);
          if (!first.ok) continue;
          const again = parsed(formatMailbox(first.value));
          expect(again.name).toBe(first.value.name);
          expect(again.local).toBe(first.value.local);
          expect(again.asciiDomain).toBe(first.value.asciiDomain);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("canonicalAddress", () => {
  test("spellings of one mailbox share a form", () => {
    const same = [
      "Jane@Example.com",
      ' "jane"@example.COM',
      "JANE@example.com",
      '"j\\ane"@example.com',
    ];
    for (const spelling of same) expect(canonicalAddress(spelling)).toBe("jane@example.com");
    expect(canonicalAddress("A@MÜNCHEN.de")).toBe(canonicalAddress("a@xn--mnchen-3ya.de"));
    expect(canonicalAddress("jose\u0301@example.com")).toBe(canonicalAddress("josé@example.com"));
  });

  test("different mailboxes keep different forms", () => {
    expect(canonicalAddress("jane+a@example.com")).not.toBe(canonicalAddress("jane@example.com"));
    expect(canonicalAddress('"a b"@example.com')).not.toBe(canonicalAddress("ab@example.com"));
  });

  test("is total, and a canonical form is its own", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const once = canonicalAddress(text);
        expect(canonicalAddress(once)).toBe(once);
      }),
      { numRuns: 3000 },
    );
  });
});
