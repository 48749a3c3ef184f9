/** An adapter under test: what it brings, how it is made to reach its emulator, and one send. */
import { expect } from "vitest";
import type { z } from "zod";
import type {
  Outcome,
  OutgoingMessage,
  Provider,
  ProviderDefinition,
  ProviderDeps,
  SendDeps,
} from "../../src/providers/provider.ts";
import type {
  Emulator,
  Mode,
  Plan,
  ProviderEmulator,
  ReceivedRequest,
} from "../emulator/emulator.ts";

/** What one provider brings to the suite. */
export interface ProviderUnderTest {
  readonly definition: ProviderDefinition<z.ZodObject>;
  readonly emulator: ProviderEmulator;
  /** Each documented error, as a plan of the emulator, and what it must come to. */
  readonly errors: readonly { readonly plan: Plan; readonly outcome: object }[];
  /** Whether it recognises a repeated key. */
  readonly deduplicates: boolean;
  /** What a repeat under the same key comes to, where it is not told the first id. */
  readonly repeat?: object;
  /** Every field that the provider can carry; all there are by default. */
  readonly full?: OutgoingMessage;
  /** Whether it takes several messages in a call. */
  readonly batches?: boolean;
  /** `http` (the default) adds what only HTTP has: redirects, Retry-After, a thrown fetch. */
  readonly transport?: "http" | "other";
  /** Ways an accepting answer can be unreadable; fewer where success has no body. */
  readonly unreadable?: readonly Mode[];
  /** How long an answer that never comes is waited for; longer where several turns precede it. */
  readonly hastyMs?: number;
  /** What of a request is the same at every attempt; its body by default. */
  readonly comparable?: (request: ReceivedRequest) => string;
  /** Further means of reaching the emulator, such as `connect` or a binding. */
  readonly deps?: (emulator: Emulator) => Partial<ProviderDeps>;
}

/** Milliseconds, long enough for a loaded machine to answer, where an answer comes. */
export const PATIENT_MS = 10_000;
/** Where none comes, nothing is gained by waiting. */
export const HASTY_MS = 200;

/** What a send is given; the signal ends it after `limitMs`. */
export function depsFor(limitMs = PATIENT_MS, fields: Partial<SendDeps> = {}): SendDeps {
  return { fetch, now: () => Date.now(), signal: AbortSignal.timeout(limitMs), ...fields };
}

/** Makes an adapter that reaches the emulator, or another `url`. */
export function makeProvider(
  under: Pick<ProviderUnderTest, "definition" | "emulator" | "deps">,
  emulator: Emulator,
  fields: Readonly<Record<string, unknown>> = {},
  url = emulator.url,
): Provider {
  const { settings, secrets } = under.emulator.source(url);
  const parsed = under.definition.settings.parse({ ...settings, ...fields });
  const made = under.definition.create(parsed, {
    source: "main",
    secret: (name) => secrets[name] ?? null,
    sandbox: () => Promise.reject(new Error("not the sandbox")),
    email: () => null,
    connect: () => {
      throw new Error("no TCP here");
    },
    ...under.deps?.(emulator),
  });
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

/** Every text of an outcome, as a person would see it. */
function textOf(outcome: Outcome): string {
  if (outcome.kind === "ambiguous") return outcome.reason;
  if (outcome.kind !== "accepted") return outcome.text;
  return outcome.refused.map((one) => `${one.code} ${one.text}`).join(" ");
}

/** Fails if a text of the outcome names a recipient, a credential, or has more than one line. */
export function expectDiscreet(outcome: Outcome, secrets: readonly string[]): void {
  const text = textOf(outcome);
  expect(text).not.toContain("@");
  for (const secret of secrets) expect(text).not.toContain(secret);
  expect(text).not.toMatch(/jane\.roe|cc\.person|bcc\.person/);
  expect(text).not.toMatch(/[\r\n]/);
  expect(text.length).toBeLessThanOrEqual(300);
}

/** One send to a fresh emulator, for tests that look at what went over the wire. */
export async function wireOf(
  under: Pick<ProviderUnderTest, "definition" | "emulator" | "deps">,
  message: OutgoingMessage,
  fields: Readonly<Record<string, unknown>> = {},
) {
  const emulator = await under.emulator.start();
  try {
    const outcome = await makeProvider(under, emulator, fields).send(message, depsFor());
    const request = emulator.received().at(-1);
    if (request === undefined) throw new Error(`nothing arrived: ${JSON.stringify(outcome)}`);
    return { ...request, outcome };
  } finally {
    await emulator.close();
  }
}
