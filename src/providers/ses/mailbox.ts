/** Mailboxes as SES reads them: ASCII throughout. */
import { formatMailbox, type Mailbox } from "../../core/address.ts";
import { encodedWords } from "../../mime/words.ts";

/** Whether SES can send from or to an address: it does not support SMTPUTF8 (RFC 6531). */
export const isAsciiLocal = ({ local }: Mailbox): boolean => /^[ -~]*$/.test(local);

/**
 * The mailbox with its domain in A-labels, and its name in encoded-words (RFC 2047) if ASCII cannot
 * say it: https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html asks for both.
 */
export function sesMailbox(mailbox: Mailbox): string {
  const { name, local, asciiDomain } = mailbox;
  if (name === null || isPlain(name)) return formatMailbox(mailbox);
  return `${encodedWords(name, 0).join(" ")} <${local}@${asciiDomain}>`;
}

/** ASCII that no reader takes for an encoded-word. */
const isPlain = (name: string): boolean => /^[ -~]*$/.test(name) && !name.includes("=?");
