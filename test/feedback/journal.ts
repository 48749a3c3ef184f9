/** A journal's world in memory: a database, Outboxes that listen, and messages that remember. */
import type { Confirmation, JournalBody, JournalUnit } from "../../src/core/custody.ts";
import { mergeRows, type RecipientRow } from "../../src/core/recipient-row.ts";
import { consumeJournal } from "../../src/feedback/ingest.ts";
import type { JournalDeps } from "../../src/feedback/ports.ts";

export interface Told {
  readonly body: unknown;
  readonly attempts: number;
  acked: number;
  retried: number[];
  ack(): void;
  retry(options: { delaySeconds: number }): void;
}

export function message(body: unknown, attempts = 1): Told {
  return {
    body,
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
  const addressees = [{ mailbox: `${id}@a.example`, hash: id, kind: "to" }];
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
  stored: RecipientRow[] = [];
  transactions = 0;
  readonly confirmed: { shard: string; confirmations: readonly Confirmation[] }[] = [];
  readonly settled: unknown[] = [];
  readonly kept: { body: unknown; reason: string }[] = [];
  readonly deps: JournalDeps = {
    now: () => 0,
    record: async (rows) => this.#record(rows),
    recordAnswers: async () => !this.down,
    shardOf: async (account) => ({ account, shard: 0 }),
    confirm: async (ref, confirmations) => {
      if (this.confirmFails) throw new Error("the Outbox is gone");
      this.confirmed.push({ shard: `${ref.account}/${ref.shard}`, confirmations });
    },
    settle: async (_ref, settlements) => {
      if (this.settleFails) throw new Error("the Outbox is gone");
      this.settled.push(...settlements);
    },
    keepPoison: async (body, reason) => {
      if (this.keepFails) throw new Error("storage is down");
      this.kept.push({ body, reason });
    },
    log: () => {},
  };

  async #record(rows: readonly RecipientRow[]) {
    if (this.down || this.failures > 0) {
      this.failures -= 1;
      throw new Error("Network connection lost.");
    }
    if (rows.some((row) => this.poison.has(row.messageId))) throw new Error("constraint failed");
    this.transactions += 1;
    this.stored = mergeRows([...this.stored, ...rows]);
    const keys = new Set(rows.map((row) => `${row.messageId} ${row.no}`));
    return this.stored.filter((row) => keys.has(`${row.messageId} ${row.no}`));
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
