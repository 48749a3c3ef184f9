/**
 * A closed-loop HTTP/1.1 client on bare sockets: each connection sends its next request when the
 * last is answered. It shares two cores with what it measures, so it does nothing that is not
 * needed: no agent, no header objects, no streams per request.
 */
import { connect, type Socket } from "node:net";
import { latency } from "./stats.ts";

/** A request without an answer after this long is broken: longer than any honest stall here. */
const ANSWER_LIMIT_MS = 60_000;
/** Between two attempts to connect: a restarting runtime is found soon, and not hammered. */
const RECONNECT_MS = 50;
/** A connection gives up when nothing has answered for this long: a runtime restarts in seconds. */
const ABSENT_LIMIT_MS = 120_000;

export interface Answer {
  readonly index: number;
  readonly status: number;
  readonly body: string;
  readonly tookMs: number;
}

export interface Load {
  readonly origin: URL;
  readonly connections: number;
  /** The index of the next request; undefined ends the connection that asked. */
  readonly next: () => number | undefined;
  /** The bytes of one request, made with `request()`. */
  readonly request: (index: number) => Buffer;
  readonly onAnswer?: (answer: Answer) => void;
  /** The connection broke before the answer: whether the request was taken is not known. */
  readonly onBroken?: (index: number) => void;
}

export interface LoadResult {
  readonly answered: number;
  readonly broken: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly rps: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** The bytes of a POST with a JSON body on a connection that stays open. */
export function request(
  origin: URL,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: string,
): Buffer {
  let head = `POST ${path} HTTP/1.1\r\nhost: ${origin.host}\r\ncontent-type: application/json\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

/** Indices 0 to `count` - 1, each once. */
export function upTo(count: number): () => number | undefined {
  let index = 0;
  return () => (index < count ? index++ : undefined);
}

/** Indices from `from` until `ms` milliseconds have passed. */
export function forMs(ms: number, from = 0): () => number | undefined {
  const end = performance.now() + ms;
  let index = from;
  return () => (performance.now() < end ? index++ : undefined);
}

interface Parsed {
  readonly status: number;
  readonly body: string;
  readonly close: boolean;
}

/** RFC 9112 section 7.1; undefined while the last chunk has not come. */
function chunks(bytes: Buffer, from: number): string | undefined {
  const parts: Buffer[] = [];
  let at = from;
  for (;;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    const start = lineEnd + 2;
    if (bytes.length < start + size + 2) return undefined;
    if (size === 0) return Buffer.concat(parts).toString();
    parts.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}

/** One whole answer, or undefined while bytes are missing. One request is open at a time. */
export function parseAnswer(bytes: Buffer): Parsed | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd).toLowerCase();
  const status = Number(head.slice(9, 12));
  const close = head.includes("\r\nconnection: close");
  const from = headEnd + 4;
  const at = head.indexOf("\r\ncontent-length: ");
  if (at < 0) {
    if (!head.includes("\r\ntransfer-encoding: chunked")) return { status, body: "", close };
    const body = chunks(bytes, from);
    return body === undefined ? undefined : { status, body, close };
  }
  const length = Number.parseInt(head.slice(at + 18), 10);
  if (bytes.length < from + length) return undefined;
  return { status, body: bytes.toString("utf8", from, from + length), close };
}

/** Runs the load to its end: every connection's `next` has answered undefined. Never throws. */
export async function run(load: Load): Promise<LoadResult> {
  const times: number[] = [];
  const statuses: Record<string, number> = {};
  let broken = 0;
  const onAnswer = (answer: Answer): void => {
    times.push(answer.tookMs);
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    load.onAnswer?.(answer);
  };
  const onBroken = (index: number): void => {
    broken++;
    load.onBroken?.(index);
  };
  const started = performance.now();
  const all: Promise<void>[] = [];
  for (let i = 0; i < load.connections; i++) all.push(drive(load, onAnswer, onBroken));
  await Promise.all(all);
  const seconds = (performance.now() - started) / 1000;
  const { p50_ms, p99_ms } = latency(times);
  const rps = Math.round(times.length / seconds);
  return { answered: times.length, broken, statuses, seconds, rps, p50_ms, p99_ms };
}

/** One connection, reopened when it breaks, until `next` ends it or nobody listens any more. */
function drive(
  load: Load,
  onAnswer: (answer: Answer) => void,
  onBroken: (index: number) => void,
): Promise<void> {
  return new Promise((resolve) => {
    let open: number | undefined;
    let sentAt = 0;
    let bytes: Buffer | undefined;
    let ended = false;
    let aliveAt = performance.now();
    const send = (socket: Socket): void => {
      open = load.next();
      if (open === undefined) {
        ended = true;
        socket.destroy();
        return;
      }
      sentAt = performance.now();
      socket.write(load.request(open));
    };
    const receive = (socket: Socket, chunk: Buffer): void => {
      bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
      const parsed = parseAnswer(bytes);
      if (parsed === undefined || open === undefined) return;
      bytes = undefined;
      const index = open;
      open = undefined;
      aliveAt = performance.now();
      const { status, body, close } = parsed;
      onAnswer({ index, status, body, tookMs: aliveAt - sentAt });
      if (close) socket.destroy();
      else send(socket);
    };
    const closed = (): void => {
      bytes = undefined;
      if (open !== undefined) onBroken(open);
      open = undefined;
      if (ended || performance.now() - aliveAt > ABSENT_LIMIT_MS) resolve();
      else setTimeout(openSocket, RECONNECT_MS);
    };
    const openSocket = (): void => {
      const { hostname, port } = load.origin;
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy());
      socket.on("connect", () => send(socket));
      socket.on("data", (chunk: Buffer) => receive(socket, chunk));
      socket.on("error", () => socket.destroy());
      socket.on("close", closed);
    };
    openSocket();
  });
}
