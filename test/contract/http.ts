/** What only an adapter of an HTTP API must do: redirects, Retry-After, whatever fetch throws. */
import { createServer } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "../../src/providers/provider.ts";
import type { Emulator, Plan } from "../emulator/emulator.ts";
import {
  depsFor,
  expectDiscreet,
  makeProvider,
  PATIENT_MS,
  type ProviderUnderTest,
} from "./adapter.ts";
import { FULL } from "./messages.ts";

/** A port of 127.0.0.1 on which nothing listens. */
async function closedPort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Runs the suite unless the adapter declares another transport. */
export function httpContract(name: string, under: ProviderUnderTest): void {
  if (under.transport === "other") return;
  const full = under.full ?? FULL;

  describe(`${name} keeps the contract of HTTP`, () => {
    let emulator: Emulator;
    beforeAll(async () => {
      emulator = await under.emulator.start();
    });
    beforeEach(() => emulator.reset());
    afterAll(() => emulator.close());

    const adapter = (url = emulator.url) => makeProvider(under, emulator, {}, url);

    async function sent(plan: Plan): Promise<Outcome> {
      emulator.control(plan);
      const outcome = await adapter().send(full, depsFor());
      expectDiscreet(outcome, Object.values(under.emulator.source(emulator.url).secrets));
      return outcome;
    }

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
      const provider = adapter(`http://127.0.0.1:${await closedPort()}`);
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
  });
}
