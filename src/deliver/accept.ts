/**
 * Acceptance: message -> ids -> (large content to R2) -> Outbox. What is answered with an id is
 * durable; an unclear answer of the Outbox is told as such and never changes shard.
 */
import { formatMailbox, type Mailbox } from "../core/address.ts";
import {
  type AcceptReply,
  type AcceptRequest,
  type AcceptUnit,
  type Addressee,
  type Content,
  HEAD_MAX,
  type Head,
  INLINE_CONTENT_MAX,
  jsonBytes,
  type Lane,
  SHARED_CONTENT_MAX,
  type ShardRef,
} from "../core/custody.ts";
import type { IdempotencyKey, Replayed } from "../core/idempotency.ts";
import { mintIds } from "../core/ids.ts";
import { type Additions, type MessageLinks, UNSUBSCRIBE_MARK } from "../core/links.ts";
import { recipientHash } from "../core/recipient-hash.ts";
import { err, ok, type Result } from "../core/result.ts";
import { type Signer, sha256Hex } from "../core/signer.ts";
import type { OnUnknown } from "../core/unit.ts";

/** The terms of a stream, as configured. */
export interface StreamTerms {
  readonly name: string;
  readonly lane: Lane;
  readonly onUnknown: OnUnknown;
  readonly graceMs: number;
  readonly expiresAfterMs: number;
  readonly extras: Additions;
  /** What Postern adds to its messages. */
  readonly links: Additions;
}

/** A message that has been checked and may be accepted. */
export interface Message {
  readonly from: Mailbox;
  readonly recipients: readonly { readonly kind: "to" | "cc" | "bcc"; readonly mailbox: Mailbox }[];
  readonly replyTo: readonly Mailbox[];
  readonly subject: string;
  readonly tags: readonly { readonly name: string; readonly value: string }[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly stream: StreamTerms;
  readonly onUnknown: OnUnknown | null;
  readonly expiresAt: number | null;
  readonly content: Content;
}

export interface AcceptDeps {
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly signer: () => Promise<Signer>;
  readonly accept: (ref: ShardRef, request: AcceptRequest) => Promise<AcceptReply>;
  readonly replay: (ref: ShardRef, idempotency: IdempotencyKey) => Promise<Replayed | null>;
  readonly putContent: (key: string, content: string) => Promise<void>;
  readonly deleteContent: (keys: readonly string[]) => Promise<void>;
  readonly contentKey: (account: string, id: string) => string;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

export interface AcceptCommand {
  readonly account: string;
  /** Shards of the account; a keyed request may go by the number before a change of tier. */
  readonly shards: { readonly keyed: number; readonly unkeyed: number };
  readonly messages: readonly Message[];
  /** The origin of the links of a From domain's messages; null: they get none. */
  readonly linkBase: (fromDomain: string) => string | null;
  readonly idempotency: IdempotencyKey | null;
  /** The answer's body for the ids of the messages, in their order. */
  readonly respond: (ids: readonly string[]) => string;
}

export type AcceptFailure =
  | { readonly code: "other_request_under_key" }
  | { readonly code: "outbox_full"; readonly retryAfterMs: number }
  /** The Outbox may or may not have taken it: a repeat under an idempotency key finds out. */
  | { readonly code: "outbox_unclear" }
  | { readonly code: "storage_unavailable" }
  /** A message has a mark for the link to unsubscribe, and cannot have one. */
  | { readonly code: "no_unsubscribe_link" }
  /** Addresses, names, subject and tags of one message take more than the journal carries. */
  | { readonly code: "head_too_large" };

/** New ids after a collision: one is improbable, three in a row are not chance. */
const MINT_TRIES = 3;

/** Hex digits that tell contents apart: 128 bits. */
const DIGEST_LENGTH = 32;

/**
 * Takes messages into custody, all or none.
 *
 * @returns the body to answer, the same one again for a repeat under the same key
 */
export async function accept(
  command: AcceptCommand,
  deps: AcceptDeps,
): Promise<Result<string, AcceptFailure>> {
  const linkless = (one: Message): boolean => linksOf(one, command.linkBase) === null;
  if (command.messages.some((one) => isMarked(one.content) && linkless(one))) {
    return err({ code: "no_unsubscribe_link" });
  }
  const ref = { account: command.account, shard: await chooseShard(command, deps) };
  const signer = await deps.signer();
  for (let tries = 0; tries < MINT_TRIES; tries++) {
    const now = deps.now();
    const mint = { signer, now, random: deps.random };
    const ids = await mintIds(mint, command.account, ref.shard, command.messages.length);
    const prepared = await Promise.all(
      command.messages.map((message, index) =>
        prepare(command, ids[index] ?? "", message, now, deps),
      ),
    );
    if (prepared.some(({ head }) => jsonBytes(head) > HEAD_MAX)) {
      return err({ code: "head_too_large" });
    }
    const stored = prepared.flatMap(({ content }) => ("key" in content ? [content.key] : []));
    try {
      await Promise.all(prepared.map(({ large }) => large?.()));
    } catch (error) {
      deps.log("content_not_stored", { reason: String(error) });
      await forget(stored, deps);
      return err({ code: "storage_unavailable" });
    }
    const units = prepared.map(({ large: _, ...unit }) => unit);
    const response = command.respond(ids);
    const request = { units, response, idempotency: command.idempotency };
    let reply: AcceptReply;
    try {
      reply = await deps.accept(ref, request);
    } catch (error) {
      // Content stays: the Outbox may have taken the message.
      deps.log("accept_unclear", { reason: String(error) });
      return err({ code: "outbox_unclear" });
    }
    if (reply.kind === "accepted") return ok(response);
    await forget(stored, deps);
    if (reply.kind === "replayed") return ok(reply.response);
    if (reply.kind === "other_request_under_key") return err({ code: reply.kind });
    if (reply.kind === "full")
      return err({ code: "outbox_full", retryAfterMs: reply.retryAfterMs });
  }
  return err({ code: "outbox_unclear" });
}

/**
 * What a request would be answered as a repeat, null when it is none: for a request that would not
 * be taken now, but may have been taken before.
 */
export async function replayed(
  command: Pick<AcceptCommand, "account" | "shards" | "idempotency">,
  deps: AcceptDeps,
): Promise<Result<string, AcceptFailure> | null> {
  const { account, idempotency } = command;
  if (idempotency === null) return null;
  try {
    const ref = { account, shard: await chooseShard(command, deps) };
    const reply = await deps.replay(ref, idempotency);
    if (reply === null) return null;
    return reply.kind === "replayed" ? ok(reply.response) : err({ code: reply.kind });
  } catch (error) {
    deps.log("replay_unclear", { reason: String(error) });
    return err({ code: "outbox_unclear" });
  }
}

async function forget(keys: readonly string[], deps: AcceptDeps): Promise<void> {
  if (keys.length === 0) return;
  await deps.deleteContent(keys).catch((error: unknown) => {
    deps.log("content_not_deleted", { reason: String(error), keys: keys.length });
  });
}

/** A key always picks the same shard, so that its repeat meets its first request. */
async function chooseShard(
  { idempotency, shards }: Pick<AcceptCommand, "idempotency" | "shards">,
  deps: AcceptDeps,
): Promise<number> {
  if (idempotency === null) {
    return shards.unkeyed === 1 ? 0 : (deps.random(1)[0] ?? 0) % shards.unkeyed;
  }
  if (shards.keyed === 1) return 0;
  const digest = await sha256Hex(idempotency.key);
  return Number.parseInt(digest.slice(0, 8), 16) % shards.keyed;
}

/** What tells messages of equal content from others; only broadcasts have many such. */
async function sameness(
  message: Message,
  content: string,
  links: MessageLinks | null,
): Promise<{ digest?: string }> {
  const { stream, from, replyTo, subject, tags } = message;
  if (stream.lane !== "broadcast" || content.length > SHARED_CONTENT_MAX) return {};
  // Its content becomes its recipient's own. A header field does not count: it is not content.
  if (links !== null && (links.opens || links.clicks || links.marked)) return {};
  const same = JSON.stringify([stream.name, stream.extras, from, replyTo, subject, tags, content]);
  return { digest: (await sha256Hex(same)).slice(0, DIGEST_LENGTH) };
}

/** A caller's own way to unsubscribe stands, and none of ours beside it (RFC 8058 section 4). */
const OWN_UNSUBSCRIBE = /^list-unsubscribe(-post)?$/i;

/**
 * The links that a message gets. A link acts for one recipient, so a message that several have in
 * common gets none: one of them would unsubscribe another.
 */
function linksOf(
  { from, recipients, stream, content }: Message,
  linkBase: AcceptCommand["linkBase"],
): MessageLinks | null {
  const own = Object.keys(content.headers).some((name) => OWN_UNSUBSCRIBE.test(name));
  const tracks = content.html !== undefined;
  const unsubscribe = stream.links.unsubscribe && !stream.extras.unsubscribe && !own;
  const opens = stream.links.opens && tracks;
  const clicks = stream.links.clicks && tracks;
  const marked = isMarked(content);
  if (recipients.length !== 1 || !(unsubscribe || opens || clicks || marked)) return null;
  const base = linkBase(from.asciiDomain);
  if (base === null) return null;
  return { base, unsubscribe, opens, clicks, ...(marked ? { marked } : {}) };
}

const isMarked = ({ html = "", text = "" }: Content): boolean =>
  html.includes(UNSUBSCRIBE_MARK) || text.includes(UNSUBSCRIBE_MARK);

async function prepare(
  { account, linkBase }: AcceptCommand,
  id: string,
  message: Message,
  now: number,
  deps: AcceptDeps,
): Promise<AcceptUnit & { readonly large?: () => Promise<void> }> {
  const { stream } = message;
  const expires = message.expiresAt ?? now + stream.expiresAfterMs;
  const addressees = await Promise.all(
    message.recipients.map(
      async ({ kind, mailbox }): Promise<Addressee> => ({
        mailbox: formatMailbox(mailbox),
        address: mailbox.address,
        domain: mailbox.asciiDomain,
        hash: await recipientHash(mailbox.address),
        kind,
      }),
    ),
  );
  const content = JSON.stringify(message.content);
  const links = linksOf(message, linkBase);
  const head: Head = {
    envelope: {
      from: formatMailbox(message.from),
      fromDomain: message.from.asciiDomain,
      replyTo: message.replyTo.map(formatMailbox),
      subject: message.subject,
      tags: message.tags,
      ...(Object.keys(message.metadata).length > 0 ? { metadata: message.metadata } : {}),
      ...(Object.values(stream.extras).includes(true) ? { extras: stream.extras } : {}),
      ...(links === null ? {} : { links }),
      size: content.length,
      attachments: message.content.attachments.length,
      ...(await sameness(message, content, links)),
      stream: stream.name,
      lane: stream.lane,
      createdAt: now,
      expiresAt: expires,
    },
    addressees,
  };
  const unit = {
    id,
    lane: stream.lane,
    stream: stream.name,
    count: addressees.length,
    createdAt: now,
    expires,
    onUnknown: message.onUnknown ?? stream.onUnknown,
    graceMs: stream.graceMs,
    head: JSON.stringify(head),
  };
  if (content.length <= INLINE_CONTENT_MAX) return { ...unit, content: { inline: content } };
  const key = deps.contentKey(account, id);
  return { ...unit, content: { key }, large: () => deps.putContent(key, content) };
}
