/**
 * The sandbox's world for one account: accepts, deduplicates, and reports what became of the mail
 * by the journal, later. Its rows are what the provider at the other end would keep, so an
 * accepted message and its report survive a restart.
 */
import { DurableObject } from "cloudflare:workers";
import type { JournalBody } from "../core/custody.ts";
import type { ProviderEvent } from "../core/events.ts";
import {
  type Magic,
  SANDBOX_WINDOW_MS,
  type SandboxAnswer,
  type SandboxCall,
  type SandboxMessage,
} from "../core/sandbox.ts";

export interface SandboxDeps {
  readonly now: () => number;
  readonly uuid: () => string;
  readonly sendJournal: (body: JournalBody) => Promise<void>;
}

/** Events of one report; a journal message holds some 200 bytes for each. */
const REPORT_MAX = 200;

/** Keys beyond their window are swept this many at a time. */
const SWEEP_MAX = 1_000;

type Step = Pick<ProviderEvent, "type" | "code" | "text" | "bounce">;

/** What a recipient's provider reports, each step one delay after the one before. */
const STORY: Readonly<Record<Magic, readonly Step[]>> = {
  delivered: [{ type: "delivered", code: "", text: "250 2.0.0 accepted" }],
  bounced: [
    {
      type: "bounced",
      code: "5.1.1",
      text: "550 5.1.1 no such mailbox",
      bounce: { kind: "hard", category: "recipient" },
    },
  ],
  complained: [
    { type: "delivered", code: "", text: "250 2.0.0 accepted" },
    { type: "complained", code: "abuse", text: "marked as spam" },
  ],
  deferred: [
    { type: "deferred", code: "4.2.2", text: "452 4.2.2 mailbox full" },
    { type: "delivered", code: "", text: "250 2.0.0 accepted" },
  ],
  suppressed: [],
  timeout: [{ type: "delivered", code: "", text: "250 2.0.0 accepted" }],
};

const isTimeout = ({ magic }: { readonly magic: Magic }): boolean => magic === "timeout";

/** The world behind one account's sandbox sources. */
export class SandboxObject<E> extends DurableObject<E> {
  readonly #deps: SandboxDeps;
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: E, deps: SandboxDeps) {
    super(ctx, env);
    this.#deps = deps;
    this.#sql = ctx.storage.sql;
    this.#sql.exec(`
      CREATE TABLE IF NOT EXISTS accepted (
        id TEXT PRIMARY KEY, message_id TEXT NOT NULL, key TEXT NOT NULL, at INTEGER NOT NULL
      ) WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS accepted_by_key ON accepted (key);
      CREATE TABLE IF NOT EXISTS report (due INTEGER NOT NULL, event TEXT NOT NULL);
    `);
  }

  /**
   * Takes one message, or several under one key. A call with `timeout` in it gets no answer; its
   * repeat under the same key does. The same key with other messages is a conflict.
   */
  async send(call: SandboxCall): Promise<SandboxAnswer> {
    const now = this.#deps.now();
    const silent = call.some(({ recipients }) => recipients.some(isTimeout));
    const [first] = call;
    const earlier = first?.deduplicates ? this.#accepted(first.key) : new Map<string, string>();
    if (earlier.size > 0) {
      const ids = call.flatMap(({ messageId }) => earlier.get(messageId) ?? []);
      if (ids.length !== call.length || ids.length !== earlier.size) return { kind: "conflict" };
      for (const message of call) {
        this.#report(message, message.recipients.filter(isTimeout), now);
      }
      await this.#arm();
      return { kind: "accepted", ids };
    }
    const ids = call.map((message) => {
      const id = this.#deps.uuid();
      const { messageId, key, recipients } = message;
      this.#sql.exec("INSERT INTO accepted VALUES (?, ?, ?, ?)", id, messageId, key, now);
      const told = recipients.filter((one) => !isTimeout(one));
      this.#report(message, told, now);
      return id;
    });
    await this.#arm();
    return silent ? null : { kind: "accepted", ids };
  }

  /** How many times each message was accepted: what really left, for tests and benches. */
  acceptances(): Record<string, number> {
    const rows = this.#sql.exec<{ message_id: string; times: number }>(
      "SELECT message_id, count(*) AS times FROM accepted GROUP BY message_id",
    );
    return Object.fromEntries(rows.toArray().map((row) => [row.message_id, row.times]));
  }

  /** What was accepted under a key: the provider's id of each message. */
  #accepted(key: string): Map<string, string> {
    const since = this.#deps.now() - SANDBOX_WINDOW_MS;
    const rows = this.#sql.exec<{ id: string; message_id: string }>(
      "SELECT id, message_id FROM accepted WHERE key = ? AND at > ?",
      key,
      since,
    );
    return new Map(rows.toArray().map(({ id, message_id }) => [message_id, id]));
  }

  #report(message: SandboxMessage, recipients: SandboxMessage["recipients"], now: number): void {
    for (const { no, magic } of recipients) {
      STORY[magic].forEach((step, index) => {
        const at = now + message.eventDelayMs * (index + 1);
        const event: ProviderEvent = {
          account: message.account,
          messageId: message.messageId,
          recipientNo: no,
          source: message.source,
          at,
          ...step,
        };
        this.#sql.exec("INSERT INTO report VALUES (?, ?)", at, JSON.stringify(event));
      });
    }
  }

  override async alarm(): Promise<void> {
    const now = this.#deps.now();
    const rows = this.#sql
      .exec<{ row: number; event: string }>(
        "SELECT rowid AS row, event FROM report WHERE due <= ? ORDER BY due LIMIT ?",
        now,
        REPORT_MAX,
      )
      .toArray();
    if (rows.length > 0) {
      const events = rows.map((row) => JSON.parse(row.event) as ProviderEvent);
      await this.#deps.sendJournal({ v: 1, kind: "events", events });
      const told = JSON.stringify(rows.map((row) => row.row));
      this.#sql.exec("DELETE FROM report WHERE rowid IN (SELECT value FROM json_each(?))", told);
    }
    this.#sql.exec(
      "DELETE FROM accepted WHERE id IN (SELECT id FROM accepted WHERE at < ? LIMIT ?)",
      now - SANDBOX_WINDOW_MS,
      SWEEP_MAX,
    );
    await this.#arm();
  }

  async #arm(): Promise<void> {
    const next = this.#sql.exec<{ due: number | null }>("SELECT min(due) AS due FROM report").one();
    if (next.due === null) return;
    const armed = await this.ctx.storage.getAlarm();
    if (armed === null || armed > next.due) await this.ctx.storage.setAlarm(next.due);
  }
}
