import { expect, test } from "vitest";
import { syntax } from "../../../src/verify/checks/syntax.ts";
import { SYNTAX_REASONS } from "../../../src/verify/verdict.ts";
import { RULES } from "./rules.ts";
import { subjectOf } from "./subjects.ts";

test.each(SYNTAX_REASONS)("%s is undeliverable, and the reason", (reason) => {
  const found = syntax(subjectOf("", { syntax: reason }), RULES, 0);
  expect(found).toEqual({ reason, effect: "undeliverable" });
});

test.each([
  ["quoted", '"ada b"@mail.com', "syntax_quoted_not_taken"],
  ["literal", "ada@[8.8.8.8]", "syntax_literal_not_taken"],
  ["smtputf8", "josé@mail.com", "syntax_smtputf8_not_taken"],
] as const)("the rules decide whether %s is taken", (form, address, reason) => {
  expect(syntax(subjectOf(address), RULES, 0)).toBeNull();
  const without = { ...RULES, forms: { ...RULES.forms, [form]: false } };
  expect(syntax(subjectOf(address), without, 0)?.reason).toBe(reason);
});

test("a plain address is taken whatever the rules; an IDN is plain", () => {
  const none = { ...RULES, forms: { quoted: false, literal: false, smtputf8: false } };
  expect(syntax(subjectOf("ada@mail.com"), none, 0)).toBeNull();
  expect(syntax(subjectOf("ada@bücher.de"), none, 0)).toBeNull();
});
