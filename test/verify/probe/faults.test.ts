import fc from "fast-check";
import { expect, test } from "vitest";
import { PROBE_TTL_MS } from "../../../src/verify/probe/answers.ts";
import type { ProbeOutcome } from "../../../src/verify/verdict.ts";
import { FAULT, told, World } from "./world.ts";

const OUTCOMES = Object.keys(PROBE_TTL_MS) as ProbeOutcome[];
const NEGATIVE: readonly ProbeOutcome[] = ["mailbox_not_found", "mailbox_disabled"];

test("under any faults a probe answers, and says no only where no was said lately", async () => {
  const fails = fc.constantFrom("works", "works", "works", "rejects", "throws");
  const step = fc.record({
    local: fc.constantFrom("a", "b", "c"),
    domain: fc.constantFrom("one.example", "two.example"),
    answer: fc.oneof(
      fc.constantFrom(...OUTCOMES).map((outcome) => told(outcome)),
      fc.constant(FAULT),
    ),
    faults: fc.record({ ask: fails, take: fails, read: fails, write: fails, record: fails }),
    leave: fc.boolean(),
    passMs: fc.constantFrom(0, 1_000, 16 * 60_000, 25 * 3_600_000),
    renew: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const one = new World();
      const original = { ...one };
      /** When each mailbox was last said to be missing. */
      const missing = new Map<string, number>();
      for (const { local, domain, answer, faults, leave, passMs, renew } of steps) {
        const address = `${local}@${domain}`;
        one.answers = { [local]: answer };
        if (renew) one.renew();
        const whether = <Given extends unknown[], T>(
          how: string,
          work: (...given: Given) => Promise<T>,
        ) => {
          return (...given: Given): Promise<T> => {
            if (how === "throws") throw new Error("broken");
            return how === "rejects" ? Promise.reject(new Error("broken")) : work(...given);
          };
        };
        one.ask = whether(faults.ask, original.ask);
        one.take = whether(faults.take, async () => leave);
        one.read = whether(faults.read, original.read);
        one.write = whether(faults.write, original.write);
        one.record = whether(faults.record, original.record);
        const asked = one.asked.length;
        const { outcome } = await one.probe(address);
        await one.settled();
        const wasAsked = one.asked.length > asked && faults.ask === "works";
        if (wasAsked && NEGATIVE.includes(answer.outcome)) missing.set(address, one.now);
        if (NEGATIVE.includes(outcome)) {
          const at = missing.get(address) ?? 0;
          expect(one.now - at).toBeLessThan(86_400_000);
        }
        if (wasAsked) expect(outcome).toBe(answer.outcome);
        one.now += passMs;
      }
    }),
    { numRuns: 150 },
  );
});
