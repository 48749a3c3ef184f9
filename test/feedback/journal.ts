/** A journal's world in memory: a database, Outboxes that listen, and messages that remember. */
import type { Confirmation, Envelope, JournalBody, JournalUnit } from "../../src/core/custody.ts";
import { mergeRows, type RecipientRow, standingOf } from "../../src/core/recipient-row.ts";
import type { Endpoint } from "../../src/core/webhook.ts";
import { consumeJournal } from "../../src/feedback/ingest.ts";
import type { JournalDeps, JournalRecord } from "../../src/feedback/ports.ts";
import type { Looked } from "../../src/feedback/resolve.ts";

export interface Told {
  readonly body: unknown;
  readonly id: string;
  readonly timestamp: Date;
  readonly attempts: number;
  acked: number;
  retried: number[];
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}

let made = 0;

export function message(body: unknown, attempts = 1): Told {
  return {
    body,
    id: `j${++made}`,
    timestamp: new Date(0),
    attempts,
    acked: 0,
    retried: [],
    ack() {
      this.acked += 1;
    },
    retry({ delaySeconds }) {
      this.retried.push(delaySeconds);
    },
  };
}

export function journalUnit(id: string, given: Partial<JournalUnit> = {}): JournalUnit {
  const envelope = { subject: id };
  const address = `${id}@a.example`;
  const addressees = [{ mailbox: address, address, hash: id, kind: "to" }];
  return {
    id,
    rev: 3,
    open: false,
    head: JSON.stringify({ envelope, addressees }),
    source: "s1",
    providerMessageId: "p1",
    recipients: [{ state: "sent", at: 5, code: "", text: "" }],
    timeline: [{ at: 1, type: "accepted" }],
    ...given,
  };
}

export const units = (...all: JournalUnit[]): JournalBody => ({
  v: 1,
  kind: "units",
  account: "acme",
  shard: 0,
  units: all,
});

export const event = (messageId: string, type: "delivered" | "bounced" = "delivered") =>
  ({
    v: 1,
    kind: "events",
    events: [
      { account: "acme", messageId, recipientNo: 0, source: "s1", type, at: 9, code: "", text: "" },
    ],
  }) as const satisfies JournalBody;

/** One that is told everything. */
export const endpoint: Endpoint = {
  id: "e1",
  account: "acme",
  url: "https://hooks.example",
  events: null,
  status: "enabled",
  createdAt: 0,
  version: 1,
  previous: [],
  fails: 0,
  exhausted: 0,
  failingSince: null,
  lastSuccessAt: null,
  slowUntil: 0,
  disabledReason: null,
  disabledAt: null,
};

/** What a test may break, and what the journal's consumer did. */
export class World {
  /** Message ids that the database refuses for good. */
  readonly poison = new Set<string>();
  /** Calls to the database that fail before it answers again; a failing one writes nothing. */
  failures = 0;
  down = false;
  confirmFails = false;
  settleFails = false;
  keepFails = false;
  laterFails = false;
  stored: RecipientRow[] = [];
  transactions = 0;
  readonly confirmed: { shard: string; confirmations: readonly Confirmation[] }[] = [];
  readonly settled: unknown[] = [];
  readonly kept: { where: string; body: unknown; reason: string }[] = [];
  readonly endpoints: Endpoint[] = [];
  /** Messages that their Outbox does not have, of those that are not recorded. */
  readonly gone = new Set<string>();
  readonly later: { body: JournalBody; delayS: number }[] = [];
  readonly records: JournalRecord[] = [];
  readonly deps: { -readonly [Key in keyof JournalDeps]: JournalDeps[Key] } = {
    now: () => 0,
    isAnonymous: (source) => source === "anon",
    effects: {
      now: () => 0,
      isTest: () => false,
      traitsOf: () => ({ disposable: false, role: false }),
      reportsDeliveries: () => true,
    },
    follow: this.#follow(),
    scopes: ["acme"],
    look: async (refs, keys) => {
      if (this.down) throw new Error("Network connection lost.");
      return { ...this.#known(refs, keys), endpoints: this.endpoints };
    },
    heads: async (_ref, ids) =>
      ids.flatMap((id) => (this.gone.has(id) ? [] : [{ id, head: journalUnit(id).head }])),
    accountOf: async (messageId) => (messageId.startsWith("m") ? "acme" : null),
    record: async (record) => {
      const merged = await this.#record(record.rows);
      this.records.push(record);
      return { merged, hints: [] };
    },
    recordAnswers: async () => !this.down,
    shardOf: async (account, id) => (id.startsWith("m") ? { account, shard: 0 } : null),
    journalLater: async (body, delayS) => {
      if (this.laterFails) throw new Error("the queue is full");
      this.later.push({ body, delayS });
    },
    confirm: async (ref, confirmations) => {
      if (this.confirmFails) throw new Error("the Outbox is gone");
      this.confirmed.push({ shard: `${ref.account}/${ref.shard}`, confirmations });
    },
    settle: async (_ref, settlements) => {
      if (this.settleFails) throw new Error("the Outbox is gone");
      this.settled.push(...settlements);
    },
    keepAside: async (where, body, reason) => {
      if (this.keepFails) throw new Error("storage is down");
      this.kept.push({ where, body, reason });
    },
    log: () => {},
  };

  /** A guard and a queue at which nothing happens. */
  #follow(): JournalDeps["follow"] {
    const log = () => {};
    const webhooks = {
      now: () => 0,
      readEndpoints: async () => [],
      insertDeliveries: async () => [],
      enqueue: async () => {},
      log,
    };
    const guard = {
      now: () => 0,
      policyOf: () => {
        throw new Error("nothing is judged here");
      },
      standings: async () => [],
      due: async () => [],
      write: async () => [],
      untold: async () => [],
      markTold: async () => {},
      log,
    };
    return { webhooks, guard, scopes: ["acme"] };
  }

  #known(
    refs: readonly { account: string; messageId: string }[],
    keys: readonly string[],
  ): Pick<Looked, "found" | "byKey"> {
    const byKey = new Map(
      this.stored.flatMap((row) =>
        row.providerKey !== null && keys.includes(row.providerKey)
          ? [[row.providerKey, { account: row.account, messageId: row.messageId }] as const]
          : [],
      ),
    );
    const wanted = new Set([...refs, ...byKey.values()].map((ref) => ref.messageId));
    const rows = this.stored.filter((row) => wanted.has(row.messageId) && row.rev > 0);
    const found = [...Map.groupBy(rows, (row) => row.messageId)].map(([messageId, mine]) => ({
      account: "acme",
      messageId,
      envelope: JSON.parse(mine.find((row) => row.message !== null)?.message ?? "{}") as Envelope,
      recipients: mine.map((row) => ({
        no: row.no,
        mailbox: row.address ?? "",
        hash: row.hash ?? "",
      })),
    }));
    return { found, byKey };
  }

  async #record(rows: readonly RecipientRow[]) {
    if (this.down || this.failures > 0) {
      this.failures -= 1;
      throw new Error("Network connection lost.");
    }
    if (rows.some((row) => this.poison.has(row.messageId))) throw new Error("constraint failed");
    this.transactions += 1;
    this.stored = mergeRows([...this.stored, ...rows]);
    const keys = new Set(rows.map((row) => `${row.messageId} ${row.no}`));
    return this.stored
      .filter((row) => keys.has(`${row.messageId} ${row.no}`))
      .map((row) => ({ ...row, state: standingOf(row) }));
  }

  async consume(...messages: Told[]): Promise<void> {
    await consumeJournal(messages, this.deps);
  }

  /** Revisions confirmed, by message. */
  revisions(): Record<string, number> {
    const all = this.confirmed.flatMap((one) => one.confirmations);
    return Object.fromEntries(all.map(({ id, rev }) => [id, rev]));
  }
}
