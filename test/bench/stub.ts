/**
 * A provider's door with a stopwatch: `node stub.ts <settings>` answers `POST /emails` and
 * `/emails/batch` as Resend does, after a set time, and remembers when it took what. Its books are
 * the truth of the benches. A taken request counts when its last byte has come, answered or not.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { wallMs } from "./stats.ts";

export interface StubSettings {
  /** From the last byte of a request to its answer. */
  readonly delayMs: number;
  /** An `Idempotency-Key` seen before gets the first answer again, and no second mail goes out. */
  readonly deduplicates: boolean;
}

/** `refuse`: 503 at once, nothing taken. `hang`: taken, never answered. */
export type Mode = "answer" | "refuse" | "hang";

/** What became of one subject line. */
export interface Entry {
  readonly subject: string;
  /** Unix milliseconds of each request that was read to its end and not refused. */
  readonly takenAt: number[];
  /** Mails that would have gone out. */
  sent: number;
}

export interface Books {
  readonly entries: readonly Entry[];
  /** Different subjects taken. */
  readonly distinct: number;
  readonly refused: number;
  /** Requests that took something. */
  readonly calls: number;
  /** Requests taken and never answered. */
  readonly hanging: number;
  /** Requests whose answer is not due yet. */
  readonly open: number;
  /** Unix milliseconds of the first and the last taking, 0 before any. */
  readonly firstAt: number;
  readonly lastAt: number;
}

const SUBJECT = /"subject":"([^"]*)"/g;

const settings = JSON.parse(process.argv[2] ?? "{}") as StubSettings;
let mode: Mode = "answer";
let entries = new Map<string, Entry>();
let ids = new Map<string, string>();
let refused = 0;
let calls = 0;
let hanging = 0;
let open = 0;
let firstAt = 0;
let lastAt = 0;
let serial = 0;

function books(withEntries: boolean): Books {
  const listed = withEntries ? [...entries.values()] : [];
  return {
    entries: listed,
    distinct: entries.size,
    refused,
    calls,
    hanging,
    open,
    firstAt,
    lastAt,
  };
}

function json(response: ServerResponse, status: number, body: unknown): void {
  const text = JSON.stringify(body);
  const length = Buffer.byteLength(text);
  response.writeHead(status, { "content-type": "application/json", "content-length": length });
  response.end(text);
}

/** Enters one mail into the books and gives the id it is answered with. */
function take(subject: string, key: string | undefined): string {
  lastAt = wallMs();
  if (firstAt === 0) firstAt = lastAt;
  let entry = entries.get(subject);
  if (entry === undefined) {
    entry = { subject, takenAt: [], sent: 0 };
    entries.set(subject, entry);
  }
  entry.takenAt.push(lastAt);
  const known = settings.deduplicates && key !== undefined ? ids.get(key) : undefined;
  if (known !== undefined) return known;
  entry.sent++;
  const id = `00000000-0000-4000-8000-${String(++serial).padStart(12, "0")}`;
  if (key !== undefined) ids.set(key, id);
  return id;
}

function emails(request: IncomingMessage, response: ServerResponse, body: string): void {
  if (mode === "refuse") {
    refused++;
    json(response, 503, {
      statusCode: 503,
      name: "service_unavailable",
      message: "The service is down.",
    });
    return;
  }
  calls++;
  const key = request.headers["idempotency-key"]?.toString();
  // Read by a pattern: what is measured shares these cores.
  const subjects = [...body.matchAll(SUBJECT)].map(([, subject]) => subject ?? "?");
  const ids = subjects.map((subject, index) =>
    take(subject, key === undefined ? undefined : `${key} ${index}`),
  );
  const answer =
    request.url === "/emails" ? { id: ids[0] } : { data: ids.map((one) => ({ id: one })) };
  if (mode === "hang") {
    hanging++;
    return;
  }
  open++;
  setTimeout(() => {
    open--;
    json(response, 200, answer);
  }, settings.delayMs);
}

function control(request: IncomingMessage, response: ServerResponse, body: string): void {
  if (request.url === "/control/reset") {
    entries = new Map();
    ids = new Map();
    refused = calls = hanging = firstAt = lastAt = 0;
  } else if (request.url === "/control/mode") {
    mode = (JSON.parse(body) as { mode: Mode }).mode;
  }
  json(response, 200, books(request.url === "/control/books"));
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on("data", (part: Buffer) => parts.push(part));
  request.on("end", () => {
    const body = Buffer.concat(parts).toString();
    if (request.url?.startsWith("/control") === true) control(request, response, body);
    else if (/^\/emails(\/batch)?$/.test(request.url ?? "") && request.method === "POST") {
      emails(request, response, body);
    } else json(response, 404, { statusCode: 404, name: "not_found", message: "No such route." });
  });
  // A caller that dies in the middle is the point of a bench, not a fault of the stub.
  request.on("error", () => undefined);
  response.on("error", () => undefined);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}/` })}\n`);
});
process.stdin.on("end", () => process.exit(0)).resume();
