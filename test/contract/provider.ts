/**
 * What every adapter must do, run against an emulator of its provider's wire format. A new provider
 * passes this suite with its own table of errors.
 */
import { createServer } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
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
import { batchContract } from "./batch.ts";
import { FULL, outgoing } from "./messages.ts";

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

/** Long enough for a loaded machine to answer, where an answer comes. */
const PATIENT_MS = 10_000;
/** Where none comes, nothing is gained by waiting. */
const HASTY_MS = 150;

const UNREADABLE: readonly Mode[] = ["malformed", "no_id", "error_inside", "cut", "oversized"];

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

/** A port of 127.0.0.1 on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Runs the suite under `name`. */
export function providerContract(name: string, under: ProviderUnderTest): void {
  const http = (under.transport ?? "http") === "http";
  const full = under.full ?? FULL;

  describe(`${name} keeps the provider contract`, () => {
    let emulator: Emulator;
    beforeAll(async () => {
      emulator = await under.emulator.start();
    });
    beforeEach(() => emulator.reset());
    afterAll(() => emulator.close());

    const adapter = (limitMs = PATIENT_MS, fields = {}, url = emulator.url) =>
      makeProvider(under, emulator, { time_limit_ms: limitMs, ...fields }, url);
    const secrets = () => Object.values(under.emulator.source("http://127.0.0.1").secrets);

    /** One send under a plan; checks on the way that no text names a recipient or the secret. */
    async function sent(plan: Plan, message = full, limitMs = PATIENT_MS): Promise<Outcome> {
      emulator.control(plan);
      const outcome = await adapter(limitMs).send(message, depsFor(limitMs));
      expectDiscreet(outcome, secrets());
      return outcome;
    }

    test("a minimal message is accepted under the provider's id", async () => {
      const outcome = await sent({}, outgoing());
      const [accepted] = emulator.counts().accepted;
      expect(accepted).toMatchObject({ key: outgoing().id, count: 1 });
      const providerMessageId = accepted?.providerIds[0];
      expect(outcome).toEqual({ kind: "accepted", providerMessageId, refused: [] });
    });

    test("every field at once is accepted by a strict reader", async () => {
      expect(await sent({})).toMatchObject({ kind: "accepted", refused: [] });
    });

    test("it declares its limits and takes the time limit it is given", () => {
      const { capabilities, timeLimitMs } = adapter(1234);
      expect(capabilities.recipientsMax).toBeGreaterThan(0);
      expect(capabilities.bytesMax).toBeGreaterThan(0);
      expect(capabilities.deduplicatesForMs > 0).toBe(under.deduplicates);
      expect(timeLimitMs).toBe(1234);
      expect(under.definition.lanes).toContain("transactional");
    });

    test("without a secret it names there is no adapter, and the secret's name is told", () => {
      const { settings, secrets: wanted } = under.emulator.source(emulator.url);
      const parsed = under.definition.settings.parse(settings);
      for (const missing of Object.keys(wanted)) {
        const made = under.definition.create(parsed, {
          source: "main",
          secret: (name) => (name === missing ? null : (wanted[name] ?? null)),
          sandbox: () => Promise.resolve(null),
          email: () => null,
          connect: () => {
            throw new Error("no TCP here");
          },
        });
        expect(made).toMatchObject({ ok: false, error: expect.stringContaining(missing) });
      }
    });

    test("an unknown setting is refused", () => {
      const { settings } = under.emulator.source(emulator.url);
      expect(under.definition.settings.safeParse({ ...settings, typo: 1 }).success).toBe(false);
    });

    test("the same message makes the same request at every attempt", async () => {
      await sent({});
      await sent({}, { ...full, attempt: 2 });
      const comparable = under.comparable ?? ((request) => request.body);
      const bodies = emulator.received().map(comparable);
      expect(bodies).toHaveLength(2);
      expect(bodies[1]).toBe(bodies[0]);
    });

    if (under.deduplicates) {
      test("deduplication can be declared off", () => {
        const provider = adapter(PATIENT_MS, { deduplicates: false });
        expect(provider.capabilities.deduplicatesForMs).toBe(0);
      });

      test("a repeat under the same key is recognised and accepted once", async () => {
        const first = await sent({});
        expect(await sent({})).toMatchObject(under.repeat ?? first);
        expect(emulator.counts()).toMatchObject({ acceptances: 1, replayed: 1, doubled: 0 });
      });

      test("a repeat while the first is being processed is accepted once", async () => {
        emulator.control({ delayMs: 100 });
        const both = await Promise.all([sent({}), sent({})]);
        expect(both.map((outcome) => outcome.kind)).toContain("accepted");
        for (const { kind } of both) expect(["accepted", "ambiguous"]).toContain(kind);
        expect(emulator.counts().acceptances).toBe(1);
      });
    }

    test("an adapter makes one call per send and never retries by itself", async () => {
      for (const mode of ["refuse", "throttle", "accept_reset", "reset", "malformed"] as const) {
        emulator.reset();
        await sent({ mode });
        expect(emulator.counts().requests, mode).toBe(1);
      }
    });

    for (const { plan, outcome } of under.errors) {
      const { status, name: word, message } = plan;
      test(`error ${status} ${word ?? ""} ${(message ?? "").slice(0, 40)}`, async () => {
        expect(await sent({ mode: "error", ...plan })).toMatchObject(outcome);
        expect(emulator.counts().acceptances).toBe(0);
      });
    }

    test("a full provider is a throttle, a broken one a failure worth a retry", async () => {
      const throttle = await sent({ mode: "throttle" });
      expect(throttle).toMatchObject({ kind: "throttled" });
      if (throttle.kind === "throttled") expect(throttle.retryAfterMs).toBeGreaterThan(0);
      expect(await sent({ mode: "refuse" })).toMatchObject({ kind: "failed", retryable: true });
      expect(emulator.counts().acceptances).toBe(0);
    });

    test("no answer in time is ambiguous, whether it was accepted or not", async () => {
      const ambiguous = { kind: "ambiguous" };
      const hastyMs = under.hastyMs ?? HASTY_MS;
      expect(await sent({ mode: "swallow" }, full, hastyMs)).toMatchObject(ambiguous);
      expect(emulator.counts().acceptances).toBe(0);
      expect(await sent({ mode: "hang" }, full, hastyMs)).toMatchObject(ambiguous);
      expect(emulator.counts().acceptances).toBe(1);
    });

    test("a slow answer within the time limit is an answer", async () => {
      expect(await sent({ delayMs: 300 })).toMatchObject({ kind: "accepted" });
    });

    test("a reset after acceptance is ambiguous", async () => {
      expect(await sent({ mode: "accept_reset" })).toMatchObject({ kind: "ambiguous" });
      expect(emulator.counts().acceptances).toBe(1);
    });

    test("an answer that cannot be read, or says nothing, is ambiguous", async () => {
      for (const mode of under.unreadable ?? UNREADABLE) {
        emulator.reset();
        expect(await sent({ mode }), mode).toMatchObject({ kind: "ambiguous" });
      }
    });

    test("an attempt that ended before it began writes nothing", async () => {
      const outcome = await adapter().send(full, depsFor(0, { signal: AbortSignal.abort() }));
      expect(outcome).toMatchObject({ kind: "failed", retryable: true });
      expect(emulator.counts().requests).toBe(0);
    });

    if (http) {
      test("a throttle tells when to come back: seconds, a date, or a default", async () => {
        const throttled = async (retryAfter: string | null) => {
          const outcome = await sent({ mode: "throttle", retryAfter });
          return outcome.kind === "throttled" ? outcome.retryAfterMs : Number.NaN;
        };
        expect(await throttled("7")).toBe(7000);
        expect(await throttled("0")).toBe(100);
        expect(await throttled("999999")).toBe(3_600_000);
        expect(await throttled(new Date(0).toUTCString())).toBe(100);
        const inAMinute = await throttled(new Date(Date.now() + 60_000).toUTCString());
        expect(inAMinute).toBeGreaterThan(50_000);
        expect(inAMinute).toBeLessThanOrEqual(60_000);
        const usual = await throttled(null);
        expect(usual).toBeGreaterThanOrEqual(1000);
        expect(await throttled("soon")).toBe(usual);
      });

      test("a reset before the body was read is ambiguous", async () => {
        expect(await sent({ mode: "reset" })).toMatchObject({ kind: "ambiguous" });
        expect(emulator.counts().acceptances).toBe(0);
      });

      test("a redirect is not followed and not retried", async () => {
        const redirected = await sent({ mode: "redirect" });
        expect(redirected).toMatchObject({ kind: "failed", retryable: false });
        expect(emulator.counts()).toMatchObject({ requests: 1, acceptances: 0 });
      });

      test("a connection that never came about is a failure that may be retried", async () => {
        const provider = adapter(PATIENT_MS, {}, `http://127.0.0.1:${await closedPort()}`);
        const outcome = await provider.send(full, depsFor());
        expect(outcome).toMatchObject({ kind: "failed", fault: "provider", retryable: true });
      });

      test("whatever fetch throws is an outcome", async () => {
        for (const reason of [new Error("Network connection lost."), "text", null]) {
          const failing = () => Promise.reject(reason);
          const outcome = await adapter().send(full, depsFor(PATIENT_MS, { fetch: failing }));
          expect(outcome).toMatchObject({ kind: "ambiguous" });
        }
      });

      test("a credential that is no header value fails the source and is not shown", async () => {
        const { settings, secrets: usual } = under.emulator.source(emulator.url);
        const made = under.definition.create(under.definition.settings.parse(settings), {
          source: "main",
          secret: (name) => (name in usual ? "a\r\nX-Evil: 1" : null),
          sandbox: () => Promise.resolve(null),
          email: () => null,
          connect: () => {
            throw new Error("no TCP here");
          },
        });
        const outcome = made.ok ? await made.value.send(full, depsFor()) : made.error;
        expect(JSON.stringify(outcome)).not.toContain("Evil");
        expect(emulator.received().every(({ headers }) => !("x-evil" in headers))).toBe(true);
        expect(emulator.counts().acceptances).toBe(0);
      });
    }
  });

  batchContract(name, under);
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
