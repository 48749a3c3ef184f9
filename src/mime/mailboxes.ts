/** Mailboxes in header fields: RFC 5322 section 3.4, names by RFC 2047, UTF-8 by RFC 6532. */
import type { Mailbox } from "../core/address.ts";
import { foldField, LINE_AIM, oneLine } from "./fold.ts";
import { encodedWords } from "./words.ts";

const ATOMS = /^[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~]+(?: [a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~]+)*$/;
const LOCAL_PART = /^(?:[a-zA-Z0-9!#$%&'*+\-/=?^_`{|}~.\u0080-\u{10ffff}]+|"(?:[^"\\]|\\.)*")$/u;
/** A longer name goes into encoded-words, which can be parted anywhere. */
const PLAIN_NAME_MAX = 60;

/** A field of one or more mailboxes, each on one line if that can hold it. */
export function mailboxField(name: string, mailboxes: readonly Mailbox[]): string {
  const last = mailboxes.length - 1;
  const tokens = mailboxes.flatMap((mailbox, index) => {
    const used = index === 0 ? name.length + 1 : 0;
    const parts = mailboxTokens(mailbox, used);
    if (index < last) parts.push(`${parts.pop()},`);
    const whole = parts.join("");
    return used + whole.length <= LINE_AIM ? [whole] : parts;
  });
  return foldField(name, tokens);
}

function mailboxTokens(mailbox: Mailbox, used: number): string[] {
  const address = `${localPart(mailbox.local)}@${domain(mailbox.asciiDomain)}`;
  const name = oneLine(mailbox.name ?? "");
  return name === "" ? [` ${address}`] : [...phrase(name, used), ` <${address}>`];
}

/** A display name: as atoms, quoted, or in encoded-words. */
function phrase(name: string, used: number): string[] {
  const ascii = !/[^ -~]/.test(name);
  if (ascii && !name.includes("=?") && name.length <= PLAIN_NAME_MAX) {
    if (ATOMS.test(name)) return name.split(" ").map((word) => ` ${word}`);
    // Not with spaces at its ends or in a row, which readers trim out of quotes too.
    if (!/^ | $| {2}/.test(name)) return [` "${name.replace(/[\\"]/g, "\\$&")}"`];
  }
  return encodedWords(name, used).map((word) => ` ${word}`);
}

/** As given, if it can hold neither the end of an address nor a second one; else quoted. */
function localPart(local: string): string {
  const text = oneLine(local);
  const whole = LOCAL_PART.test(text) && (text.startsWith('"') || !/\s/.test(text));
  return whole ? text : `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

function domain(asciiDomain: string): string {
  return asciiDomain.replace(/[^a-zA-Z0-9.-]/g, "");
}
