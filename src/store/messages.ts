/**
 * Messages as the table `recipient` has them, by name or by the provider's id: whose an event is.
 */
import type { Envelope } from "../core/custody.ts";
import { portionsOf } from "./portions.ts";

/** One message with its recipients, as far as events need it. */
export interface RecordedMessage {
  readonly account: string;
  readonly messageId: string;
  readonly envelope: Envelope;
  readonly recipients: readonly {
    readonly no: number;
    readonly mailbox: string;
    readonly hash: string;
  }[];
}

interface Row {
  readonly account_id: string;
  readonly message_id: string;
  readonly recipient_no: number;
  readonly address: string | null;
  readonly recipient_hash: string | null;
  readonly message: string | null;
  readonly provider_key: string | null;
}

const COLUMNS = ["account_id", "message_id", "recipient_no", "address", "recipient_hash"]
  .concat("message", "provider_key")
  .map((column) => `one.${column}`)
  .join(", ");

/** The list is walked and each message looked up by its key; the other way reads the table. */
const BY_NAME = `SELECT ${COLUMNS} FROM json_each(?1) AS wanted CROSS JOIN recipient AS one
  ON one.account_id = wanted.value ->> 0 AND one.message_id = wanted.value ->> 1`;

const BY_KEY = `SELECT ${COLUMNS} FROM json_each(?1) AS wanted CROSS JOIN recipient AS found
  ON found.provider_key = wanted.value CROSS JOIN recipient AS one
  ON one.account_id = found.account_id AND one.message_id = found.message_id`;

/** The name of one message across accounts. */
export interface Ref {
  readonly account: string;
  readonly messageId: string;
}

/** Statements that read messages by name and by provider key; `messagesIn` reads their results. */
export function messageStatements(
  db: D1Database,
  refs: readonly Ref[],
  providerKeys: readonly string[],
): D1PreparedStatement[] {
  const names = refs.map(({ account, messageId }) => JSON.stringify([account, messageId]));
  const keys = providerKeys.map((key) => JSON.stringify(key));
  return [
    ...portionsOf(new Set(names)).map((list) => db.prepare(BY_NAME).bind(list)),
    ...portionsOf(new Set(keys)).map((list) => db.prepare(BY_KEY).bind(list)),
  ];
}

/** The messages in the results. One of which only events are recorded is not among them. */
export function messagesIn(results: readonly D1Result[]): {
  found: RecordedMessage[];
  byKey: ReadonlyMap<string, Ref>;
} {
  const rows = results.flatMap((result) => result.results as unknown as Row[]);
  const byKey = new Map<string, Ref>();
  for (const { provider_key, account_id: account, message_id: messageId } of rows) {
    if (provider_key !== null) byKey.set(provider_key, { account, messageId });
  }
  const groups = Map.groupBy(rows, (row) => `${row.account_id}\n${row.message_id}`);
  return { found: [...groups.values()].flatMap((group) => messageOf(group) ?? []), byKey };
}

function messageOf(rows: readonly Row[]): RecordedMessage | null {
  const first = rows.find((row) => row.message !== null);
  if (first?.message == null) return null;
  // Both ways of asking may name the same message.
  const byNumber = new Map(rows.map((row) => [row.recipient_no, row]));
  const recipients = [...byNumber.values()].flatMap(
    ({ recipient_no: no, address, recipient_hash }) =>
      address === null ? [] : [{ no, mailbox: address, hash: recipient_hash ?? "" }],
  );
  const { account_id: account, message_id: messageId } = first;
  return { account, messageId, envelope: JSON.parse(first.message) as Envelope, recipients };
}
