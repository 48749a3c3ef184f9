/**
 * Whose events these are: message and recipient of each, from what is recorded, else from the
 * Outbox that still has the message.
 */
import { canonicalAddress, parseMailbox } from "../core/address.ts";
import type { Envelope, Head, ShardRef } from "../core/custody.ts";
import type { ProviderEvent } from "../core/events.ts";
import { providerKeyOf } from "../core/recipient-row.ts";
import type { Endpoint } from "../core/webhook.ts";

/** One message with its recipients, as far as events need it. */
export interface Context {
  readonly account: string;
  readonly messageId: string;
  readonly envelope: Envelope;
  readonly recipients: readonly {
    readonly no: number;
    /** The mailbox as addressed, maybe with a name. */
    readonly mailbox: string;
    readonly hash: string;
  }[];
}

/** The name of one message across accounts. */
export interface MessageRef {
  readonly account: string;
  readonly messageId: string;
}

/** A message in custody, as its Outbox tells it. */
export interface HeldHead {
  readonly id: string;
  readonly head: string;
}

/** What one read answers. */
export interface Looked {
  readonly found: readonly Context[];
  readonly byKey: ReadonlyMap<string, MessageRef>;
  readonly endpoints: readonly Endpoint[];
}

export interface ResolveDeps {
  /** What is recorded of messages, by name and by `providerKeyOf`, in one read. */
  readonly look: (
    refs: readonly MessageRef[],
    providerKeys: readonly string[],
    /** Accounts whose endpoints are read beside. */
    accounts: readonly string[],
  ) => Promise<Looked>;
  /** Every account's scope. */
  readonly scopes: readonly string[];
  /** Whether a source's events name nothing but the provider's id. */
  readonly isAnonymous: (source: string) => boolean;
  /** Those of the messages that their Outbox has. */
  readonly heads: (ref: ShardRef, ids: readonly string[]) => Promise<readonly HeldHead[]>;
  /** The shard that a message's id names; null when the id was not made for this account. */
  readonly shardOf: (account: string, messageId: string) => Promise<ShardRef | null>;
  /** The account that a message's id was made for, null when there is none. */
  readonly accountOf: (messageId: string) => Promise<string | null>;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/** An event with its message and recipient. */
export interface Resolved {
  readonly event: ProviderEvent;
  readonly no: number;
  readonly context: Context;
}

/** What became of a batch's events. */
export interface Resolution {
  /** By the event as it was given. */
  readonly resolved: ReadonlyMap<ProviderEvent, Resolved>;
  /** Of a message of ours, it seems, that nobody has yet. */
  readonly orphans: ReadonlySet<ProviderEvent>;
  /** Of mail that did not leave here. */
  readonly foreign: ReadonlySet<ProviderEvent>;
  /** Of messages that only an Outbox can tell of which does not answer. */
  readonly unreached: ReadonlySet<ProviderEvent>;
  /** Those of every account that the batch is about. */
  readonly endpoints: readonly Endpoint[];
}

const nameOf = ({ account, messageId }: MessageRef): string => `${account}\n${messageId}`;

/**
 * Finds the message and recipient of each event. Rejects when the database does not answer.
 *
 * @param known messages that are known already and need not be looked up
 */
export async function resolve(
  events: readonly ProviderEvent[],
  known: readonly Context[],
  deps: ResolveDeps,
): Promise<Resolution> {
  const orphans = new Set<ProviderEvent>();
  const foreign = new Set<ProviderEvent>();
  const named = new Map<ProviderEvent, MessageRef>();
  const keyed = new Map<ProviderEvent, string>();
  const shards = new Map<string, ShardRef>();
  for (const event of events) {
    const ref = await ownName(event, deps);
    if (ref === "none") {
      const { source, providerMessageId: id } = event;
      // Whoever gives our id back gives none back for mail that did not leave here.
      if (id === undefined || !deps.isAnonymous(source)) foreign.add(event);
      else keyed.set(event, providerKeyOf(source, id));
    } else if (ref === null) foreign.add(event);
    else {
      named.set(event, ref.message);
      shards.set(nameOf(ref.message), ref.shard);
    }
  }
  const contexts = new Map(known.map((context) => [nameOf(context), context]));
  const wanted = [...named.values()].filter((ref) => !contexts.has(nameOf(ref)));
  const accounts = new Set([...known, ...named.values()].map(({ account }) => account));
  // A provider's own id may turn out to be any account's.
  const scopes = keyed.size > 0 ? deps.scopes : [...accounts];
  const { found, byKey, endpoints } = await deps.look(wanted, [...keyed.values()], scopes);
  for (const context of found) contexts.set(nameOf(context), context);
  for (const [event, key] of keyed) {
    const ref = byKey.get(key);
    // Of mail that left here, and is not recorded yet, or of mail that did not.
    if (ref === undefined) orphans.add(event);
    else named.set(event, ref);
  }
  const silent = await addHeld([...named.values()], shards, contexts, deps);
  const unreached = new Set<ProviderEvent>();
  const resolved = new Map<ProviderEvent, Resolved>();
  for (const [event, ref] of named) {
    const context = contexts.get(nameOf(ref));
    const no = context === undefined ? null : recipientOf(event, context);
    if (context === undefined) (silent.has(nameOf(ref)) ? unreached : orphans).add(event);
    else if (no === null) foreign.add(event);
    else {
      const { account, messageId } = ref;
      resolved.set(event, { event: { ...event, account, messageId }, no, context });
    }
  }
  return { resolved, orphans, foreign, unreached, endpoints };
}

/** The message that an event names: `none` when it names none, null when that is not of ours. */
async function ownName(
  { account, messageId }: ProviderEvent,
  deps: ResolveDeps,
): Promise<{ message: MessageRef; shard: ShardRef } | "none" | null> {
  if (messageId === "") return "none";
  const owner = account === "" ? await deps.accountOf(messageId) : account;
  const shard = owner === null ? null : await deps.shardOf(owner, messageId);
  return owner === null || shard === null
    ? null
    : { message: { account: owner, messageId }, shard };
}

/**
 * Adds the messages that are not recorded yet, asking each shard once. Answers the names of those
 * whose shard does not answer: one that is in trouble is not everybody's.
 */
async function addHeld(
  refs: readonly MessageRef[],
  shards: ReadonlyMap<string, ShardRef>,
  contexts: Map<string, Context>,
  deps: ResolveDeps,
): Promise<ReadonlySet<string>> {
  const missing = new Map<string, { ref: ShardRef; ids: Set<string> }>();
  const silent = new Set<string>();
  for (const ref of refs) {
    const shard = shards.get(nameOf(ref));
    if (shard === undefined || contexts.has(nameOf(ref))) continue;
    const key = `${shard.account}/${shard.shard}`;
    const group = missing.get(key) ?? { ref: shard, ids: new Set() };
    missing.set(key, group);
    group.ids.add(ref.messageId);
  }
  await Promise.all(
    [...missing.values()].map(async ({ ref, ids }) => {
      try {
        for (const { id, head } of await deps.heads(ref, [...ids])) {
          const context = contextOf(ref.account, id, JSON.parse(head) as Head);
          contexts.set(nameOf(context), context);
        }
      } catch (error) {
        deps.log("heads_failed", { reason: String(error), messages: ids.size });
        for (const messageId of ids) silent.add(nameOf({ account: ref.account, messageId }));
      }
    }),
  );
  return silent;
}

/** The context that a message's head gives. */
export function contextOf(
  account: string,
  messageId: string,
  { envelope, addressees }: Head,
): Context {
  const recipients = addressees.map(({ mailbox, hash }, no) => ({ no, mailbox, hash }));
  return { account, messageId, envelope, recipients };
}

/**
 * The recipient that an event is about. An address that is none of the message's (a forward, an
 * alias) is about its only recipient, or nobody can say about whom.
 */
function recipientOf(event: ProviderEvent, { recipients }: Context): number | null {
  if (event.recipientNo !== null) {
    return recipients.some(({ no }) => no === event.recipientNo) ? event.recipientNo : null;
  }
  const only = recipients.length === 1 ? (recipients[0]?.no ?? null) : null;
  if (only !== null) return only;
  const wanted = canonicalAddress(event.address ?? "");
  return recipients.find(({ mailbox }) => addressIn(mailbox) === wanted)?.no ?? null;
}

function addressIn(mailbox: string): string {
  const parsed = parseMailbox(mailbox);
  return canonicalAddress(parsed.ok ? parsed.value.address : mailbox);
}
