import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BOUNCE_CATEGORIES, BOUNCE_KINDS, type BounceCategory } from "../../src/core/bounce.ts";
import { READ_MAX, wordsOf } from "../../src/feedback/classify/words.ts";
import { classify } from "../../src/feedback/classify.ts";

/**
 * Written for these tests in the manner of the field's servers and operators: permanent refusals by
 * what they mean, refusals that look like an unknown user and are none, and deferrals.
 */
interface Fixtures {
  readonly permanent: Readonly<Record<BounceCategory, readonly string[]>>;
  readonly neverHard: readonly string[];
  readonly deferrals: readonly string[];
}

const path = join(import.meta.dirname, "../fixtures/diagnostics.json");
const { permanent, neverHard, deferrals } = JSON.parse(readFileSync(path, "utf8")) as Fixtures;

const CATEGORIES = Object.keys(permanent) as BounceCategory[];
const BLOCKS = ["policy", "reputation", "authentication", "content", "too_large", "provider_list"];

const of = (text: string, code = ""): string => {
  const { kind, category } = classify({ code, text });
  return `${kind} ${category}`;
};

describe("a permanent refusal", () => {
  test.each(CATEGORIES)("of category %s is told by its words and codes", (category) => {
    const kind = category === "recipient" ? "hard" : BLOCKS.includes(category) ? "block" : "soft";
    const wrong = permanent[category].filter((text) => of(text) !== `${kind} ${category}`);
    expect(wrong).toEqual([]);
    expect(permanent[category].length).toBeGreaterThan(2);
  });

  test("that only looks like an unknown user is never hard", () => {
    expect(neverHard.filter((text) => of(text).startsWith("hard"))).toEqual([]);
  });
});

test("what is refused for now is soft, whatever it says", () => {
  expect(deferrals.filter((text) => !of(text).startsWith("soft"))).toEqual([]);
  const words = permanent.recipient.map((text) =>
    text.replaceAll(/\b5(\d\d|\.\d+\.\d+)\b/g, "4$1"),
  );
  const numbered = words.filter((text) => /\b4(\d\d|\.\d)/.test(text));
  expect(numbered.length).toBeGreaterThan(100);
  expect(numbered.filter((text) => !of(text).startsWith("soft"))).toEqual([]);
});

describe("the text beats the code", () => {
  const fivehundreds = fc.constantFrom(521, 550, 551, 552, 553, 554, 556);
  const statuses = fc.constantFrom(
    "5.1.1",
    "5.1.2",
    "5.1.10",
    "5.2.1",
    "5.4.1",
    "5.0.0",
    "5.7.1",
    "",
  );
  const aboutSender = BLOCKS.flatMap((category) => permanent[category as BounceCategory])
    .map((text) => text.replaceAll(/\b5\d\d[ -]?|\b5\.\d+\.\d+\b/g, " ").trim())
    .filter((text) => text !== "");

  test("a refusal of policy, reputation, authentication or content is never hard", () => {
    expect(aboutSender.length).toBeGreaterThan(80);
    fc.assert(
      fc.property(fivehundreds, statuses, fc.constantFrom(...aboutSender), (smtp, code, text) => {
        for (const hint of [undefined, { kind: "hard", category: "recipient" } as const]) {
          const found = classify({ hint, smtpCode: smtp, code, text: `${smtp} ${code} ${text}` });
          expect(found.kind, text).not.toBe("hard");
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ["550 5.7.1 user unknown", "hard recipient"],
    ["550 5.1.1 mailbox full", "soft mailbox_full"],
    ["550 5.1.1 blocked using zen.spamhaus.org", "block reputation"],
    ["550 5.2.1 user unknown", "soft mailbox_inactive"],
    ["550 5.1.1 rejected", "hard recipient"],
    ["550 5.7.1 rejected", "block policy"],
    ["554 5.7.1 user unknown; listed at zen.spamhaus.org", "block reputation"],
  ])("%j is %s", (text, expected) => {
    expect(of(text)).toBe(expected);
  });

  test("of a filter that says unknown user is in doubt, unless a status says the same", () => {
    expect(of("550 Unknown user bob@example.com")).toBe("soft recipient");
    expect(of("550 5.1.1 Unknown user bob@example.com")).toBe("hard recipient");
    expect(of("550 <bob@example.com>... No such user")).toBe("soft recipient");
    expect(of("550 5.1.1 <bob@example.com>... No such user")).toBe("hard recipient");
    expect(of("550 <bob@example.com>... User unknown")).toBe("hard recipient");
    expect(of("550 : User unknown")).toBe("soft recipient");
    expect(of("550 <bob@example.com>: User unknown")).toBe("hard recipient");
  });
});

describe("codes from the provider's own fields count", () => {
  test.each([
    [{ code: "5.1.1", text: "" }, "hard recipient"],
    [{ code: "5.2.2", text: "" }, "soft mailbox_full"],
    [{ code: "550", text: "no such user" }, "hard recipient"],
    [{ code: "", text: "no such user", smtpCode: 450 }, "soft recipient"],
    [{ code: "5.0.0", text: "550 5.1.1" }, "hard recipient"],
    [{ code: "HardBounce", text: "" }, "soft unknown"],
    [{ code: "", text: "", smtpCode: 556 }, "hard recipient"],
    [{ code: "5.7.26", text: "" }, "block authentication"],
    [{ code: "5.7.607", text: "" }, "block reputation"],
  ])("%j is %s", (diagnostic, expected) => {
    const { kind, category } = classify(diagnostic);
    expect(`${kind} ${category}`).toBe(expected);
  });
});

describe("the provider's own verdict", () => {
  const hard = { kind: "hard" } as const;
  test("with its reason stands", () => {
    const full = { kind: "soft", category: "mailbox_full" } as const;
    expect(classify({ hint: full, code: "", text: "550 5.1.1 user unknown" })).toEqual(full);
    const gone = { kind: "hard", category: "recipient" } as const;
    expect(classify({ hint: gone, code: "", text: "550 gone fishing" })).toEqual(gone);
  });

  test("with its reason falls when the other server's words are against a hard one", () => {
    const gone = { kind: "hard", category: "recipient" } as const;
    const found = classify({ hint: gone, code: "", text: "550 5.7.1 DMARC policy" });
    expect(found).toEqual({ kind: "block", category: "authentication" });
  });

  test("without a reason never makes hard what the words do not", () => {
    expect(classify({ hint: hard, code: "", text: "550 Rejected" }).kind).toBe("soft");
    expect(classify({ hint: hard, code: "", text: "550 user unknown" }).kind).toBe("hard");
    expect(classify({ hint: hard, code: "", text: "" })).toEqual({
      ...hard,
      category: "recipient",
    });
  });

  test.each(["soft", "block"] as const)("of %s is never made harder", (kind) => {
    const found = classify({ hint: { kind }, code: "5.1.1", text: "550 5.1.1 user unknown" });
    expect(found.kind).not.toBe("hard");
  });

  test("that it has the address on its list says nothing more", () => {
    const hint = { category: "provider_list" } as const;
    const found = classify({ hint, code: "5.1.1", text: "550 5.1.1 user unknown" });
    expect(found).toEqual({ kind: "block", category: "provider_list" });
  });
});

const all = [...CATEGORIES.flatMap((category) => permanent[category]), ...neverHard, ...deferrals];

describe("nothing around the words counts:", () => {
  test("case, white space, line folds", () => {
    for (const text of all.filter(
      (one) => !one.includes("RESOLVER") && !one.includes("SEND.DNS"),
    )) {
      const folded = text.replaceAll(/ (?=[a-z])/g, "  \r\n ").trim();
      expect(of(folded), folded).toBe(of(text));
      expect(of(text.toUpperCase()), text.toUpperCase()).toBe(of(text.toLowerCase()));
    }
  });

  test("the addresses that are quoted", () => {
    const names = [
      "user-unknown@spamhaus.example",
      "mailbox.full@no-such-user.example",
      "dmarc+policy@blocked.example",
      "o'user_not_found@disabled.example",
    ];
    for (const text of all) {
      for (const name of names) {
        const other = text.replaceAll(/\b[a-z]+@[a-z.]+[a-z]/g, name);
        expect(of(other), other).toBe(of(text));
      }
    }
  });

  test("host names and URLs", () => {
    const around = [
      (text: string) => `${text} see https://user-unknown.example.com/mailbox-full?dmarc=no`,
      (text: string) => `${text} (mx1.user-unknown.disabled.example.com)`,
    ];
    const plain = all.filter((text) => !text.endsWith("@mail.example") && wordsOf(text) !== "  ");
    for (const text of plain.filter((one) => !/Unknown user|here$|blocked|by$/.test(one))) {
      for (const wrap of around) expect(of(wrap(text)), wrap(text)).toBe(of(text));
    }
  });
});

test("anything is classified, and never thrown at", () => {
  const kinds: readonly string[] = BOUNCE_KINDS;
  const categories: readonly string[] = BOUNCE_CATEGORIES;
  const pieces = fc.constantFrom(
    "550",
    "5.1.1",
    "user",
    "unknown",
    "<a@",
    "@",
    '"',
    "...",
    " ",
    "\n",
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(fc.oneof(pieces, fc.string()), { maxLength: 60 }).map((some) => some.join("")),
  );
  fc.assert(
    fc.property(texts, fc.string(), fc.option(fc.integer()), (text, code, smtpCode) => {
      const found = classify({ code, text, smtpCode });
      expect(kinds).toContain(found.kind);
      expect(categories).toContain(found.category);
    }),
  );
});

test("no more of a text is read than its beginning, however long it is", () => {
  const long = "x".repeat(READ_MAX);
  expect(of(`${long} no such user`)).toBe("soft unknown");
  expect(wordsOf(long.repeat(100)).length).toBeLessThan(2 * READ_MAX);
  const filled = `550 no such user ${"é ".repeat(READ_MAX * 50)}`;
  expect(of(filled)).toBe("hard recipient");
});
