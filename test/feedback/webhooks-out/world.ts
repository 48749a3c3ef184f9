/**
 * A world for the webhook consumer without a database: rows in memory that follow the same rules as
 * the tables, receivers as functions, and a clock that is set by hand.
 */
import type { Happening } from "../../../src/core/events.ts";
import { createSigner } from "../../../src/core/signer.ts";
import type { Delivery, Endpoint, Hint, NewDelivery } from "../../../src/core/webhook.ts";
import type { DelayedPack } from "../../../src/feedback/webhooks-out/deliveries.ts";
import type { WebhookDeps } from "../../../src/feedback/webhooks-out/ports.ts";

export const NOW = Date.UTC(2026, 10, 22, 12);
export const signer = await createSigner("a secret of thirty-two characters");

export const endpoint = (given: Partial<Endpoint> = {}): Endpoint => ({
  id: "e1",
  account: "acme",
  url: "https://hooks.acme.com/in",
  events: null,
  status: "enabled",
  createdAt: NOW,
  version: 1,
  previous: [],
  fails: 0,
  exhausted: 0,
  failingSince: null,
  lastSuccessAt: null,
  slowUntil: 0,
  disabledReason: null,
  disabledAt: null,
  ...given,
});

export const happening = (given: Partial<Happening> = {}): Happening => ({
  account: "acme",
  messageId: "019aabcd-0000-7000-8000-000000000001",
  no: 0,
  address: "ann@example.com",
  hash: "h",
  envelope: {
    from: "Acme <news@acme.com>",
    fromDomain: "acme.com",
    replyTo: [],
    subject: "Hello",
    tags: [{ name: "kind", value: "welcome" }],
    metadata: { order: "7" },
    size: 10,
    attachments: 0,
    stream: "transactional",
    lane: "transactional",
    createdAt: NOW - 1_000,
    expiresAt: NOW + 1_000,
  },
  source: "ses",
  type: "delivered",
  at: NOW,
  code: "",
  text: "",
  bounce: null,
  url: "",
  ours: false,
  ...given,
});

/** What a receiver was sent. */
export interface Received {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly init: RequestInit;
}

export type Receiver = (received: Received) => Response | Promise<Response>;

export class World {
  now = NOW;
  readonly endpoints = new Map<string, Endpoint>();
  readonly rows = new Map<string, Delivery>();
  readonly received: Received[] = [];
  readonly queued: DelayedPack[] = [];
  readonly logged: string[] = [];
  receiver: Receiver = () => new Response(null, { status: 204 });
  queueFails = false;
  reads = 0;

  constructor(...endpoints: Endpoint[]) {
    for (const one of endpoints) this.endpoints.set(one.id, one);
  }

  /** Writes rows as the journal does; answers the hints of the new ones. */
  insert(deliveries: readonly NewDelivery[]): Hint[] {
    return deliveries.flatMap((one) => {
      const key = `${one.endpoint}/${one.event}`;
      if (this.rows.has(key)) return [];
      this.rows.set(key, { ...one, status: "pending", tries: 0, step: 0, attempts: [] });
      return [{ endpoint: one.endpoint, event: one.event, tries: 0, nextAt: one.nextAt }];
    });
  }

  add(event: string, given: Partial<Delivery> = {}, to = "e1"): Hint {
    const payload = JSON.stringify({ type: "email.sent", event });
    const made = { endpoint: to, event, type: "email.sent", payload, status: "pending" as const };
    const row = { ...made, tries: 0, step: 0, nextAt: this.now, attempts: [], ...given };
    this.rows.set(`${to}/${event}`, row);
    return { endpoint: to, event, tries: row.tries, nextAt: row.nextAt ?? this.now };
  }

  row(event: string, of = "e1"): Delivery {
    const row = this.rows.get(`${of}/${event}`);
    if (row === undefined) throw new Error(`no delivery of ${event}`);
    return row;
  }

  readonly deps: WebhookDeps = {
    now: () => this.now,
    random: () => 0.5,
    uuid: () => crypto.randomUUID(),
    timeLimit: (ms) => AbortSignal.timeout(ms),
    allowLocal: false,
    signer: async () => signer,
    log: (event) => this.logged.push(event),
    fetch: (async (input: string, init: RequestInit) => {
      const headers = init.headers as Record<string, string>;
      const got = { url: input, headers, body: String(init.body), init };
      this.received.push(got);
      return this.receiver(got);
    }) as typeof fetch,
    readEndpoints: async (accounts) =>
      [...this.endpoints.values()].filter(({ account }) => accounts.includes(account)),
    insertDeliveries: async (all) => this.insert(all),
    enqueue: async (packs) => {
      if (this.queueFails) throw new Error("the queue does not answer");
      this.queued.push(...packs);
    },
    readDue: async (hints) => {
      this.reads += 1;
      const ids = new Set(hints.map((one) => one.endpoint));
      return {
        endpoints: [...this.endpoints.values()].filter(({ id }) => ids.has(id)),
        deliveries: hints.flatMap((one) => this.rows.get(`${one.endpoint}/${one.event}`) ?? []),
      };
    },
    record: async (id, outcomes, health) => {
      for (const { event, seen, ...outcome } of outcomes) {
        const row = this.row(event, id);
        if (row.tries !== seen) continue;
        this.rows.set(`${id}/${event}`, { ...row, ...outcome, tries: seen + 1 });
      }
      const one = this.endpoints.get(id);
      if (one === undefined) return null;
      const good = health.succeeded > 0;
      const next = {
        ...one,
        fails: good ? 0 : one.fails + health.failed,
        exhausted: good ? 0 : one.exhausted + health.exhausted,
        failingSince: good ? null : (one.failingSince ?? health.at),
        slowUntil: Math.max(one.slowUntil, health.slowUntil),
      };
      this.endpoints.set(id, next);
      return next;
    },
    disable: async (id, reason, at, notices) => {
      const one = this.endpoints.get(id);
      if (one !== undefined) {
        const off = { status: "disabled" as const, disabledReason: reason, disabledAt: at };
        this.endpoints.set(id, { ...one, ...off });
      }
      return this.insert(notices);
    },
  };
}

/** A message of the queue, with what became of it. */
export function message(body: unknown, attempts = 1) {
  const seen: { acked: number; retried: number[] } = { acked: 0, retried: [] };
  return {
    seen,
    body,
    attempts,
    ack() {
      seen.acked += 1;
    },
    retry({ delaySeconds }: { delaySeconds: number }) {
      seen.retried.push(delaySeconds);
    },
  };
}

/** A message that hints at these. */
export const pack = (...hints: Hint[]) =>
  message({
    v: 1,
    endpoint: hints[0]?.endpoint ?? "e1",
    due: hints.map(({ event, tries }) => ({ event, tries })),
  });
