/** A client of the Worker under test: keys, posts, reads, and waiting for what comes later. */
import { env, exports } from "cloudflare:workers";
import { expect } from "vitest";
import { mintApiKey } from "../../../src/core/api-key.ts";
import { createSigner } from "../../../src/core/signer.ts";

export interface ErrorBody {
  readonly statusCode: number;
  readonly name: string;
  readonly message: string;
}

export interface Email {
  readonly id: string;
  readonly subject: string;
  readonly to: readonly string[];
  readonly text: string | null;
  readonly html: string | null;
  readonly last_event: string;
  readonly source: string | null;
  readonly recipients: readonly {
    readonly email: string;
    readonly kind: string;
    readonly state: string;
    readonly code?: string;
    readonly complained?: boolean;
    readonly opens?: number;
    readonly clicks?: number;
    readonly bounce?: { readonly kind: string; readonly category: string };
  }[];
  readonly timeline: readonly {
    readonly type: string;
    readonly at: string;
    readonly recipient?: string;
    readonly code?: string;
  }[];
}

export interface List {
  readonly has_more: boolean;
  readonly data: readonly Email[];
}

export type Ledger = Readonly<Record<string, number>> & { readonly conserved: boolean };

interface KeyInput {
  readonly account?: string;
  readonly mode?: "test" | "live";
  readonly permission?: "full_access" | "sending_access";
}

const ORIGIN = "http://postern.test";
const PATIENCE_MS = 15_000;
const POLL_MS = 50;

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until `ready`; fails with the last answer when patience ends. */
export async function until<T>(
  ask: () => Promise<T>,
  ready: (value: T) => boolean,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const value = await ask();
    if (ready(value)) return value;
    if (Date.now() > end) throw new Error(`not within ${patienceMs} ms: ${JSON.stringify(value)}`);
    await pause(POLL_MS);
  }
}

/** A request as it is; `token` becomes the Authorization header. */
export function request(
  path: string,
  init: { method?: string; token?: string; headers?: HeadersInit; body?: BodyInit } = {},
): Promise<Response> {
  const headers = new Headers(init.headers);
  if (init.token !== undefined) headers.set("authorization", `Bearer ${init.token}`);
  const { method = "GET", body } = init;
  return exports.default.fetch(
    new Request(`${ORIGIN}${path}`, { method, headers, ...(body === undefined ? {} : { body }) }),
  );
}

/** Asks the operator's routes. */
export const admin = (path: string, method = "GET", body?: unknown): Promise<Response> =>
  request(path, {
    method,
    token: env.POSTERN_ADMIN_KEY,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** Makes a key over the API. */
export async function apiKey(input: KeyInput = {}): Promise<{ id: string; token: string }> {
  const response = await admin("/api-keys", "POST", { name: "test", mode: "test", ...input });
  expect(response.status).toBe(201);
  return response.json();
}

/** A key with a right checksum that nobody has made. */
export async function unknownKey(): Promise<string> {
  const signer = await createSigner(env.POSTERN_SECRET);
  return mintApiKey(signer, "test", (count) => crypto.getRandomValues(new Uint8Array(count)));
}

/** A minimal email, and whatever else it should have. */
export const email = (given: Record<string, unknown> = {}): Record<string, unknown> => ({
  from: "Acme <news@example.com>",
  to: "delivered@sandbox.test",
  subject: "Hello",
  text: "Hello there",
  ...given,
});

/** One account's key and what can be done with it. */
export class Client {
  readonly token: string;
  readonly scope: string;

  constructor(token: string, scope: string) {
    this.token = token;
    this.scope = scope;
  }

  static async make(input: KeyInput = {}): Promise<Client> {
    const { account = "default", mode = "test" } = input;
    const { token } = await apiKey(input);
    return new Client(token, mode === "test" ? `${account}~test` : account);
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return request(path, {
      method: "POST",
      token: this.token,
      headers: { "content-type": "application/json", ...headers },
      body: text,
    });
  }

  get(path: string): Promise<Response> {
    return request(path, { token: this.token });
  }

  /** Posts one email that must be accepted; answers its id. */
  async send(given: Record<string, unknown> = {}, headers = {}): Promise<string> {
    const response = await this.post("/emails", email(given), headers);
    const body: { id: string } = await response.json();
    expect(response.status, JSON.stringify(body)).toBe(200);
    return body.id;
  }

  async sendBatch(emails: readonly unknown[], headers = {}): Promise<string[]> {
    const response = await this.post("/emails/batch", emails, headers);
    const body: { data: { id: string }[] } = await response.json();
    expect(response.status, JSON.stringify(body)).toBe(200);
    return body.data.map((one) => one.id);
  }

  async read(id: string): Promise<Email> {
    const response = await this.get(`/emails/${id}`);
    expect(response.status).toBe(200);
    return response.json();
  }

  /** The email once all its recipients are in one of these states. */
  async when(id: string, ...states: string[]): Promise<Email> {
    const there = (one: Email): boolean =>
      one.recipients.every((recipient) => states.includes(recipient.state));
    return until(() => this.read(id), there);
  }

  async ledger(): Promise<Ledger> {
    const response = await this.get("/ledger");
    expect(response.status).toBe(200);
    return response.json();
  }

  /** The ledger once nothing is on its way: all recorded, all confirmed. */
  quiet(): Promise<Ledger> {
    return until(
      () => this.ledger(),
      ({ pending, conserved }) => pending === 0 && conserved,
    );
  }

  async list(query = ""): Promise<List> {
    const response = await this.get(`/emails${query}`);
    expect(response.status).toBe(200);
    return response.json();
  }

  /** How many times the sandbox's world took each message. */
  acceptances(): Promise<Record<string, number>> {
    return env.SANDBOX.getByName(this.scope).acceptances();
  }

  /** Expects an error in the API's shape. */
  async refused(response: Response, status: number, name: string, message: RegExp): Promise<void> {
    await refused(response, status, name, message);
  }
}

/** Expects an error in the API's one shape, that quotes no secret and no address. */
export async function refused(
  response: Response,
  status: number,
  name: string,
  message: RegExp,
): Promise<void> {
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  const body: ErrorBody = await response.json();
  expect(body).toEqual({ statusCode: status, name, message: expect.stringMatching(message) });
  expect(response.status).toBe(status);
}
