/**
 * What a fault test does from outside: an account under a script, its mail, its ledger, what really
 * left.
 */
import { evictDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { expect } from "vitest";
import type { State } from "../../../src/core/delivery-state.ts";
import type { Ledger } from "../../../src/observe/ledger.ts";
import { type Fault, play, type Script, scriptOf } from "./faults.ts";
import { accountName } from "./faults-config.ts";

export interface Scenario {
  readonly scope: string;
  readonly script: Script;
  /** `POST /emails`; answers the id. */
  post(fields: Fields): Promise<string>;
  /** `POST /emails/batch` of `count` emails alike; answers their ids. */
  postBatch(count: number, fields: Fields): Promise<string[]>;
  read(id: string): Promise<Email>;
  /** Any other request with the account's key. */
  request(path: string, init?: RequestInit): Promise<Response>;
  ledger(): Promise<Ledger>;
  /** Waits until nothing is pending and the books balance. */
  settled(accepted: number, patienceMs?: number): Promise<Ledger>;
  /**
   * Waits until nothing is pending and everything accepted is in these states, in these numbers.
   */
  counts(states: Partial<Record<State, number>>, patienceMs?: number): Promise<Ledger>;
  /** Acceptances of one message in the sandbox's world. */
  sends(id: string): Promise<number>;
  acceptances(): Promise<Record<string, number>>;
  outbox(): ReturnType<typeof env.OUTBOX.getByName>;
  /** Evicts the Outbox, if it is there. */
  evict(): Promise<void>;
}

export interface Fields {
  readonly stream: string;
  readonly on_unknown?: "retry" | "hold";
  readonly to?: string;
  readonly text?: string;
}

export interface Email {
  readonly last_event: string;
  readonly recipients: readonly { readonly state: string; readonly code?: string }[];
  readonly timeline: readonly {
    readonly type: string;
    readonly at: string;
    readonly code?: string;
    readonly attempt?: number;
  }[];
}

/** The two kinds of source by the two terms for an unknown, as fields of an email. */
export const COMBINATIONS = [
  { stream: "dedup", on_unknown: "retry" },
  { stream: "dedup", on_unknown: "hold" },
  { stream: "plain", on_unknown: "retry" },
  { stream: "plain", on_unknown: "hold" },
] as const;

const PATIENCE_MS = 20_000;
const POLL_MS = 60;

/** Waits for `milliseconds`. */
export const pause = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Asks until `ready`, and fails with the last answer when patience ends. */
export async function until<T>(
  ask: () => Promise<T> | T,
  ready: (value: T) => boolean,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  const end = Date.now() + patienceMs;
  for (;;) {
    const value = await ask();
    if (ready(value)) return value;
    if (Date.now() > end) throw new Error(`not within ${patienceMs} ms: ${JSON.stringify(value)}`);
    await pause(POLL_MS);
  }
}

let taken = 0;

/** The next unused account, with an API key, under these faults. */
export async function scenario(faults: readonly Fault[] | Script = []): Promise<Scenario> {
  const account = accountName(taken++);
  const scope = `${account}~test`;
  const script = "strike" in faults ? faults : scriptOf(faults);
  play(scope, script);
  const { token } = await json<{ token: string }>("/api-keys", env.POSTERN_ADMIN_KEY, {
    method: "POST",
    body: JSON.stringify({ name: "faults", account, mode: "test" }),
  });
  return makeScenario(scope, script, token);
}

function makeScenario(scope: string, script: Script, token: string): Scenario {
  const emailOf = ({ to = "someone@faults.test", text = "hello", ...fields }: Fields) => ({
    from: "Sender <sender@faults.test>",
    to,
    subject: "A fault",
    text,
    ...fields,
  });
  const post = <T>(path: string, body: object): Promise<T> =>
    json<T>(path, token, { method: "POST", body: JSON.stringify(body) });
  const made: Scenario = {
    scope,
    script,
    post: async (fields) => (await post<{ id: string }>("/emails", emailOf(fields))).id,
    async postBatch(count, fields) {
      const batch = Array.from({ length: count }, () => emailOf(fields));
      const { data } = await post<{ data: { id: string }[] }>("/emails/batch", batch);
      return data.map(({ id }) => id);
    },
    read: (id) => json<Email>(`/emails/${id}`, token),
    request: (path, init) => request(path, token, init),
    ledger: () => json<Ledger>("/ledger", token),
    settled: (accepted, patienceMs) =>
      until(
        made.ledger,
        (ledger) => ledger.accepted === accepted && ledger.pending === 0 && ledger.conserved,
        patienceMs,
      ),
    counts: (states, patienceMs) =>
      until(
        made.ledger,
        (ledger) =>
          ledger.accepted === Object.values(states).reduce((sum, count) => sum + count, 0) &&
          ledger.pending === 0 &&
          ledger.conserved &&
          Object.entries(states).every(([state, count]) => ledger[state as State] === count),
        patienceMs,
      ),
    sends: async (id) => (await made.acceptances())[id] ?? 0,
    acceptances: () =>
      env.SANDBOX.getByName(scope).acceptances() as Promise<Record<string, number>>,
    outbox: () => env.OUTBOX.getByName(`${scope}/0`),
    evict: () =>
      evictDurableObject(made.outbox()).catch((error: unknown) => {
        if (!String(error).includes("not currently running")) throw error;
      }),
  };
  return made;
}

function request(path: string, token: string, init: RequestInit = {}): Promise<Response> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return exports.default.fetch(`http://postern.test${path}`, { ...init, headers });
}

async function json<T>(path: string, token: string, init?: RequestInit): Promise<T> {
  const response = await request(path, token, init);
  const text = await response.text();
  expect(response.ok, `${path}: ${response.status} ${text}`).toBe(true);
  return JSON.parse(text) as T;
}

/**
 * What holds of one message whatever happened, once nothing is pending: a source that deduplicates
 * accepts it once; any other once or twice where an unknown is retried; at most once where it is
 * held. What was accepted ends delivered, the rest unknown, and a message sent twice or not at all
 * says why.
 */
export function expectSends(
  { stream, on_unknown }: Pick<Fields, "stream" | "on_unknown">,
  sends: number,
  email: Email,
): void {
  const most = stream === "dedup" || on_unknown === "hold" ? 1 : 2;
  expect(sends, "acceptances").toBeLessThanOrEqual(most);
  if (on_unknown === "retry") expect(sends, "acceptances").toBeGreaterThanOrEqual(1);
  if (sends !== 1) expect(timesOf(email, "unknown"), "unknown told").toBeGreaterThan(0);
  const state = sends === 0 ? "unknown" : "delivered";
  expect(email.recipients.map((one) => one.state)).toEqual([state]);
}

/** How many of an email's timeline entries are of this type. */
export const timesOf = (email: Email, type: string): number =>
  email.timeline.filter((entry) => entry.type === type).length;
