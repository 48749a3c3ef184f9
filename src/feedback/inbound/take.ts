/**
 * Mail that came in, proved -> read -> on the journal, before it is taken over: what the journal
 * has is not lost, and what it does not take is left with the server that brings it.
 *
 * A report is believed for a token of ours only. Whoever has the mail has its token: with it they
 * can report on this one message and its recipients, and on nothing else.
 */
import type { JournalBody } from "../../core/custody.ts";
import { mintedAt } from "../../core/ids.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { classify } from "../classify.ts";
import { journalOf } from "../report.ts";
import { type MailReading, readReport } from "./read.ts";
import type { Said } from "./said.ts";

/**
 * Bytes of a mail that are read. A report comes first and has 10 KB; then comes the original, which
 * may be as large as mail may be and is not read beyond this.
 */
export const READ_MAX_BYTES = 1_048_576;

/** A mail as the runtime hands it over; a `ForwardableEmailMessage` is one. */
export interface Incoming {
  /** Of the envelope: MAIL FROM, and RCPT TO. */
  readonly from: string;
  readonly to: string;
  readonly raw: ReadableStream<Uint8Array>;
}

/** The message that a report is about, and the source that it left by. */
export interface Origin {
  readonly source: string;
  readonly messageId: string;
}

export interface InboundDeps {
  readonly now: () => number;
  /** The message whose return path an address is; null for an address that we have not made. */
  readonly ofReturnPath: (address: string) => Promise<Origin | null>;
  /** The message of an id that was made here; null for any other text. */
  readonly ofMessageId: (messageId: string) => Promise<Origin | null>;
  /** Puts all of it on the journal, or rejects. Some may be there all the same. */
  readonly journal: (bodies: readonly JournalBody[]) => Promise<void>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** What was taken over. */
export interface ReportTaken {
  readonly source: string;
  readonly kind: MailReading["kind"];
  readonly events: number;
  readonly unknown: number;
}

/** Why a mail is refused for good: it is to nobody here, and is no complaint about mail of ours. */
export type ReportRefusal = "no_such_address" | "not_our_mail";

/**
 * Takes a mail over. Rejects, without a word of the mail, when it cannot be taken now: the server
 * that brings it then keeps it and comes again.
 */
export async function takeReport(
  mail: Incoming,
  deps: InboundDeps,
): Promise<Result<ReportTaken, ReportRefusal>> {
  const addressed = await deps.ofReturnPath(mail.to);
  const reading = await readReport(await beginningOf(mail.raw), bare(mail.from));
  const origin = addressed ?? (await complainedOf(reading, deps));
  if (origin === null) {
    const reason = reading.kind === "complaint" ? "not_our_mail" : "no_such_address";
    deps.log("report_refused", { reason });
    return err(reason);
  }
  const { source, messageId } = origin;
  const now = deps.now();
  const events = reading.events.map((said) => ({ ...dated(said, messageId), messageId }));
  const { kind, unknown } = reading;
  const bodies = journalOf({ events, unknown }, source, now, classify).map(unsteady);
  try {
    if (bodies.length > 0) await deps.journal(bodies);
  } catch (error) {
    deps.log("report_not_journaled", { source, reason: String(error) });
    throw new Error("the report cannot be taken at the moment");
  }
  deps.log("report_taken", { source, kind, events: events.length, unknown: unknown.length });
  return ok({ source, kind, events: events.length, unknown: unknown.length });
}

/** Who only reports failures is silent while all is well: that is no feed that has stopped. */
const unsteady = (body: JournalBody): JournalBody =>
  body.kind === "events" ? { ...body, asked: true } : body;

/** Complaints come to an address of their own, with the mail complained of. */
async function complainedOf(
  { kind, original }: MailReading,
  deps: InboundDeps,
): Promise<Origin | null> {
  if (kind !== "complaint") return null;
  for (const path of original.returnPaths) {
    const origin = await deps.ofReturnPath(path);
    if (origin !== null) return origin;
  }
  return original.messageId === "" ? null : deps.ofMessageId(original.messageId);
}

/** Dates of mail tell seconds: at the end of its second, a report comes after what it is about. */
const WITHIN_SECOND_MS = 999;

/**
 * No report is older than its message, whatever the other clock says: an end to a suppression is
 * counted from it. The same report is given the same time whenever it comes.
 */
const dated = (said: Said, messageId: string): Said =>
  said.at === 0 ? said : { ...said, at: Math.max(said.at + WITHIN_SECOND_MS, mintedAt(messageId)) };

const bare = (path: string): string => path.replace(/^<|>$/g, "").trim();

/** The first bytes of a stream, `READ_MAX_BYTES` at most; the rest is not waited for. */
async function beginningOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const chunk = value.subarray(0, READ_MAX_BYTES - size);
    chunks.push(chunk);
    size += chunk.length;
    if (size < READ_MAX_BYTES) continue;
    await reader.cancel().catch(() => undefined);
    break;
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
