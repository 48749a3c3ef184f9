/**
 * The journal's consumer: settle what could not be settled directly -> find whose events they are
 * -> group by message and recipient -> merge into D1 in one transaction, with all that follows
 * from it -> confirm to the Outboxes. It never throws; what D1 refuses for good is found by
 * halving, kept apart, and the rest goes on.
 */

import { type Confirmation, type JournalUnit, type ShardRef, shardName } from "../core/custody.ts";
import { type MergedRow, mergeRows } from "../core/recipient-row.ts";
import type { Endpoint } from "../core/webhook.ts";
import { type Effects, effectsOf, type Said } from "./effects.ts";
import { follow } from "./follow.ts";
import type { JournalDeps, JournalMessage, Recorded } from "./ports.ts";
import {
  keep,
  later,
  type Read,
  readBody,
  readEvents,
  readUnits,
  type Settle,
  type Told,
} from "./read.ts";

/** Refused this often while the database answers, a message is poison and not bad luck. */
const POISON_ATTEMPTS = 3;

/**
 * Events that are looked up and recorded together: a batch of the queue may hold thirty thousand,
 * of which neither a query's parameters nor a transaction are to be made.
 */
const EVENTS_MAX = 5_000;

/** Handles one batch of the journal queue; every message is acked or retried. */
export async function consumeJournal(
  messages: readonly JournalMessage[],
  deps: JournalDeps,
): Promise<void> {
  const reads: Read[] = [];
  const told: Told[] = [];
  for (const message of messages) {
    const body = readBody(message.body);
    const read = body?.kind === "units" ? readUnits(message, body, deps) : null;
    if (read !== null) reads.push(read);
    else if (body?.kind === "events") told.push({ message, body });
    else if (body?.kind === "settle") await settle(message, body, deps);
    else await setAside(message, "malformed", deps);
  }
  if (reads.length + told.length === 0) return;
  const known = reads.flatMap(({ contexts }) => contexts);
  for (const [place, part] of partsOf(told).entries()) {
    const outcomes = place === 0 ? reads : [];
    const found = await readEvents(part, known, deps);
    if (found !== null) await record([...outcomes, ...found.reads], found.endpoints, deps);
    else for (const { message } of outcomes) later(message, deps);
  }
}

/** What is recorded together: one part at least, and nearly always one. */
function partsOf(told: readonly Told[]): Told[][] {
  let open: Told[] = [];
  const parts = [open];
  let size = 0;
  for (const one of told) {
    const { length } = one.body.events;
    if (size > 0 && size + length > EVENTS_MAX) {
      open = [];
      parts.push(open);
      size = 0;
    }
    open.push(one);
    size += length;
  }
  return parts;
}

async function settle(message: JournalMessage, body: Settle, deps: JournalDeps): Promise<void> {
  try {
    await deps.settle({ account: body.account, shard: body.shard }, body.settlements);
    message.ack();
  } catch (error) {
    deps.log("settle_failed", { reason: String(error) });
    later(message, deps);
  }
}

/** Records what can be recorded of `reads`: all at once, or by halves when the database refuses. */
async function record(
  reads: readonly Read[],
  endpoints: readonly Endpoint[],
  deps: JournalDeps,
): Promise<void> {
  if (reads.length === 0) return;
  const said: Said = {
    happenings: reads.flatMap((read) => read.happenings),
    reports: reads.flatMap((read) => read.reports),
    foreign: reads.flatMap((read) => read.foreign),
    departures: reads.flatMap((read) => read.departures),
  };
  let effects: Effects;
  let recorded: Recorded;
  try {
    effects = await effectsOf(said, endpoints, deps.effects);
    const rows = mergeRows(reads.flatMap((read) => read.rows));
    recorded = await deps.record({ ...effects, rows, raws: reads.flatMap((read) => read.raws) });
  } catch (error) {
    deps.log("record_failed", { reason: String(error), messages: reads.length });
    if (!(await deps.recordAnswers().catch(() => false))) {
      for (const read of reads) later(read.message, deps);
    } else if (reads.length > 1) {
      const half = reads.length >> 1;
      await record(reads.slice(0, half), endpoints, deps);
      await record(reads.slice(half), endpoints, deps);
    } else {
      for (const { message } of reads) {
        if (message.attempts < POISON_ATTEMPTS) later(message, deps);
        else await setAside(message, "refused by the database", deps);
      }
    }
    return;
  }
  await follow(effects, recorded.hints, deps.follow);
  await confirm(reads, recorded.merged, deps);
}

/** Tells each Outbox what was taken over, and what events prove about mail it holds as unknown. */
async function confirm(
  reads: readonly Read[],
  merged: readonly MergedRow[],
  deps: JournalDeps,
): Promise<void> {
  const byMessage = Map.groupBy(merged, (row) => `${row.account}\n${row.messageId}`);
  const shards = new Map<string, { ref: ShardRef; confirmations: Map<string, Confirmation> }>();
  /** The shards that a message with events depends on. */
  const needed = new Map<JournalMessage, Set<string>>();
  const add = (ref: ShardRef, confirmation: Confirmation): void => {
    const shard = shards.get(shardName(ref)) ?? { ref, confirmations: new Map() };
    shards.set(shardName(ref), shard);
    const other = shard.confirmations.get(confirmation.id);
    if (other === undefined || other.rev < confirmation.rev) {
      shard.confirmations.set(confirmation.id, confirmation);
    }
  };
  for (const { body } of reads) {
    if (body.kind !== "units") continue;
    for (const unit of body.units) {
      const proved = provedOf(byMessage.get(`${body.account}\n${unit.id}`), unit);
      add({ account: body.account, shard: body.shard }, { id: unit.id, rev: unit.rev, proved });
    }
  }
  for (const { message, body } of reads) {
    if (body.kind !== "events") continue;
    const shardsNeeded = new Set<string>();
    needed.set(message, shardsNeeded);
    for (const { account, messageId } of body.events) {
      const rows = byMessage.get(`${account}\n${messageId}`)?.filter((row) => row.custody);
      const ref = rows?.length ? await deps.shardOf(account, messageId) : null;
      if (rows === undefined || ref === null) continue;
      shardsNeeded.add(shardName(ref));
      add(ref, { id: messageId, rev: 0, proved: proof(rows) });
    }
  }
  const failed = new Set<string>();
  await Promise.all(
    [...shards].map(async ([name, { ref, confirmations }]) => {
      await deps.confirm(ref, [...confirmations.values()]).catch((error: unknown) => {
        // The Outbox journals again what is not confirmed, so an outcome is safe; an event is not.
        deps.log("confirm_failed", { reason: String(error) });
        failed.add(name);
      });
    }),
  );
  await Promise.all(
    reads.map(async (read) => {
      const isTold = ![...(needed.get(read.message) ?? [])].some((name) => failed.has(name));
      if (isTold) await finish(read, deps);
      else later(read.message, deps);
    }),
  );
}

/** Acks what is recorded, once what could not be recorded of it is kept. */
async function finish(read: Read, deps: JournalDeps): Promise<void> {
  try {
    await keep(read, deps);
    read.message.ack();
  } catch (error) {
    deps.log("events_not_kept", { reason: String(error) });
    later(read.message, deps);
  }
}

/** What D1 knows better about an open unit than the record just journaled. */
function provedOf(rows: readonly MergedRow[] | undefined, unit: JournalUnit) {
  if (rows === undefined || !unit.open) return [];
  return proof(rows.filter((row) => row.state !== unit.recipients[row.no]?.state));
}

const proof = (rows: readonly MergedRow[]): Confirmation["proved"] =>
  rows.map(({ no, state, stateAt }) => ({ no, state, at: stateAt }));

async function setAside(message: JournalMessage, reason: string, deps: JournalDeps): Promise<void> {
  try {
    await deps.keepAside("poison", message.body, reason);
    message.ack();
  } catch (error) {
    deps.log("poison_not_kept", { reason: String(error) });
    later(message, deps);
  }
}
