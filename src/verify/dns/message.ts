/**
 * DNS messages on the wire (RFC 1035 section 4): a question is written, an answer is read, and
 * nothing in it is believed before it is checked.
 *
 *   frame (header, counts, where each record ends) -> question -> records of use -> alias chain
 *
 * dns-packet reads single records. It follows compression pointers only backwards, so that they
 * end; it neither holds a record to its stated length nor a count to the message's size, which the
 * frame does.
 */
import packet from "dns-packet";
import { err, ok, type Result } from "../../core/result.ts";
import type { Conclusive, Question, QuestionType, RecordOf } from "./answer.ts";
import { type FrameError, readFrame, TYPES } from "./frame.ts";

/** RFC 1035 section 2.3.4: 255 octets on the wire are 253 characters. */
const NAME_MAX = 253;
/** Host names, and the underscore of names such as `_dmarc` (RFC 8552). */
const NAME = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
/** Aliases in a row: resolvers themselves give up after 8 to 16. */
export const CHAIN_MAX = 16;
/** RFC 2181 section 8: a greater one is read as none. */
const TTL_MAX_S = 0x7fff_ffff;

/** Why bytes are no answer to the question. `rcode`: it says that it has none. */
export type AnswerError =
  | FrameError
  | "truncated"
  | "rcode"
  | "other_question"
  | "broken_record"
  | "alias_chain"
  | "contradiction"
  | "referral";

interface RecordRead {
  /** Lower case; "" for the root. */
  readonly name: string;
  readonly type: string;
  readonly ttlS: number;
  readonly data: unknown;
}

/** dns-packet exports these readers of one part of a message; its types do not say so. */
interface PartReader<T> {
  decode: ((message: Buffer, offset: number) => T) & {
    /** How far the last call came. */
    bytes: number;
  };
}
const parts = packet as unknown as {
  readonly answer: PartReader<{ name: string; type: string; ttl: number; data: unknown }>;
  readonly name: PartReader<string>;
};

/** A name as names are compared: ASCII lower case, without the final dot; "" for the root. */
const foldName = (name: string): string => name.replace(/\.$/, "").toLowerCase();

/**
 * The bytes of a question: id 0, so that caches on the way can recognise it (RFC 8484 section
 * 4.1), recursion desired. Null: the DNS holds no such host name.
 */
export function encodeQuestion({ name, type }: Question): Uint8Array | null {
  const asked = foldName(name);
  if (asked.length > NAME_MAX || !NAME.test(asked)) return null;
  const questions = [{ name: asked, type, class: "IN" as const }];
  return packet.encode({ type: "query", id: 0, flags: packet.RECURSION_DESIRED, questions });
}

/**
 * Reads an answer to the question. Never throws: whatever is wrong with the bytes is an error in
 * one word.
 */
export function decodeAnswer<T extends QuestionType>(
  bytes: Uint8Array,
  question: Question<T>,
): Result<Conclusive<T>, AnswerError> {
  const message = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const framed = readFrame(message);
  if (!framed.ok) return framed;
  const { rcode, truncated, asked, answers, authorities } = framed.value;
  if (truncated) return err("truncated");
  if (rcode !== "noerror" && rcode !== "nxdomain") return err("rcode");
  const name = foldName(question.name);
  if (asked === null || asked.type !== TYPES[question.type]) return err("other_question");
  try {
    if (foldName(parts.name.decode(message, asked.start)) !== name) return err("other_question");
    const wanted = answers.filter(({ type }) => type === TYPES[question.type]);
    const aliases = answers.filter(({ type }) => type === TYPES.CNAME);
    const soas = authorities.filter(({ type }) => type === TYPES.SOA);
    const found = follow(
      name,
      aliases.map((one) => readRecord(message, one)),
      wanted.map((one) => readRecord(message, one)),
    );
    if (found === null) return err("alias_chain");
    if (found.records.length > 0) {
      // A name that does not exist has no records (RFC 1035 section 4.1.1).
      if (rcode === "nxdomain") return err("contradiction");
      const records = found.records.map(({ data }) => dataOf(question.type, data));
      const ttlS = found.records.reduce((least, { ttlS }) => Math.min(least, ttlS), found.ttlS);
      return ok({ kind: "records", records: records as RecordOf[T][], ttlS });
    }
    const soa = soas
      .map((one) => readRecord(message, one))
      .find((one) => isWithin(found.name, one.name));
    const refers = authorities.some(({ type }) => type === TYPES.NS);
    if (rcode === "noerror" && soa === undefined) {
      // RFC 2308 section 2.2: name servers and no SOA are a referral to somebody else.
      if (refers) return err("referral");
      // Where an alias leads has been left out: that is no proof that nothing is there.
      if (found.name !== name) return err("alias_chain");
    }
    const negativeTtlS = soa === undefined ? null : Math.min(found.ttlS, negativeTtlOf(soa));
    return ok({ kind: rcode === "nxdomain" ? "nxdomain" : "nodata", negativeTtlS });
  } catch {
    return err("broken_record");
  }
}

/** Throws when the record does not end where it says. */
function readRecord(message: Buffer, at: { start: number; end: number }): RecordRead {
  const { name, type, ttl, data } = parts.answer.decode(message, at.start);
  if (at.start + parts.answer.decode.bytes !== at.end) throw new Error("not of its stated length");
  return { name: foldName(name), type, ttlS: ttl > TTL_MAX_S ? 0 : ttl, data };
}

/** What the aliases from a name on lead to; null: to themselves, or too far. */
function follow(name: string, aliases: readonly RecordRead[], records: readonly RecordRead[]) {
  let at = name;
  let ttlS = TTL_MAX_S;
  for (let step = 0; step <= CHAIN_MAX; step++) {
    const here = records.filter((one) => one.name === at);
    if (here.length > 0) return { name: at, ttlS, records: here };
    const alias = aliases.find((one) => one.name === at);
    if (alias === undefined) return { name: at, ttlS, records: [] };
    ttlS = Math.min(ttlS, alias.ttlS);
    at = foldName(alias.data as string);
  }
  return null;
}

/** RFC 2308 section 5: the lesser of the SOA's own TTL and of its last field. */
function negativeTtlOf({ ttlS, data }: RecordRead): number {
  const { minimum = 0 } = data as { minimum?: number };
  return Math.min(ttlS, minimum > TTL_MAX_S ? 0 : minimum);
}

const isWithin = (name: string, zone: string): boolean =>
  zone === "" || name === zone || name.endsWith(`.${zone}`);

/** What dns-packet read of a record, in the shapes of `RecordOf`. */
function dataOf(type: QuestionType, data: unknown): RecordOf[QuestionType] {
  switch (type) {
    case "MX": {
      const { exchange, preference } = data as { exchange: string; preference: number };
      return { host: foldName(exchange) || ".", preference };
    }
    case "TXT":
      return (data as Buffer[]).map((part) => part.toString("latin1")).join("");
    default:
      return data as string;
  }
}
