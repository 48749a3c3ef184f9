import { describe, expect, test } from "vitest";
import {
  magicOf,
  type SandboxAnswer,
  type SandboxCall,
  type SandboxMessage,
} from "../../../src/core/sandbox.ts";
import type { OutgoingMessage, Provider } from "../../../src/providers/provider.ts";
import { sandbox } from "../../../src/providers/sandbox/send.ts";
import { mailbox, outgoing } from "../../contract/messages.ts";

const WINDOW_MS = 24 * 3_600_000;

function make(settings: object, call: (call: SandboxCall) => Promise<SandboxAnswer>): Provider {
  const made = sandbox.create(sandbox.settings.parse({ provider: "sandbox", ...settings }), {
    source: "sandbox",
    secret: () => null,
    sandbox: call,
    email: () => null,
    connect: () => {
      throw new Error("no TCP here");
    },
  });
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

/** Sends to a world that answers `answer`; gives the outcome and what reached the world. */
async function sent(
  given: Partial<OutgoingMessage>,
  answer: SandboxAnswer = { kind: "accepted", ids: ["p1"] },
  signal = AbortSignal.timeout(20),
) {
  const calls: SandboxMessage[] = [];
  const provider = make({ event_delay_ms: 7, time_limit_ms: 20 }, async (call) => {
    calls.push(...call);
    return answer;
  });
  const outcome = await provider.send(outgoing(given), { fetch, now: () => 0, signal });
  return { outcome, calls };
}

const to = (...locals: string[]) => ({
  to: locals.map((local) => mailbox(`Somebody <${local}@sandbox.test>`)),
  recipientNumbers: locals.map((_, no) => no),
});

describe("a magic recipient", () => {
  test.each([
    ["bounced@sandbox.test", "bounced"],
    ["Bounced@SANDBOX.test", "bounced"],
    ["complained+any.thing@sandbox.test", "complained"],
    ["timeout+@sandbox.test", "timeout"],
    ["somebody@sandbox.test", "delivered"],
    ["bounced@sandbox.test.example", "delivered"],
    ["bounced@example.com", "delivered"],
    ["bouncedx@sandbox.test", "delivered"],
    ["", "delivered"],
  ])("%s is %s", (address, magic) => {
    expect(magicOf(address)).toBe(magic);
  });
});

describe("the sandbox source", () => {
  test("says that it deduplicates for a day where it is told to, and else that it does not", () => {
    for (const deduplicates of [true, false]) {
      const settings = { deduplicates, time_limit_ms: 11 };
      const { capabilities, timeLimitMs } = make(settings, async () => null);
      expect(capabilities.deduplicatesForMs).toBe(deduplicates ? WINDOW_MS : 0);
      expect(capabilities.recipientsMax).toBe(50);
      expect(timeLimitMs).toBe(11);
    }
  });

  test("hands the world every recipient under its own number, and no address", async () => {
    const { calls } = await sent({
      to: [mailbox("a@x.example")],
      cc: [mailbox("bounced@sandbox.test")],
      bcc: [mailbox("deferred+1@sandbox.test")],
      recipientNumbers: [4, 0, 2],
    });
    const { recipients, ...call } = calls[0] ?? { recipients: [] };
    expect(recipients).toEqual([
      { no: 4, magic: "delivered" },
      { no: 0, magic: "bounced" },
      { no: 2, magic: "deferred" },
    ]);
    expect(call).toMatchObject({ source: "sandbox", account: "acme", eventDelayMs: 7 });
    expect(JSON.stringify(calls)).not.toContain("@");
  });

  test("does not take the sender's own copy for a recipient", async () => {
    const given = { to: [mailbox("news@acme.example")], bcc: [mailbox("bounced@sandbox.test")] };
    const { calls } = await sent({ ...given, recipientNumbers: [3] });
    expect(calls[0]?.recipients).toEqual([{ no: 3, magic: "bounced" }]);
  });

  test("answers with the provider's id", async () => {
    const { outcome } = await sent(to("delivered"));
    expect(outcome).toEqual({ kind: "accepted", providerMessageId: "p1", refused: [] });
  });

  test("leaves out those whom the provider's list has, and says whom", async () => {
    const { outcome, calls } = await sent(to("suppressed", "delivered"));
    expect(calls[0]?.recipients).toEqual([{ no: 1, magic: "delivered" }]);
    expect(outcome).toMatchObject({
      kind: "accepted",
      refused: [{ address: "suppressed@sandbox.test", code: "suppressed" }],
    });
  });

  test("refuses when nobody is left, without a call", async () => {
    const { outcome, calls } = await sent(to("suppressed", "suppressed+2"));
    expect(outcome).toMatchObject({ kind: "rejected", fault: "recipient", code: "suppressed" });
    expect(calls).toEqual([]);
  });

  test("no answer is ambiguous when the time is up, and not before", async () => {
    const controller = new AbortController();
    let settled = false;
    const sending = sent(to("timeout"), null, controller.signal).finally(() => {
      settled = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(settled).toBe(false);
    controller.abort();
    expect((await sending).outcome).toEqual({ kind: "ambiguous", reason: "time_limit" });
    const { outcome } = await sent(to("timeout"), null, AbortSignal.abort());
    expect(outcome).toMatchObject({ kind: "ambiguous" });
  });
});
