/**
 * Recipients that force an outcome:
 * `delivered|bounced|complained|deferred|suppressed|timeout@sandbox.test`, each also with a label
 * (`bounced+anything@sandbox.test`). Any other address is delivered.
 */
export const MAGIC_DOMAIN = "sandbox.test";

const MAGIC = ["delivered", "bounced", "complained", "deferred", "suppressed", "timeout"] as const;

export type Magic = (typeof MAGIC)[number];

/** The outcome that a bare address asks for. */
export function magicOf(address: string): Magic {
  const at = address.lastIndexOf("@");
  if (address.slice(at + 1).toLowerCase() !== MAGIC_DOMAIN) return "delivered";
  const local = address.slice(0, at).split("+")[0]?.toLowerCase();
  return MAGIC.find((one) => one === local) ?? "delivered";
}

/** Whether an address is one of the sandbox's: its bounces and complaints teach nothing. */
export function isMagic(address: string): boolean {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase() === MAGIC_DOMAIN;
}

/** One message of a call to the sandbox's world; those of one call have the same key. */
export interface SandboxMessage {
  readonly source: string;
  readonly account: string;
  readonly messageId: string;
  readonly key: string;
  readonly deduplicates: boolean;
  readonly eventDelayMs: number;
  readonly recipients: readonly { readonly no: number; readonly magic: Magic }[];
}

/** The provider's ids in the order asked; other messages under a known key; or no answer. */
export type SandboxAnswer =
  | { readonly kind: "accepted"; readonly ids: readonly string[] }
  | { readonly kind: "conflict" }
  | null;

/** One call to the sandbox's world: one message, or several under one key. */
export type SandboxCall = readonly SandboxMessage[];

/** The sandbox keeps keys as long as the providers it stands for. */
export const SANDBOX_WINDOW_MS = 24 * 3_600_000;
