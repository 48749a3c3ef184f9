/**
 * The sandbox source: a provider whose world is a Durable Object. It takes a message, remembers
 * its key when it deduplicates, and reports delivery later, as a provider does.
 */
import { z } from "zod";
import { ok } from "../../core/result.ts";
import {
  type Magic,
  magicOf,
  SANDBOX_WINDOW_MS,
  type SandboxAnswer,
  type SandboxCall,
  type SandboxMessage,
} from "../../core/sandbox.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { deduplication, pace } from "../settings.ts";

const settings = z.strictObject({
  provider: z.literal("sandbox"),
  ...pace,
  ...deduplication,
  /** Off: a `timeout` recipient leaves everything unknown that shares its call. */
  batch: z.boolean().default(false),
  /** Until a delivery is reported, as a mailbox operator would. */
  event_delay_ms: z.number().int().min(0).max(60_000).default(300),
  /** Short, because `timeout@sandbox.test` makes callers wait for it. */
  time_limit_ms: z.number().int().min(10).max(30_000).default(1_000),
});

/** What one send needs of its source. */
interface World {
  readonly base: Pick<SandboxMessage, "source" | "deduplicates" | "eventDelayMs">;
  readonly call: (call: SandboxCall) => Promise<SandboxAnswer>;
}

/** The sandbox takes as many in a call as most providers do. */
const MESSAGES_MAX = 100;

/** The sandbox; its world is the account's. */
export const sandbox: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  hooks: null,
  create(given, deps) {
    const { deduplicates, event_delay_ms: eventDelayMs } = given;
    const world = { base: { source: deps.source, deduplicates, eventDelayMs }, call: deps.sandbox };
    const deduplicatesForMs = deduplicates ? SANDBOX_WINDOW_MS : 0;
    return ok({
      capabilities: {
        recipientsMax: 50,
        bytesMax: 40 * 1024 * 1024,
        deduplicatesForMs,
        batch: given.batch
          ? { messagesMax: MESSAGES_MAX, deduplicatesForMs, sharesContent: false }
          : null,
        schedules: false,
        unsubscribes: false,
        tracks: false,
        expiryMaxMs: 0,
      },
      timeLimitMs: given.time_limit_ms,
      send: async (message, to) => {
        const [outcome] = await send(world, [message], message.idempotencyKey, to);
        return outcome ?? { kind: "ambiguous", reason: "no_answer" };
      },
      ...(given.batch ? { sendBatch: (all, key, to) => send(world, all, key, to) } : {}),
    });
  },
};

const LISTED = { code: "suppressed", text: "the provider's own list has this recipient" };

async function send(
  world: World,
  messages: readonly OutgoingMessage[],
  key: string,
  deps: SendDeps,
): Promise<Outcome[]> {
  const all = messages.map((message) => ({ message, recipients: recipientsOf(message) }));
  const taken = all.filter(({ recipients }) => recipients.some(isWanted));
  const answer = taken.length === 0 ? null : await world.call(taken.map(toWorld));
  if (taken.length > 0 && answer === null) await aborted(deps.signal);
  return all.map((one): Outcome => {
    const place = taken.indexOf(one);
    if (place < 0) return { kind: "rejected", fault: "recipient", ...LISTED };
    if (answer === null) return { kind: "ambiguous", reason: "time_limit" };
    if (answer.kind === "conflict") return { kind: "ambiguous", reason: "other_mail_under_key" };
    const refused = one.recipients.filter((recipient) => !isWanted(recipient));
    return {
      kind: "accepted",
      providerMessageId: answer.ids[place] ?? "",
      refused: refused.map(({ address }) => ({ address, ...LISTED })),
    };
  });

  function toWorld({ message: { account, id }, recipients }: (typeof all)[number]): SandboxMessage {
    const wanted = recipients.filter(isWanted).map(({ no, magic }) => ({ no, magic }));
    return { ...world.base, account, messageId: id, key, recipients: wanted };
  }
}

/** Ours are the last ones: a copy to the sender may stand before them. */
function recipientsOf({ to, cc, bcc, recipientNumbers }: OutgoingMessage) {
  const ours = [...to, ...cc, ...bcc].slice(-recipientNumbers.length);
  return ours.map(({ address }, index) => ({
    no: recipientNumbers[index] ?? index,
    address,
    magic: magicOf(address),
  }));
}

const isWanted = ({ magic }: { readonly magic: Magic }): boolean => magic !== "suppressed";

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
