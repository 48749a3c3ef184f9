/** Whether it is a mailbox, and of a form that the rules take. */
import { type Finding, SYNTAX_REASONS } from "../verdict.ts";
import { type Check, finding } from "./check.ts";

const FINDINGS: ReadonlyMap<string, Finding> = new Map(
  SYNTAX_REASONS.map((reason) => [reason, finding(reason, "undeliverable")]),
);

/** The form is RFC 5321's to define; whether to take it is asked afterwards and changes nothing. */
export const syntax: Check = ({ parsed, syntax: reason }, { forms }) => {
  if (parsed === null) return FINDINGS.get(reason ?? "syntax_empty") ?? null;
  if (parsed.literal !== null && !forms.literal) {
    return FINDINGS.get("syntax_literal_not_taken") ?? null;
  }
  if (parsed.quoted && !forms.quoted) return FINDINGS.get("syntax_quoted_not_taken") ?? null;
  if (parsed.smtputf8 && !forms.smtputf8) return FINDINGS.get("syntax_smtputf8_not_taken") ?? null;
  return null;
};
