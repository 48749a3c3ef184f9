/** What an adapter that takes several messages in a call must do besides. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Outcome, Provider } from "../../src/providers/provider.ts";
import type { Emulator, Plan } from "../emulator/emulator.ts";
import {
  depsFor,
  expectDiscreet,
  HASTY_MS,
  makeProvider,
  PATIENT_MS,
  type ProviderUnderTest,
} from "./adapter.ts";
import { member } from "./messages.ts";

const KEY = "0190a1b2-0000-7e5f-8a9b-0c1d2e3f4a5b";

/** Runs the suite if the adapter declares that it takes batches. */
export function batchContract(name: string, under: ProviderUnderTest): void {
  describe(`${name} keeps the contract of batches`, () => {
    let emulator: Emulator;
    let provider: Provider;
    beforeAll(async () => {
      emulator = await under.emulator.start();
      provider = makeProvider(under, emulator);
    });
    beforeEach(() => emulator.reset());
    afterAll(() => emulator.close());

    const three = [member(0), member(1), member(2)];

    async function sent(plan: Plan, messages = three, limitMs = PATIENT_MS) {
      emulator.control(plan);
      if (provider.sendBatch === undefined) throw new Error("it takes no batches");
      const outcomes = await provider.sendBatch(messages, KEY, depsFor(limitMs));
      expect(outcomes).toHaveLength(messages.length);
      const secrets = Object.values(under.emulator.source(emulator.url).secrets);
      for (const outcome of outcomes) expectDiscreet(outcome, secrets);
      return outcomes;
    }

    const kinds = (outcomes: readonly Outcome[]) => outcomes.map(({ kind }) => kind);

    test("it says whether it takes batches, and does as it says", () => {
      const { batch } = provider.capabilities;
      expect(provider.sendBatch !== undefined).toBe(batch !== null);
      expect(batch !== null).toBe(under.batches === true);
      if (batch !== null) expect(batch.messagesMax).toBeGreaterThan(1);
      if (batch !== null && "batch" in under.definition.settings.shape) {
        const off = makeProvider(under, emulator, { batch: false });
        expect(off.capabilities.batch).toBeNull();
        expect(off.sendBatch).toBeUndefined();
      }
    });

    if (under.batches !== true) return;

    test("a group leaves in one call, and each message is accepted once", async () => {
      const outcomes = await sent({});
      expect(kinds(outcomes)).toEqual(["accepted", "accepted", "accepted"]);
      const { requests, accepted } = emulator.counts();
      expect(requests).toBe(1);
      expect(accepted.map(({ key, count }) => ({ key, count }))).toEqual(
        three.map(({ id }) => ({ key: id, count: 1 })),
      );
      for (const [index, outcome] of outcomes.entries()) {
        const id = outcome.kind === "accepted" ? outcome.providerMessageId : "";
        expect(accepted[index]?.providerIds).toContain(id);
      }
    });

    test("a refused message of a group is told apart; none is accepted unsaid", async () => {
      const outcomes = await sent({ refuse: [1] });
      const accepted = new Set(emulator.counts().accepted.map(({ key }) => key));
      for (const [index, outcome] of outcomes.entries()) {
        const wasAccepted = accepted.has(three[index]?.id ?? "");
        expect(outcome.kind === "accepted", String(index)).toBe(wasAccepted);
        // What was not taken because of another is tried again, alone.
        if (!wasAccepted && index !== 1) {
          expect(outcome).toMatchObject({ kind: "failed", retryable: true });
        }
      }
      expect(["rejected", "failed"]).toContain(outcomes[1]?.kind);
    });

    test("a throttled, broken or unanswering call is that for each message", async () => {
      const all = (kind: string) => [kind, kind, kind];
      expect(kinds(await sent({ mode: "throttle" }))).toEqual(all("throttled"));
      expect(kinds(await sent({ mode: "refuse" }))).toEqual(all("failed"));
      const hastyMs = under.hastyMs ?? HASTY_MS;
      const reset = kinds(await sent({ mode: "accept_reset" }));
      expect(reset).toContain("ambiguous");
      // Over a connection, what was not begun has certainly not been accepted.
      const taken = new Set(emulator.counts().accepted.map(({ key }) => key));
      expect(reset.filter((_, index) => taken.has(three[index]?.id ?? ""))).not.toContain("failed");
      emulator.reset();
      expect(kinds(await sent({ mode: "hang" }, three, hastyMs))).toContain("ambiguous");
      emulator.reset();
      expect(kinds(await sent({ mode: "swallow" }, three, hastyMs))).toContain("ambiguous");
    });

    if (!under.deduplicates) return;

    test("the identical batch under the same key is accepted once", async () => {
      expect(provider.capabilities.batch?.deduplicatesForMs).toBeGreaterThan(0);
      await sent({ mode: "hang" }, three, HASTY_MS);
      expect(kinds(await sent({ mode: "accept" }))).toEqual(["accepted", "accepted", "accepted"]);
      expect(emulator.counts()).toMatchObject({ acceptances: 3, doubled: 0, replayed: 1 });
    });
  });
}
