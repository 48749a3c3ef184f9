/**
 * What every adapter must do, run against an emulator of its provider's wire format. A new provider
 * passes this suite with its own table of errors.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "../../src/providers/provider.ts";
import type { Emulator, Mode, Plan } from "../emulator/emulator.ts";
import {
  depsFor,
  expectDiscreet,
  HASTY_MS,
  makeProvider,
  PATIENT_MS,
  type ProviderUnderTest,
} from "./adapter.ts";
import { batchContract } from "./batch.ts";
import { httpContract } from "./http.ts";
import { FULL, outgoing } from "./messages.ts";

/** In base64: where a pattern that repeats groups has long overflowed the stack. */
const LARGE_BYTES = 10_000_000;

const UNREADABLE: readonly Mode[] = ["malformed", "no_id", "error_inside", "cut", "oversized"];

/** Runs the suite under `name`. */
export function providerContract(name: string, under: ProviderUnderTest): void {
  const full = under.full ?? FULL;

  describe(`${name} keeps the provider contract`, () => {
    let emulator: Emulator;
    beforeAll(async () => {
      emulator = await under.emulator.start();
    });
    beforeEach(() => emulator.reset());
    afterAll(() => emulator.close());

    const adapter = (limitMs = PATIENT_MS, fields = {}) =>
      makeProvider(under, emulator, { time_limit_ms: limitMs, ...fields });
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

    test("a file of ten megabytes, or nearly as large as it takes, is accepted", async () => {
      const bytes = Math.min(LARGE_BYTES, adapter().capabilities.bytesMax * 0.9);
      const content = "AAAA".repeat(bytes / 4);
      const attachments = [{ filename: "a.pdf", content, contentType: "application/pdf" }];
      expect(await sent({}, outgoing({ attachments }))).toMatchObject({ kind: "accepted" });
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
  });

  httpContract(name, under);
  batchContract(name, under);
}
