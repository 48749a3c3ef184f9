/** Mailboxes made by the grammar, for property tests. */
import fc from "fast-check";

/** A mailbox and what it is made of. */
export interface Made {
  readonly text: string;
  readonly quoted: boolean;
  readonly literal: boolean;
  readonly smtputf8: boolean;
}

const ATEXT = "abcxyzABCXYZ0189!#$%&'*+-/=?^_`{|}~";
const OTHER = "éßñжщ日本語한क";

const word = (letters: string, maxLength: number) =>
  fc
    .array(fc.constantFrom(...letters), { minLength: 1, maxLength })
    .map((chosen) => chosen.join(""));

const dotted = (letters: string) =>
  fc.array(word(letters, 6), { minLength: 1, maxLength: 3 }).map((atoms) => atoms.join("."));

const quotedText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...`${ATEXT} @.,:;<>()[]`),
      fc.constantFrom('\\"', "\\\\", "\\ ", "\\a"),
    ),
    { maxLength: 12 },
  )
  .map((parts) => `"${parts.join("")}"`);

const local = fc.oneof(
  dotted(ATEXT).map((text) => ({ text, quoted: false, smtputf8: false })),
  dotted(OTHER).map((text) => ({ text, quoted: false, smtputf8: true })),
  quotedText.map((text) => ({ text, quoted: true, smtputf8: false })),
);

const label = word("abcxyz0189", 12);
const name = fc
  .tuple(
    fc.array(fc.oneof(label, word("éñöжщ", 5)), { minLength: 1, maxLength: 3 }),
    fc.constantFrom("com", "CO.UK", "рф", "museum"),
  )
  .map(([labels, end]) => ({ text: [...labels, end].join("."), literal: false }));

const group = fc.nat(0xffff).map((value) => value.toString(16));
const ipv4 = fc.array(fc.nat(255), { minLength: 4, maxLength: 4 }).map((parts) => parts.join("."));
const groups = (most: number) => fc.array(group, { maxLength: most }).map((all) => all.join(":"));
const ipv6 = fc.oneof(
  fc.array(group, { minLength: 8, maxLength: 8 }).map((all) => all.join(":")),
  fc.tuple(groups(3), groups(3)).map((halves) => halves.join("::")),
  fc
    .tuple(fc.array(group, { minLength: 6, maxLength: 6 }), ipv4)
    .map(([all, v4]) => [...all, v4].join(":")),
  fc.tuple(groups(4), ipv4).map((halves) => halves.join("::")),
);
const literal = fc.oneof(
  ipv4.map((address) => `[${address}]`),
  ipv6.map((address) => `[IPv6:${address}]`),
);

/** Any valid mailbox, some in odd forms. */
export const mailbox: fc.Arbitrary<Made> = fc
  .tuple(
    local,
    fc.oneof(
      { weight: 3, arbitrary: name },
      { weight: 1, arbitrary: literal.map((text) => ({ text, literal: true })) },
    ),
  )
  .map(([left, right]) => ({
    text: `${left.text}@${right.text}`,
    quoted: left.quoted,
    literal: right.literal,
    smtputf8: left.smtputf8,
  }));
