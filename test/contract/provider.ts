/**
 * What every adapter must do, run against an emulator of its provider's wire format. A new provider
 * passes this suite with its own table of errors.
 */
import { createServer } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Outcome, OutgoingMessage, Provider, SendDeps } from "../../src/providers/provider.ts";
import type { Emulator, Plan } from "../emulator/emulator.ts";

/** What one provider brings to the suite. */
export interface ProviderUnderTest {
  start(): Promise<Emulator>;
  /** An adapter whose credentials the emulator takes. */
  make(settings: { baseUrl: string; timeLimitMs: number; deduplicates: boolean }): Provider;
  /** The credential in it, which must never be seen in a text. */
  readonly secret: string;
  /** Each documented error, as a plan of the emulator, and what it must come to. */
  readonly errors: readonly { readonly plan: Plan; readonly outcome: object }[];
}

/** Long enough for a loaded machine to answer, where an answer comes. */
const PATIENT_MS = 10_000;
/** Where none comes, nothing is gained by waiting. */
const HASTY_MS = 150;

/** A message with the fewest fields, or with those given. */
export function outgoing(fields: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return {
    id: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    account: "acme",
    attempt: 1,
    idempotencyKey: "key-1",
    stream: "transactional",
    from: "Acme <news@acme.example>",
    to: ["jane.roe@customer.example"],
    cc: [],
    bcc: [],
    recipientNumbers: [0],
    replyTo: [],
    subject: "Hello",
    text: "Hello Jane",
    headers: {},
    tags: [],
    attachments: [],
    expiresAt: 4_000_000_000_000,
    ...fields,
  };
}

/** Every field at once, with what is awkward to encode. */
export const FULL = outgoing({
  from: '"Acme, Inc." <news@acme.example>',
  to: ["jane.roe@customer.example", "Jürgen <jurgen@customer.example>"],
  cc: ["cc.person@customer.example"],
  bcc: ["bcc.person@customer.example"],
  recipientNumbers: [0, 1, 2, 3],
  replyTo: ["support@acme.example"],
  subject: 'Grüße \u{1f600} "quoted"',
  html: "<p>Grüße</p><img src=cid:logo>",
  text: "Grüße",
  headers: { "X-Entity-Ref-ID": "42", "List-Unsubscribe": "<https://acme.example/u>" },
  tags: [{ name: "campaign", value: "spring_2026" }],
  attachments: [
    { filename: "a.txt", content: "aGVsbG8=", contentType: "text/plain" },
    { filename: "l.png", content: "iVBORw0K", contentType: "image/png", contentId: "logo" },
  ],
});

function depsFor(limitMs: number, fields: Partial<SendDeps> = {}): SendDeps {
  return { fetch, now: () => Date.now(), signal: AbortSignal.timeout(limitMs), ...fields };
}

/** Every text of an outcome, as a person would see it. */
function textOf(outcome: Outcome): string {
  if (outcome.kind === "ambiguous") return outcome.reason;
  return outcome.kind === "accepted" ? "" : outcome.text;
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
  describe(`${name} keeps the provider contract`, () => {
    let emulator: Emulator;
    beforeAll(async () => {
      emulator = await under.start();
    });
    beforeEach(() => emulator.reset());
    afterAll(() => emulator.close());

    const adapter = (limitMs = PATIENT_MS, baseUrl = emulator.url, deduplicates = true) =>
      under.make({ baseUrl, timeLimitMs: limitMs, deduplicates });

    /** One send under a plan; checks on the way that no text names a recipient or the secret. */
    async function sent(plan: Plan, message = FULL, limitMs = PATIENT_MS): Promise<Outcome> {
      emulator.control(plan);
      const outcome = await adapter(limitMs).send(message, depsFor(limitMs));
      const text = textOf(outcome);
      expect(text).not.toContain("@");
      expect(text).not.toContain(under.secret);
      expect(text).not.toMatch(/jane\.roe|cc\.person|bcc\.person/);
      expect(text).not.toMatch(/[\r\n]/);
      expect(text.length).toBeLessThanOrEqual(300);
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
      expect(await sent({})).toMatchObject({ kind: "accepted" });
    });

    test("it declares its limits, and deduplication only where it is told so", () => {
      const { capabilities, timeLimitMs } = adapter(1234);
      expect(capabilities.recipientsMax).toBeGreaterThan(0);
      expect(capabilities.bytesMax).toBeGreaterThan(0);
      expect(capabilities.deduplicatesForMs).toBeGreaterThan(0);
      expect(timeLimitMs).toBe(1234);
      expect(adapter(1, emulator.url, false).capabilities.deduplicatesForMs).toBe(0);
    });

    test("a repeat under the same key is accepted once, under the same id", async () => {
      const first = await sent({});
      expect(await sent({})).toEqual(first);
      expect(emulator.counts()).toMatchObject({ acceptances: 1, replayed: 1, doubled: 0 });
    });

    test("other bytes under the same key are ambiguous, never a refusal", async () => {
      await sent({});
      expect(await sent({}, { ...FULL, subject: "Other" })).toMatchObject({ kind: "ambiguous" });
      expect(emulator.counts().acceptances).toBe(1);
    });

    test("a repeat while the first is being processed is ambiguous", async () => {
      emulator.control({ delayMs: 100 });
      const both = await Promise.all([sent({}), sent({})]);
      expect(both.map((outcome) => outcome.kind).sort()).toEqual(["accepted", "ambiguous"]);
      expect(emulator.counts().acceptances).toBe(1);
    });

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

    test("a throttle tells when to come back: seconds, a date, or a default", async () => {
      const throttled = async (retryAfter: string | null) => {
        const outcome = await sent({ mode: "throttle", retryAfter });
        return outcome.kind === "throttled" ? outcome.retryAfterMs : outcome;
      };
      expect(await throttled("7")).toBe(7000);
      expect(await throttled(null)).toBe(1000);
      expect(await throttled("soon")).toBe(1000);
      expect(await throttled("0")).toBe(100);
      expect(await throttled("999999")).toBe(3_600_000);
      expect(await throttled(new Date(0).toUTCString())).toBe(100);
      const inAMinute = await throttled(new Date(Date.now() + 60_000).toUTCString());
      expect(inAMinute).toBeGreaterThan(50_000);
      expect(inAMinute).toBeLessThanOrEqual(60_000);
    });

    test("no answer in time is ambiguous, whether it was accepted or not", async () => {
      const ambiguous = { kind: "ambiguous" };
      expect(await sent({ mode: "swallow" }, FULL, HASTY_MS)).toMatchObject(ambiguous);
      expect(emulator.counts().acceptances).toBe(0);
      expect(await sent({ mode: "hang" }, FULL, HASTY_MS)).toMatchObject(ambiguous);
      expect(emulator.counts().acceptances).toBe(1);
    });

    test("a reset is ambiguous, before the body was read and after acceptance", async () => {
      for (const mode of ["reset", "accept_reset"] as const) {
        expect(await sent({ mode }), mode).toMatchObject({ kind: "ambiguous" });
      }
      expect(emulator.counts().acceptances).toBe(1);
    });

    test("an answer that cannot be read, or says nothing, is ambiguous", async () => {
      for (const mode of ["malformed", "no_id", "error_inside", "cut", "oversized"] as const) {
        emulator.reset();
        expect(await sent({ mode }), mode).toMatchObject({ kind: "ambiguous" });
      }
    });

    test("a redirect is not followed and not retried", async () => {
      expect(await sent({ mode: "redirect" })).toMatchObject({ kind: "failed", retryable: false });
      expect(emulator.counts()).toMatchObject({ requests: 1, acceptances: 0 });
    });

    test("a connection that never came about is a failure that may be retried", async () => {
      const provider = adapter(PATIENT_MS, `http://127.0.0.1:${await closedPort()}`);
      const outcome = await provider.send(FULL, depsFor(PATIENT_MS));
      expect(outcome).toMatchObject({ kind: "failed", fault: "provider", retryable: true });
    });

    test("an attempt that ended before it began writes nothing", async () => {
      const outcome = await adapter().send(FULL, depsFor(0, { signal: AbortSignal.abort() }));
      expect(outcome).toMatchObject({ kind: "failed", retryable: true });
      expect(emulator.counts().requests).toBe(0);
    });

    test("whatever fetch throws is an outcome", async () => {
      for (const reason of [new Error("Network connection lost."), "text", null, new TypeError()]) {
        const failing = () => Promise.reject(reason);
        const outcome = await adapter().send(FULL, depsFor(PATIENT_MS, { fetch: failing }));
        expect(outcome).toMatchObject({ kind: "ambiguous" });
      }
    });
  });
}
