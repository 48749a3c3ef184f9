/**
 * The frame of a DNS message (RFC 1035 section 4.1): its header, and where each record begins and
 * ends. Reading it takes one step per label and per record, whatever the bytes say.
 */
import { err, ok, type Result } from "../../core/result.ts";

/** RFC 8484 section 6: a message has at most 65,535 octets. */
export const MESSAGE_MAX = 65_535;
const HEADER_BYTES = 12;
/**
 * Records in a message: domains with dozens of TXT records exist, with hundreds none does. It
 * bounds what following compression pointers can cost, which are at most 8,192 a name.
 */
export const RECORDS_MAX = 256;

const RESPONSE = 0x8000;
const OPCODE = 0x7800;
const TRUNCATED = 0x0200;
const RCODE = 0x000f;
const INTERNET = 1;
/** The upper two bits of a label's length: 00 a label, 11 a pointer (RFC 1035 section 4.1.4). */
const POINTER = 0xc0;
/** Type, class, TTL and length of a record; type and class of a question. */
const RECORD_FIXED = 10;
const QUESTION_FIXED = 4;

/** Numbers of record types (RFC 1035 section 3.2.2, RFC 3596 section 2.1). */
export const TYPES = { A: 1, NS: 2, CNAME: 5, SOA: 6, MX: 15, TXT: 16, AAAA: 28 } as const;

export interface Placed {
  readonly type: number;
  readonly start: number;
  /** The first byte after it. */
  readonly end: number;
}

export interface Frame {
  readonly rcode: "noerror" | "nxdomain" | "other";
  readonly truncated: boolean;
  /** The question that it repeats, null if none, several, or not of class IN. */
  readonly asked: Placed | null;
  /** Records of class IN only. */
  readonly answers: readonly Placed[];
  readonly authorities: readonly Placed[];
}

export type FrameError =
  | "too_short"
  | "too_long"
  | "not_an_answer"
  | "too_many_records"
  | "broken_frame";

/**
 * Reads the frame of an answer with id 0. Of one that is truncated or refuses, only the header:
 * such answers may leave out the rest.
 */
export function readFrame(message: Buffer): Result<Frame, FrameError> {
  if (message.length < HEADER_BYTES) return err("too_short");
  if (message.length > MESSAGE_MAX) return err("too_long");
  const flags = message.readUInt16BE(2);
  const isAnswer = (flags & RESPONSE) !== 0 && (flags & OPCODE) === 0;
  if (!isAnswer || message.readUInt16BE(0) !== 0) return err("not_an_answer");
  const code = flags & RCODE;
  const rcode = code === 0 ? "noerror" : code === 3 ? "nxdomain" : "other";
  const truncated = (flags & TRUNCATED) !== 0;
  if (truncated || rcode === "other") {
    return ok({ rcode, truncated, asked: null, answers: [], authorities: [] });
  }
  const counts = [4, 6, 8, 10].map((at) => message.readUInt16BE(at));
  const [questions = 0, answers = 0, authorities = 0, additionals = 0] = counts;
  if (questions + answers + authorities + additionals > RECORDS_MAX) return err("too_many_records");
  const walk = new Walk(message, HEADER_BYTES);
  const asked = walk.section(questions, false);
  const frame = {
    rcode,
    truncated,
    asked: questions === 1 ? (asked[0] ?? null) : null,
    answers: walk.section(answers, true),
    authorities: walk.section(authorities, true),
  } as const;
  walk.section(additionals, true);
  return walk.at === message.length ? ok(frame) : err("broken_frame");
}

/** Goes over a message record by record; `at` is -1 once something runs over its end. */
class Walk {
  readonly message: Buffer;
  at: number;

  constructor(message: Buffer, at: number) {
    this.message = message;
    this.at = at;
  }

  /** The next `count` records, or questions, of class IN. */
  section(count: number, isRecord: boolean): Placed[] {
    const found: Placed[] = [];
    for (let read = 0; read < count && this.at !== -1; read++) {
      const start = this.at;
      const fixed = this.afterName(start);
      const body = fixed + (isRecord ? RECORD_FIXED : QUESTION_FIXED);
      if (fixed === -1 || body > this.message.length) {
        this.at = -1;
        break;
      }
      const end = isRecord ? body + this.message.readUInt16BE(body - 2) : body;
      // Beyond the message no name is found, and the end of the frame is not its end.
      this.at = end;
      const type = this.message.readUInt16BE(fixed);
      if (this.message.readUInt16BE(fixed + 2) === INTERNET) found.push({ type, start, end });
    }
    return found;
  }

  /** The first byte after the name, whose pointer, if any, is not followed; -1: it has no end. */
  private afterName(start: number): number {
    let at = start;
    while (at < this.message.length) {
      const length = this.message[at] ?? 0;
      if (length === 0) return at + 1;
      if ((length & POINTER) === POINTER) return at + 2;
      if ((length & POINTER) !== 0) return -1;
      at += 1 + length;
    }
    return -1;
  }
}
