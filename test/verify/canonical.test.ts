import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalAddress } from "../../src/core/address.ts";
import { canonicalOf } from "../../src/verify/canonical.ts";
import { normalizedOf, type Parsed, readAddress } from "../../src/verify/syntax.ts";
import { mailbox } from "./mailboxes.ts";

function read(text: string): Parsed {
  const result = readAddress(text);
  if (!result.ok) throw new Error(`${text}: ${result.error}`);
  return result.value;
}
const canonical = (text: string): string => canonicalOf(read(text));

test.each([
  ["case", "Ada.Lovelace@Mail.COM", "ada.lovelace@mail.com"],
  ["needless quotes", '"ada"@mail.com', "ada@mail.com"],
  ["needful quotes, which stay", '"Ada  B"@mail.com', '"ada  b"@mail.com'],
  ["letters in two parts", "jose\u0301@mail.com", "jos\u00e9@mail.com"],
  ["U-labels", "ada@BÜCHER.de", "ada@xn--bcher-kva.de"],
  ["a literal in capitals", '"a"@[ipv6:2001:DB8::1]', "a@[IPv6:2001:db8::1]"],
  ["Gmail: dots", "a.d.a@gmail.com", "ada@gmail.com"],
  ["Gmail: a tag", "Ada+shop+2@gmail.com", "ada@gmail.com"],
  ["Gmail: its other name", "a.da@GoogleMail.com", "ada@gmail.com"],
  ["Gmail: needless quotes around dots", '"a.da"@gmail.com', "ada@gmail.com"],
  ["Gmail: nothing but a tag, which stays", "+shop@gmail.com", "+shop@gmail.com"],
])("spellings of one mailbox have one key: %s", (_what, text, key) => {
  expect(canonical(text)).toBe(key);
});

test.each(["mail.com", "outlook.com", "fastmail.com", "gmail.com.br", "x.gmail.com"])(
  "dots and tags tell mailboxes apart at %s",
  (domain) => {
    const keys = ["ada", "a.da", "ada+x"].map((local) => canonical(`${local}@${domain}`));
    expect(new Set(keys).size).toBe(3);
  },
);

const anywhere = fc.oneof(
  mailbox.map(({ text }) => text),
  mailbox.map(({ text }) => `${text.slice(0, text.lastIndexOf("@"))}@googlemail.com`),
);

test("a key is its own key", () => {
  fc.assert(
    fc.property(anywhere, (text) => {
      const key = canonical(text);
      expect(canonical(key)).toBe(key);
    }),
    { numRuns: 2_000 },
  );
});

test("a key never tells apart what suppression and evidence hold for one address", () => {
  fc.assert(
    fc.property(mailbox, ({ text, literal }) => {
      const parsed = read(text);
      const known = canonicalAddress(normalizedOf(parsed));
      if (!literal) expect(canonical(known)).toBe(canonicalOf(parsed));
      if (!literal && !/@g(oogle)?mail\.com$/.test(known)) expect(canonicalOf(parsed)).toBe(known);
    }),
  );
});
