import fc from "fast-check";
import { expect, test } from "vitest";
import { decodePunycode } from "../../src/core/punycode.ts";

/** RFC 3492 section 7.1. */
const SAMPLES: readonly (readonly [language: string, text: string, encoded: string])[] = [
  ["Arabic", "ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"],
  ["Chinese, simplified", "他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"],
  ["Chinese, traditional", "他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb"],
  ["Czech", "Pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a"],
  ["Hebrew", "למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b"],
  ["Hindi", "यहलोगहिन्दीक्योंनहींबोलसकतेहैं", "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd"],
  ["Japanese", "なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"],
  [
    "Korean",
    "세계의모든사람들이한국어를이해한다면얼마나좋을까",
    "989aomsvi5e83db1d2a355cv1e0vak1dwrv93d5xbh15a0dt30a5jpsd879ccm6fea98c",
  ],
  ["Russian", "почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l"],
  [
    "Spanish",
    "PorquénopuedensimplementehablarenEspañol",
    "PorqunopuedensimplementehablarenEspaol-fmd56a",
  ],
  ["Vietnamese", "TạisaohọkhôngthểchỉnóitiếngViệt", "TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g"],
  ["a title with digits", "3年B組金八先生", "3B-ww4c5e180e575a65lsy2b"],
  [
    "a title with hyphens",
    "安室奈美恵-with-SUPER-MONKEYS",
    "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n",
  ],
  [
    "a title with more",
    "Hello-Another-Way-それぞれの場所",
    "Hello-Another-Way--fc4qua05auwb3674vfr0b",
  ],
  ["a title that begins in Japanese", "ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"],
  ["a title that is mixed", "MajiでKoiする5秒前", "MajiKoi5-783gue6qz075azm5e"],
  ["a title with katakana", "パフィーdeルンバ", "de-jg4avhby1noc0d"],
  ["a title in kana", "そのスピードで", "d9juau41awczczp"],
  ["ASCII only", "-> $1.00 <-", "-> $1.00 <--"],
];

test.each(SAMPLES)("the RFC's sample decodes: %s", (_language, text, encoded) => {
  expect(decodePunycode(encoded)).toBe(text);
});

test.each([
  ["a digit that is none", "mller-k_a"],
  ["a number that does not end", "mller-kv"],
  ["a code point beyond Unicode", "99999999"],
  ["a surrogate", "ib9b"],
  ["more than a number holds", "9".repeat(63)],
])("what is no Punycode decodes to nothing: %s", (_what, text) => {
  expect(decodePunycode(text)).toBeNull();
});

test("what the platform's URL encodes is read back", () => {
  const letter = fc.constantFrom(..."abcxyz019äöüéñßяжщあ日本語한국어");
  const labels = fc
    .array(letter, { minLength: 1, maxLength: 16 })
    .map((letters) => letters.join("").normalize("NFC"))
    .filter((label) => /[^a-z0-9]/.test(label));
  fc.assert(
    fc.property(labels, (label) => {
      const encoded = new URL(`http://${label}.example`).hostname.split(".")[0] ?? "";
      expect(decodePunycode(encoded.slice("xn--".length))).toBe(label);
    }),
  );
});

test("no text makes the decoder throw", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 63 }), fc.stringMatching(/^[a-z0-9-]{0,63}$/)),
      (text) => {
        const decoded = decodePunycode(text);
        expect(decoded === null || typeof decoded === "string").toBe(true);
      },
    ),
    { numRuns: 2_000 },
  );
});
