/** Reads a relay's replies (RFC 5321 section 4.2) out of chunks that end anywhere. */

/** One reply, all of its lines. */
export interface Reply {
  /** 200 to 599. */
  readonly code: number;
  /** The text of each line, without code and separator. */
  readonly lines: readonly string[];
  /** `class.subject.detail` of RFC 3463 as the text begins with it (RFC 2034), or null. */
  readonly enhanced: string | null;
  /** All lines in one, the enhanced codes left out. */
  readonly text: string;
}

/** Characters of a line: RFC 5321 section 4.5.3.1.5 has 512, and relays quote long reasons. */
const LINE_MAX = 4096;
/** Lines of a reply: relays announce about 20 extensions and explain refusals in about 5. */
const LINES_MAX = 100;

const LINE = /^([2-5]\d\d)(?:([ -])(.*))?$/s;
const ENHANCED = /^([245]\.\d{1,3}\.\d{1,3})(?= |$) ?/;

/** Collects chunks and gives replies. Once malformed it stays so: nothing after can be placed. */
export class ReplyReader {
  readonly #decoder = new TextDecoder();
  #rest = "";
  #code: string | null = null;
  #lines: string[] = [];
  #malformed = false;

  /** Adds what was read. */
  push(chunk: Uint8Array): void {
    this.#rest += this.#decoder.decode(chunk, { stream: true });
  }

  /** The next reply; null when it is not complete. */
  next(): Reply | "malformed" | null {
    while (!this.#malformed) {
      const end = this.#rest.indexOf("\n");
      if (end < 0 ? this.#rest.length > LINE_MAX : end > LINE_MAX) break;
      if (end < 0) return null;
      const line = this.#rest.slice(0, end).replace(/\r$/, "");
      this.#rest = this.#rest.slice(end + 1);
      const [, code, separator, text = ""] = LINE.exec(line) ?? [];
      if (code === undefined || (this.#code ?? code) !== code) break;
      if (this.#lines.push(text) > LINES_MAX) break;
      this.#code = code;
      if (separator === "-") continue;
      const lines = this.#lines;
      this.#code = null;
      this.#lines = [];
      return replyOf(Number(code), lines);
    }
    this.#malformed = true;
    this.#rest = "";
    return "malformed";
  }
}

function replyOf(code: number, lines: readonly string[]): Reply {
  const enhanced = ENHANCED.exec(lines[0] ?? "")?.[1] ?? null;
  // A class that contradicts the code (RFC 2034 section 4) says nothing that can be relied on.
  const agrees = enhanced?.startsWith(String(code)[0] ?? "") === true;
  const text = lines.map((line) => line.replace(ENHANCED, "")).join(" ");
  return { code, lines, enhanced: agrees ? enhanced : null, text: text.trim() };
}
