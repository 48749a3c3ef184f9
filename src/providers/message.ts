/** What several adapters say of a message in the same way. */
import type { Mailbox } from "../core/address.ts";
import type { OutgoingMessage } from "./provider.ts";

/** The names under which a message's events give our own id and account back. */
export const ID_NAME = "postern_id";
export const ACCOUNT_NAME = "postern_account";

/** What a file is that nobody said more of (RFC 2046 section 4.5.1): some APIs want a type. */
export const UNKNOWN_TYPE = "application/octet-stream";

/** To, Cc and Bcc, in this order. */
export const recipientsOf = ({ to, cc, bcc }: OutgoingMessage): readonly Mailbox[] => [
  ...to,
  ...cc,
  ...bcc,
];

/** The bare address as it goes over the wire, its domain in A-labels. */
export const addressOf = ({ local, asciiDomain }: Mailbox): string => `${local}@${asciiDomain}`;

/** A mailbox as an object, its name in Unicode; without a name it has no such member. */
export function emailAndName(mailbox: Mailbox): { email: string; name?: string } {
  const { name } = mailbox;
  return { email: addressOf(mailbox), ...(name === null ? {} : { name }) };
}

/** Each value in the provider's words; undefined, which JSON leaves out, for an empty list. */
export const listOf = <From, To>(
  values: readonly From[],
  wordsOf: (value: From) => To,
): To[] | undefined => (values.length > 0 ? values.map(wordsOf) : undefined);
