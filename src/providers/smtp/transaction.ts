/**
 * One message over an open connection: MAIL -> RCPT each -> DATA -> the text and its end. Up to the
 * end's last byte nothing can have been accepted (RFC 5321 section 4.1.1.4); from then on, no
 * reply means that it may have been.
 */
import type { Mailbox } from "../../core/address.ts";
import { ID_HEADER } from "../../core/return-path.ts";
import { compose } from "../../mime/compose.ts";
import { addressOf, recipientsOf } from "../message.ts";
import { accepted, rejected } from "../outcomes.ts";
import type { Outcome, OutgoingMessage, RefusedRecipient } from "../provider.ts";
import { dataChunks } from "./data.ts";
import type { Extensions } from "./hello.ts";
import type { Broken, Line } from "./line.ts";
import {
  allRefused,
  brokenOf,
  queueId,
  type Redact,
  refusalOf,
  refusedRecipient,
} from "./outcome.ts";
import type { Reply } from "./reply.ts";

/** What is the same for every message of a source. */
export interface Terms {
  /** MAIL FROM, the same over all attempts of a message. */
  readonly sender: (message: OutgoingMessage) => Promise<Mailbox>;
  /** Bytes of a message, whatever the relay announces. */
  readonly bytesMax: number;
}

/** What a message came to, and what the connection is good for then. */
export interface Transacted {
  readonly outcome: Outcome;
  /** `open`: for the next message. `reset`: after RSET. `gone`: for nothing. */
  readonly line: "open" | "reset" | "gone";
}

/** Sends one message. */
export async function transact(
  line: Line,
  message: OutgoingMessage,
  offered: Extensions,
  terms: Terms,
  redact: Redact,
): Promise<Transacted> {
  const sender = await terms.sender(message);
  const fitted = fit(message, offered, sender, terms.bytesMax);
  if ("kind" in fitted) return { outcome: fitted, line: "open" };
  const { text, parameters, recipients } = fitted;

  const mail = await line.command(`MAIL FROM:<${addressOf(sender)}>${parameters}`);
  if (typeof mail === "string") return broken(mail, false);
  if (mail.code !== 250) return refused(refusalOf("mail", mail, redact), mail);

  const left: RefusedRecipient[] = [...fitted.refused];
  const refusals: Reply[] = [];
  for (const recipient of recipients) {
    const reply = await line.command(`RCPT TO:<${addressOf(recipient)}>`);
    if (typeof reply === "string") return broken(reply, false);
    // 251: the relay forwards it elsewhere; 252: it takes it without knowing it.
    if (reply.code >= 250 && reply.code <= 252) continue;
    if (endsDialogue(reply)) return refused(refusalOf("rcpt", reply, redact), reply);
    left.push(refusedRecipient(recipient.address, reply, redact));
    refusals.push(reply);
  }
  if (refusals.length === recipients.length) {
    return { outcome: allRefused(refusals, redact), line: "reset" };
  }

  const data = await line.command("DATA");
  if (typeof data === "string") return broken(data, false);
  if (data.code !== 354) return refused(refusalOf("data", data, redact), data);
  return give(line, text, message, left, redact);
}

/** Writes the text and reads what became of it. */
async function give(
  line: Line,
  text: string,
  message: OutgoingMessage,
  left: readonly RefusedRecipient[],
  redact: Redact,
): Promise<Transacted> {
  for (const { chunk, last } of dataChunks(text)) {
    const failure = await line.write(chunk);
    if (failure === null) continue;
    // A relay that refuses midway says why before it closes.
    const reply = failure === "lost" ? await line.read() : failure;
    if (typeof reply === "string") return broken(reply, last);
    return { outcome: refusalOf(last ? "end" : "data", reply, redact), line: "gone" };
  }
  const reply = await line.read();
  if (typeof reply === "string") return broken(reply, true);
  if (reply.code !== 250) return refused(refusalOf("end", reply, redact), reply);
  // Without a name of the relay's own, its log still has the Message-ID.
  const id = queueId(reply) ?? message.messageId;
  return { outcome: accepted("The relay", id, left), line: "open" };
}

const broken = (how: Broken, endWritten: boolean): Transacted => ({
  outcome: brokenOf(how, endWritten),
  line: "gone",
});

const refused = (outcome: Outcome, reply: Reply): Transacted => ({
  outcome,
  line: endsDialogue(reply) ? "gone" : "reset",
});

/**
 * 421 announces the end of the connection (RFC 5321 section 4.2.2); a success that was not asked
 * for means that replies and commands no longer belong together.
 */
const endsDialogue = ({ code }: Reply): boolean => code === 421 || code < 400;

/** What goes over the wire. */
interface Fitted {
  readonly text: string;
  /** Of MAIL FROM, each after a space. */
  readonly parameters: string;
  readonly recipients: readonly Mailbox[];
  readonly refused: readonly RefusedRecipient[];
}

const NO_UTF8 = {
  code: "smtputf8_unsupported",
  text: "the relay does not take addresses with letters beyond ASCII before the @ (SMTPUTF8)",
};

/** The message in what the relay offers, or the refusal of one that cannot be. */
function fit(
  message: OutgoingMessage,
  offered: Extensions,
  sender: Mailbox,
  bytesMax: number,
): Fitted | Outcome {
  const utf8 = offered.has("SMTPUTF8");
  const sendable = (mailbox: Mailbox): boolean => utf8 || !needsUtf8(mailbox);
  if (!sendable(sender) || !sendable(message.from)) {
    return rejected("sender", NO_UTF8.code, NO_UTF8.text);
  }
  if (!message.replyTo.every(sendable)) return rejected("content", NO_UTF8.code, NO_UTF8.text);
  const { to, cc } = message;
  const all = recipientsOf(message);
  const recipients = all.filter(sendable);
  if (recipients.length === 0) return rejected("recipient", NO_UTF8.code, NO_UTF8.text);
  // A header that names them would need the extension too.
  const named = { ...message, to: to.filter(sendable), cc: cc.filter(sendable) };
  const text = compose(named, { [ID_HEADER]: message.id });

  const ascii = !BEYOND_ASCII.test(text);
  const size = ascii ? text.length : new TextEncoder().encode(text).length;
  const max = Math.min(bytesMax, sizeMax(offered));
  if (size > max) return rejected("content", "message_too_large", `the relay takes ${max} bytes`);
  if (!ascii && !offered.has("8BITMIME")) {
    return rejected("content", "8bitmime_unsupported", "the relay takes 7-bit text only");
  }
  const header = text.slice(0, text.indexOf("\r\n\r\n"));
  const international =
    utf8 && (BEYOND_ASCII.test(header) || [...recipients, message.from].some(needsUtf8));
  const parameters = [
    offered.has("SIZE") ? ` SIZE=${size}` : "",
    ascii ? "" : " BODY=8BITMIME",
    international ? " SMTPUTF8" : "",
    // The name by which bounces say which message they are about (RFC 3461 section 4.4).
    offered.has("DSN") ? ` RET=HDRS ENVID=${message.id}` : "",
  ];
  const refused = all
    .filter((mailbox) => !sendable(mailbox))
    .map(({ address }) => ({ address, ...NO_UTF8 }));
  return { text, parameters: parameters.join(""), recipients, refused };
}

const BEYOND_ASCII = /[^\0-\x7f]/;

/** The domain is written in A-labels, so only the part before it can need SMTPUTF8 (RFC 6531). */
const needsUtf8 = ({ local }: Mailbox): boolean => BEYOND_ASCII.test(local);

/** RFC 1870: no parameter or 0 is no announced limit. */
function sizeMax(offered: Extensions): number {
  const announced = Number(offered.get("SIZE")?.[0] ?? 0);
  return announced > 0 ? announced : Number.POSITIVE_INFINITY;
}
