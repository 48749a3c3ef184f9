/**
 * A local DNS over HTTPS server (RFC 8484) on loopback, with a zone given as data and a count of
 * what it was asked.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerTo, type HttpAnswer } from "./answer.ts";
import type { Fault, Zone } from "./zone.ts";

export interface DohOptions {
  /** From a question to its answer, 0 if not given. */
  readonly delayMs?: number;
  /** Goes before what the zone says; null: nothing goes wrong. */
  readonly fault?: (name: string, type: string) => Fault | null;
}

export interface Counts {
  readonly questions: number;
  /** By `name TYPE`. */
  readonly asked: Readonly<Record<string, number>>;
  /** The most that were open at a time. */
  readonly openMax: number;
  /** Questions that the client gave up before they were answered. */
  readonly givenUp: number;
  /** Requests that were not a query as RFC 8484 has it. */
  readonly refused: number;
}

export interface Doh {
  /** `http://127.0.0.1:<port>/dns-query` */
  readonly url: string;
  counts(): Counts;
  reset(): void;
  close(): Promise<void>;
}

const MEDIA_TYPE = "application/dns-message";

/** Starts a server; see zone.ts for what it can be told to answer. */
export async function startDoh(zone: Zone, options: DohOptions = {}): Promise<Doh> {
  const asked = new Map<string, number>();
  const totals = { questions: 0, open: 0, openMax: 0, givenUp: 0, refused: 0 };

  function counts(): Counts {
    const { open: _, ...rest } = totals;
    return { ...rest, asked: Object.fromEntries(asked) };
  }

  function reset(): void {
    asked.clear();
    Object.assign(totals, { questions: 0, openMax: totals.open, givenUp: 0, refused: 0 });
  }

  function send(response: ServerResponse, answer: HttpAnswer): void {
    const { status, headers, body, cut = false } = answer;
    response.writeHead(status, { ...headers, "content-length": body.length });
    if (!cut) response.end(body);
    else response.write(body.subarray(0, body.length >> 1), () => response.destroy());
  }

  function question(request: IncomingMessage, response: ServerResponse, body: Buffer): void {
    const { method, headers, socket } = request;
    const proper =
      method === "POST" && headers["content-type"] === MEDIA_TYPE && headers.accept === MEDIA_TYPE;
    const told = answerTo(zone, proper ? body : Buffer.alloc(0));
    if (told.asked === null) {
      totals.refused += 1;
      response.writeHead(400).end();
      return;
    }
    const { name, type } = told.asked;
    const key = `${name} ${type}`;
    totals.questions += 1;
    asked.set(key, (asked.get(key) ?? 0) + 1);
    totals.open += 1;
    totals.openMax = Math.max(totals.openMax, totals.open);
    response.on("close", () => {
      totals.open -= 1;
      if (!response.writableEnded) totals.givenUp += 1;
    });
    const fault = options.fault?.(name, type) ?? null;
    const { answer } = fault === null ? told : answerTo(zone, body, fault);
    if (answer === "slow") return;
    if (answer === "dead") {
      socket.destroy();
      return;
    }
    if ((options.delayMs ?? 0) > 0) setTimeout(() => send(response, answer), options.delayMs);
    else send(response, answer);
  }

  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const json = { "content-type": "application/json" };
      if (request.url === "/control/counts") {
        response.writeHead(200, json).end(JSON.stringify(counts()));
      } else if (request.url === "/control/reset") {
        reset();
        response.writeHead(200, json).end("{}");
      } else question(request, response, Buffer.concat(parts));
    });
    // Clients that give up are what is tested here.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/dns-query`,
    counts,
    reset,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
