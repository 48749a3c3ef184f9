/** A small client of the HTTP API over kept-alive connections, which waits when it is told to. */
import { Agent, request } from "node:http";

/** A refused or broken request is repeated this often: 60 waits of a second outlast a restart. */
const ATTEMPTS = 60;
/** Where no Retry-After is given, and after a broken connection. */
const RETRY_MS = 250;
/** A Retry-After beyond this is a mistake of the server's, not pacing. */
const LONGEST_RETRY_MS = 30_000;
/** An answer takes milliseconds; a connection that is silent for this long is broken. */
const ANSWER_LIMIT_MS = 30_000;

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The parsed JSON; undefined if the answer is none. */
  readonly body: unknown;
}

export interface Client {
  /** Sends once. Rejects if the connection breaks. */
  once(method: string, path: string, body?: unknown, idempotencyKey?: string): Promise<Answer>;
  /**
   * Sends until the answer is neither 429 nor 503 and the connection holds, as often as `ATTEMPTS`.
   * A POST that makes something needs an idempotency key: the answer to the first may be lost.
   */
  send(method: string, path: string, body?: unknown, idempotencyKey?: string): Promise<Answer>;
  close(): void;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Milliseconds from a Retry-After in seconds (RFC 9110, 10.2.3). */
function retryAfterMs(value: string | string[] | undefined): number {
  const seconds = Number(value);
  if (value === undefined || !Number.isFinite(seconds)) return RETRY_MS;
  return Math.min(Math.max(seconds * 1_000, RETRY_MS), LONGEST_RETRY_MS);
}

/**
 * @param url without a trailing slash.
 * @param key goes into `Authorization: Bearer`.
 * @param connections open at a time; further requests wait for one.
 */
export function createClient(url: string, key: string, connections = 1): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const once: Client["once"] = (method, path, body, idempotencyKey) =>
    new Promise((resolve, reject) => {
      const payload = body === undefined ? undefined : JSON.stringify(body);
      const headers: Record<string, string | number> = { authorization: `Bearer ${key}` };
      if (payload !== undefined) {
        headers["content-type"] = "application/json";
        headers["content-length"] = Buffer.byteLength(payload);
      }
      if (idempotencyKey !== undefined) headers["idempotency-key"] = idempotencyKey;
      const outgoing = request(`${url}${path}`, { method, agent, headers }, (incoming) => {
        let text = "";
        incoming.setEncoding("utf8").on("data", (part: string) => {
          text += part;
        });
        incoming.on("error", reject);
        incoming.on("end", () =>
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            body: parse(text),
          }),
        );
      });
      outgoing.setTimeout(ANSWER_LIMIT_MS, () => outgoing.destroy(new Error("no answer")));
      outgoing.on("error", reject);
      outgoing.end(payload);
    });
  const send: Client["send"] = async (...args) => {
    for (let attempt = 1; ; attempt++) {
      let waitMs = RETRY_MS;
      try {
        const answer = await once(...args);
        if (attempt === ATTEMPTS || (answer.status !== 429 && answer.status !== 503)) return answer;
        waitMs = retryAfterMs(answer.headers["retry-after"]);
      } catch (error) {
        if (attempt === ATTEMPTS) throw error;
      }
      await sleep(waitMs);
    }
  };
  return { once, send, close: () => agent.destroy() };
}
