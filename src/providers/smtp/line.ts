/** One connection to a relay: commands out, replies in, every wait ended by the signal. */
import type { Connect, TcpSocket } from "../provider.ts";
import { type Reply, ReplyReader } from "./reply.ts";

/** Why there is no reply: the connection ended, the attempt's time did, or it makes no sense. */
export type Broken = "lost" | "timed_out" | "malformed";

/** Where a relay listens. */
export interface Address {
  readonly hostname: string;
  readonly port: number;
}

const TIMED_OUT = Symbol("timed out");

/** A socket with its reader, writer and what was read but is not a whole reply. */
export class Line {
  #socket: TcpSocket;
  #reader: ReadableStreamDefaultReader<Uint8Array>;
  #writer: WritableStreamDefaultWriter<Uint8Array>;
  #replies = new ReplyReader();
  readonly #encoder = new TextEncoder();
  readonly #ended: Promise<never>;
  readonly #forget: () => void;

  private constructor(socket: TcpSocket, signal: AbortSignal) {
    this.#socket = socket;
    [this.#reader, this.#writer] = lock(socket);
    let end = (_reason: typeof TIMED_OUT): void => {};
    this.#ended = new Promise<never>((_, reject) => {
      end = reject;
    });
    this.#ended.catch(() => {});
    const onAbort = (): void => {
      end(TIMED_OUT);
      this.close();
    };
    this.#forget = () => signal.removeEventListener("abort", onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  }

  /** Begins to connect; whether it came about shows in the first read. Null: not even begun. */
  static open(
    connect: Connect,
    address: Address,
    secureTransport: "off" | "on" | "starttls",
    signal: AbortSignal,
  ): Line | null {
    try {
      return new Line(connect(address, { secureTransport, allowHalfOpen: false }), signal);
    } catch {
      return null;
    }
  }

  /** Writes one command line and reads its reply. */
  async command(text: string): Promise<Reply | Broken> {
    const broken = await this.write(`${text}\r\n`);
    // A relay that closes says why before it does.
    if (broken === "lost") return this.read();
    return broken ?? this.read();
  }

  /** Writes a text as UTF-8; waits until the connection took it. */
  async write(text: string): Promise<Broken | null> {
    try {
      await Promise.race([this.#writer.write(this.#encoder.encode(text)), this.#ended]);
      return null;
    } catch (reason) {
      return reason === TIMED_OUT ? "timed_out" : "lost";
    }
  }

  /** Reads the next reply. */
  async read(): Promise<Reply | Broken> {
    try {
      for (;;) {
        const reply = this.#replies.next();
        if (reply !== null) return reply;
        const { done, value } = await Promise.race([this.#reader.read(), this.#ended]);
        if (done) return "lost";
        this.#replies.push(value);
      }
    } catch (reason) {
      return reason === TIMED_OUT ? "timed_out" : "lost";
    }
  }

  /**
   * Goes on encrypted. What was read beyond the last reply came from before and is forgotten: an
   * attacker could have put it there (RFC 3207 section 6).
   */
  startTls(): Broken | null {
    try {
      this.#reader.releaseLock();
      this.#writer.releaseLock();
      this.#socket = this.#socket.startTls();
      [this.#reader, this.#writer] = lock(this.#socket);
      this.#replies = new ReplyReader();
      return null;
    } catch {
      return "lost";
    }
  }

  /** Ends the connection. What goes wrong with that has no effect on any message. */
  close(): void {
    this.#forget();
    this.#socket.close().catch(() => {});
  }
}

/** Takes the streams of a socket; how its connection ends is told by reads and writes alone. */
function lock(
  socket: TcpSocket,
): [ReadableStreamDefaultReader<Uint8Array>, WritableStreamDefaultWriter<Uint8Array>] {
  socket.opened.catch(() => {});
  socket.closed.catch(() => {});
  const [reader, writer] = [socket.readable.getReader(), socket.writable.getWriter()];
  reader.closed.catch(() => {});
  writer.closed.catch(() => {});
  writer.ready.catch(() => {});
  return [reader, writer];
}
