/**
 * The sandbox source: a provider whose world is a Durable Object. It takes a message, remembers
 * its key when it deduplicates, and reports delivery later, as a provider does.
 */
import { parseMailbox } from "../../core/address.ts";
import {
  magicOf,
  SANDBOX_WINDOW_MS,
  type SandboxAnswer,
  type SandboxCall,
} from "../../core/sandbox.ts";
import type { Outcome, OutgoingMessage, Provider, SendDeps } from "../provider.ts";

export interface SandboxSettings {
  readonly source: string;
  readonly deduplicates: boolean;
  readonly eventDelayMs: number;
  readonly timeLimitMs: number;
  readonly call: (call: SandboxCall) => Promise<SandboxAnswer>;
}

/** Makes the sandbox source; `settings.call` reaches the account's world. */
export function createSandbox(settings: SandboxSettings): Provider {
  return {
    capabilities: {
      recipientsMax: 50,
      bytesMax: 40 * 1024 * 1024,
      deduplicatesForMs: settings.deduplicates ? SANDBOX_WINDOW_MS : 0,
    },
    timeLimitMs: settings.timeLimitMs,
    send: (message, deps) => send(settings, message, deps),
  };
}

async function send(
  settings: SandboxSettings,
  message: OutgoingMessage,
  deps: SendDeps,
): Promise<Outcome> {
  // Ours are the last ones: a copy to the sender may stand before them.
  const mailboxes = [...message.to, ...message.cc, ...message.bcc];
  const all = mailboxes.slice(-message.recipientNumbers.length).map((mailbox, index) => {
    const parsed = parseMailbox(mailbox);
    const address = parsed.ok ? parsed.value.address : "";
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
  const answer = await settings.call({
    source: settings.source,
    account: message.account,
    messageId: message.id,
    key: message.idempotencyKey,
    deduplicates: settings.deduplicates,
    eventDelayMs: settings.eventDelayMs,
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
