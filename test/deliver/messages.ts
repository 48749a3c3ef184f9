/** A head and a claim as the consumer has them, for tests of delivering. */
import type { Addressee, Claimed, Content, Head } from "../../src/core/custody.ts";
import { createSigner } from "../../src/core/signer.ts";
import type { LinkDeps } from "../../src/deliver/ports.ts";
import type { Capabilities } from "../../src/providers/provider.ts";

const address = (name: string): string => `${name}@a.example`;

export function addressee(kind: Addressee["kind"], name: string): Addressee {
  return {
    kind,
    mailbox: `${name.toUpperCase()} <${address(name)}>`,
    address: address(name),
    domain: "a.example",
    hash: `hash-of-${name}`,
  };
}

export function headOf(
  addressees: readonly Addressee[],
  given: Partial<Head["envelope"]> = {},
): Head {
  return {
    envelope: {
      from: "Acme <news@acme.example>",
      fromDomain: "acme.example",
      replyTo: ["help@acme.example"],
      subject: "Hello",
      tags: [{ name: "kind", value: "welcome" }],
      size: 60,
      attachments: 0,
      stream: "transactional",
      lane: "transactional",
      createdAt: 1_000,
      expiresAt: 90_000,
      ...given,
    },
    addressees,
  };
}

/** For messages that get no links. */
export const UNLINKED: LinkDeps = {
  signer: () => createSigner("a secret"),
  rewrite: async (html) => html,
};

/** What a provider without any faculty declares. */
export const PLAIN: Capabilities = {
  recipientsMax: 50,
  bytesMax: 1_000_000,
  deduplicatesForMs: 0,
  batch: null,
  schedules: false,
  unsubscribes: false,
  tracks: false,
  expiryMaxMs: 0,
};

export const content: Content = { text: "Hello", headers: { "X-Kind": "a" }, attachments: [] };

export function claimOf(numbers: readonly number[], given: Partial<Claimed> = {}): Claimed {
  return {
    id: "m1",
    token: "t1",
    attempt: 1,
    leaseUntil: 50_000,
    numbers,
    content: { inline: JSON.stringify(content) },
    batch: null,
    unknownSince: null,
    ...given,
  };
}
