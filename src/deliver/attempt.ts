/**
 * One attempt: from a claimed message to what its provider made of it, as custody understands it.
 */
import { canonicalAddress, type Mailbox, parseMailbox } from "../core/address.ts";
import type { Claimed, Content, Envelope, Head } from "../core/custody.ts";
import { unreachable } from "../core/result.ts";
import type { Settlement } from "../core/unit.ts";
import type { Outcome, OutgoingMessage, Provider, SendDeps } from "../providers/provider.ts";

/**
 * A message as its provider takes it: the envelope, the content, and only the recipients to reach.
 */
export function outgoing(
  account: string,
  { envelope, addressees }: Head,
  claimed: Claimed,
  content: Content,
): OutgoingMessage {
  const numbers = claimed.numbers.filter((no) => addressees[no] !== undefined);
  const of = (kind: "to" | "cc" | "bcc"): number[] =>
    numbers.filter((no) => addressees[no]?.kind === kind);
  const mailboxes = (wanted: readonly number[]): Mailbox[] =>
    wanted.map((no) => mailboxOf(addressees[no]?.mailbox ?? ""));
  // Providers want somebody in To. Where suppression left nobody there, the next visible ones move
  // up; blind copies stay blind, and the message goes to its sender with them.
  const [to, cc] = of("to").length > 0 ? [of("to"), of("cc")] : [of("cc"), []];
  const bcc = of("bcc");
  const ownCopy = to.length === 0 ? [mailboxOf(envelope.from)] : [];
  return {
    id: claimed.id,
    account,
    attempt: claimed.attempt,
    idempotencyKey: keyOf(claimed.id, numbers, addressees.length),
    messageId: `${claimed.id}@${envelope.fromDomain}`,
    ...fieldsOf(envelope),
    to: [...ownCopy, ...mailboxes(to)],
    cc: mailboxes(cc),
    bcc: mailboxes(bcc),
    recipientNumbers: [...to, ...cc, ...bcc],
    ...content,
  };
}

/**
 * The message's id while it goes to everybody, and one of its own for any smaller set of
 * recipients: other bytes under a known key are refused. A UUID, as some providers want it.
 */
function keyOf(id: string, numbers: readonly number[], all: number): string {
  if (numbers.length === all) return id;
  // FNV-1a: different sets of one message have to differ, and nothing else depends on it.
  let hash = 0x811c9dc5;
  for (const no of numbers) hash = Math.imul(hash ^ (no + 1), 0x01000193) >>> 0;
  const digits = hash.toString(16).padStart(8, "0");
  const tail = [...id.slice(-8)].map((digit, at) =>
    ((Number.parseInt(digit, 16) ^ Number.parseInt(digits[at] ?? "0", 16)) & 15).toString(16),
  );
  return id.slice(0, -8) + tail.join("");
}

function fieldsOf(envelope: Envelope) {
  const { stream, lane, subject, tags, createdAt, expiresAt } = envelope;
  return {
    stream,
    lane,
    from: mailboxOf(envelope.from),
    replyTo: envelope.replyTo.map(mailboxOf),
    subject,
    tags,
    metadata: envelope.metadata ?? {},
    extras: envelope.extras ?? NO_EXTRAS,
    createdAt,
    expiresAt,
  };
}

const NO_EXTRAS = { opens: false, clicks: false, unsubscribe: false };

/** A mailbox as it was accepted; that it can be read was checked then. */
function mailboxOf(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (!parsed.ok) throw new Error("an accepted mailbox cannot be read");
  return parsed.value;
}

/**
 * Runs one send to its end. A provider that throws is a bug in its adapter, and what it did before
 * is not known: that is an ambiguous outcome, never a lost one.
 */
export async function attempt(
  provider: Provider,
  message: OutgoingMessage,
  deps: SendDeps,
): Promise<Outcome> {
  try {
    return await provider.send(message, deps);
  } catch (error) {
    const name = error instanceof Error ? error.name : "error";
    return { kind: "ambiguous", reason: `adapter_${name}`.toLowerCase() };
  }
}

/** Runs one call of several to its end; an adapter's bug leaves all of them unknown. */
export async function attemptBatch(
  provider: Provider,
  messages: readonly OutgoingMessage[],
  key: string,
  deps: SendDeps,
): Promise<readonly Outcome[]> {
  const lost = (reason: string): Outcome => ({ kind: "ambiguous", reason });
  try {
    const outcomes = (await provider.sendBatch?.(messages, key, deps)) ?? [];
    return messages.map((_, index) => outcomes[index] ?? lost("adapter_said_nothing"));
  } catch (error) {
    const name = error instanceof Error ? error.name : "error";
    return messages.map(() => lost(`adapter_${name}`.toLowerCase()));
  }
}

/** Characters kept of a provider's code and text: a journal message has room for 64 such lines. */
const CODE_MAX = 64;
const TEXT_MAX = 200;

/** The part of an outcome that custody needs. */
export function settlementOf(outcome: Outcome, head: Head): Settlement {
  return clipped(unclipped(outcome, head));
}

const clip = <T extends { readonly code: string; readonly text: string }>(one: T): T => ({
  ...one,
  code: one.code.slice(0, CODE_MAX),
  text: one.text.slice(0, TEXT_MAX),
});

function clipped(settlement: Settlement): Settlement {
  switch (settlement.kind) {
    case "accepted":
      return { ...settlement, refused: settlement.refused.map(clip) };
    case "throttled":
      return { ...settlement, text: settlement.text.slice(0, TEXT_MAX) };
    case "ambiguous":
      return { ...settlement, reason: settlement.reason.slice(0, TEXT_MAX) };
    default:
      return clip(settlement);
  }
}

function unclipped(outcome: Outcome, { addressees }: Head): Settlement {
  switch (outcome.kind) {
    case "accepted":
      return {
        kind: "accepted",
        providerMessageId: outcome.providerMessageId,
        refused: outcome.refused.flatMap(({ address, ...refusal }) => {
          const wanted = canonicalAddress(address);
          return addressees.flatMap((one, no) =>
            canonicalAddress(one.address) === wanted ? [{ no, ...refusal }] : [],
          );
        }),
      };
    case "throttled":
    case "ambiguous":
      return outcome;
    case "rejected": {
      const suppressed = outcome.fault === "recipient" && outcome.code === "suppressed";
      return { kind: "rejected", suppressed, code: outcome.code, text: outcome.text };
    }
    case "failed": {
      const { retryable, code, text } = outcome;
      return { kind: "failed", retryable, code, text };
    }
    default:
      return unreachable(outcome);
  }
}
