/** The key by which spellings of one mailbox are told to be the same. */
import { canonicalLocal } from "../core/address.ts";
import type { Parsed } from "./syntax.ts";

const GMAIL = "gmail.com";
const GMAIL_ALIAS = "googlemail.com";

/**
 * A key to find duplicates by; never a send target, as it may leave out what the owner gave away.
 * Local part and domain are lower-cased, the local part in NFC and without needless quotes. Gmail
 * alone documents that it reads no dots and nothing from "+" on, and that googlemail.com is
 * gmail.com; other operators' rules differ by account or by domain.
 */
export function canonicalOf(parsed: Pick<Parsed, "local" | "domain">): string {
  const local = canonicalLocal(parsed.local);
  if (parsed.domain !== GMAIL && parsed.domain !== GMAIL_ALIAS) return `${local}@${parsed.domain}`;
  return `${local.startsWith('"') ? local : gmailLocal(local)}@${GMAIL}`;
}

/** What is all tag has no mailbox to stand for, and stays itself. */
function gmailLocal(local: string): string {
  const plus = local.indexOf("+");
  const mailbox = (plus < 0 ? local : local.slice(0, plus)).replaceAll(".", "");
  return mailbox === "" ? local : mailbox;
}
