/**
 * The sandbox source: a provider whose world is a Durable Object. It takes a message, remembers
 * its key when it deduplicates, and reports delivery later, as a provider does.
 */
import { z } from "zod";
import { ok } from "../../core/result.ts";
import { magicOf, SANDBOX_WINDOW_MS, type SandboxCall } from "../../core/sandbox.ts";
import type { Outcome, OutgoingMessage, ProviderDefinition, SendDeps } from "../provider.ts";
import { deduplication, pace } from "../settings.ts";

const settings = z.strictObject({
  provider: z.literal("sandbox"),
  ...pace,
  ...deduplication,
  /** Until a delivery is reported, as a mailbox operator would. */
  event_delay_ms: z.number().int().min(0).max(60_000).default(300),
  /** Short, because `timeout@sandbox.test` makes callers wait for it. */
  time_limit_ms: z.number().int().min(10).max(30_000).default(1_000),
});

/** What one send needs of its source. */
interface World {
  readonly base: Pick<SandboxCall, "source" | "deduplicates" | "eventDelayMs">;
  readonly call: (call: SandboxCall) => Promise<{ readonly providerMessageId: string } | null>;
}

/** The sandbox; its world is the account's. */
export const sandbox: ProviderDefinition<typeof settings> = {
  settings,
  lanes: ["transactional", "broadcast"],
  create(given, deps) {
    const { deduplicates, event_delay_ms: eventDelayMs } = given;
    const world = { base: { source: deps.source, deduplicates, eventDelayMs }, call: deps.sandbox };
    return ok({
      capabilities: {
        recipientsMax: 50,
        bytesMax: 40 * 1024 * 1024,
        deduplicatesForMs: deduplicates ? SANDBOX_WINDOW_MS : 0,
        batch: null,
        schedules: false,
        unsubscribes: false,
        tracks: false,
        expiryMaxMs: 0,
      },
      timeLimitMs: given.time_limit_ms,
      send: (message, to) => send(world, message, to),
    });
  },
};

async function send(world: World, message: OutgoingMessage, deps: SendDeps): Promise<Outcome> {
  // Ours are the last ones: a copy to the sender may stand before them.
  const mailboxes = [...message.to, ...message.cc, ...message.bcc];
  const all = mailboxes.slice(-message.recipientNumbers.length).map(({ address }, index) => {
    return { no: message.recipientNumbers[index] ?? index, address, magic: magicOf(address) };
  });
  const refused = all.filter((one) => one.magic === "suppressed");
  if (refused.length === all.length) {
    return {
      kind: "rejected",
      fault: "recipient",
      code: "suppressed",
      text: "the provider's own list has this recipient",
    };
  }
  const answer = await world.call({
    ...world.base,
    account: message.account,
    messageId: message.id,
    key: message.idempotencyKey,
    recipients: all.flatMap(({ no, magic }) => (magic === "suppressed" ? [] : [{ no, magic }])),
  });
  if (answer === null) {
    await aborted(deps.signal);
    return { kind: "ambiguous", reason: "time_limit" };
  }
  return {
    kind: "accepted",
    providerMessageId: answer.providerMessageId,
    refused: refused.map(({ address }) => ({
      address,
      code: "suppressed",
      text: "the provider's own list has this recipient",
    })),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
