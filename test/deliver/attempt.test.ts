import { describe, expect, test } from "vitest";
import { attempt, outgoing, settlementOf } from "../../src/deliver/attempt.ts";
import type { Outcome, Provider } from "../../src/providers/provider.ts";
import { mailbox } from "../contract/messages.ts";
import { addressee, claimOf, content, headOf, PLAIN } from "./messages.ts";

const head = headOf([
  addressee("to", "ann"),
  addressee("bcc", "eve"),
  addressee("cc", "bob"),
  addressee("to", "dan"),
]);
const sent = (numbers: readonly number[]) => outgoing("acme", head, claimOf(numbers), content);

describe("outgoing", () => {
  test("carries the envelope and the content, under the message's id as its key", () => {
    expect(sent([0, 1, 2, 3])).toEqual({
      id: "m1",
      account: "acme",
      attempt: 1,
      idempotencyKey: "m1",
      stream: "transactional",
      messageId: "m1@acme.example",
      createdAt: 1_000,
      lane: "transactional",
      from: mailbox("Acme <news@acme.example>"),
      to: [mailbox("ANN <ann@a.example>"), mailbox("DAN <dan@a.example>")],
      cc: [mailbox("BOB <bob@a.example>")],
      bcc: [mailbox("EVE <eve@a.example>")],
      recipientNumbers: [0, 3, 2, 1],
      replyTo: [mailbox("help@acme.example")],
      subject: "Hello",
      tags: [{ name: "kind", value: "welcome" }],
      metadata: {},
      extras: { opens: false, clicks: false, unsubscribe: false },
      expiresAt: 90_000,
      ...content,
    });
  });

  test("only those who are to be reached are in it", () => {
    expect(sent([3, 1])).toMatchObject({
      to: [mailbox("DAN <dan@a.example>")],
      cc: [],
      bcc: [mailbox("EVE <eve@a.example>")],
      recipientNumbers: [3, 1],
    });
  });

  test("when nobody is left in To, Cc moves up", () => {
    const message = sent([2, 1]);
    expect(message).toMatchObject({
      to: [mailbox("BOB <bob@a.example>")],
      cc: [],
      recipientNumbers: [2, 1],
    });
  });

  test("blind copies stay blind: alone, they go with a copy to the sender", () => {
    expect(sent([1])).toMatchObject({
      to: [mailbox("Acme <news@acme.example>")],
      bcc: [mailbox("EVE <eve@a.example>")],
      recipientNumbers: [1],
    });
  });

  test("a smaller set of recipients has a key of its own, the same one each time", () => {
    const id = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
    const key = (numbers: readonly number[]) =>
      outgoing("acme", head, claimOf(numbers, { id }), content).idempotencyKey;
    expect(key([0, 1, 2, 3])).toBe(id);
    const keys = [[0], [1], [2], [3], [0, 1], [1, 0], [0, 1, 2], [1, 2, 3]].map(key);
    expect(new Set([id, ...keys]).size).toBe(9);
    expect(key([0, 1])).toBe(keys[4]);
    for (const one of keys) expect(one).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  test("a repeat is the same message: only the count of attempts differs", () => {
    const again = outgoing("acme", head, claimOf([0, 1], { attempt: 2, token: "t2" }), content);
    expect({ ...again, attempt: 1 }).toEqual(sent([0, 1]));
  });
});

describe("attempt", () => {
  const deps = { fetch, now: () => 0, signal: new AbortController().signal };
  const provider = (send: Provider["send"]): Provider => ({
    capabilities: PLAIN,
    timeLimitMs: 1,
    send,
  });

  test("answers what the provider answers", async () => {
    const outcome: Outcome = { kind: "accepted", providerMessageId: "p", refused: [] };
    expect(
      await attempt(
        provider(async () => outcome),
        sent([0]),
        deps,
      ),
    ).toBe(outcome);
  });

  test("an adapter that throws leaves an unknown, and tells nothing it was given", async () => {
    const broken = provider(() => Promise.reject(new TypeError("no route to ann@a.example")));
    const outcome = await attempt(broken, sent([0]), deps);
    expect(outcome).toEqual({ kind: "ambiguous", reason: "adapter_typeerror" });
    const odd = provider(() => Promise.reject("text"));
    expect(await attempt(odd, sent([0]), deps)).toEqual({
      kind: "ambiguous",
      reason: "adapter_error",
    });
  });
});

describe("settlementOf", () => {
  test("refused addresses become the numbers of all recipients that have them", () => {
    const twice = headOf([addressee("to", "ann"), addressee("to", "bob"), addressee("bcc", "ann")]);
    const refused = [{ address: "ann@a.example", code: "suppressed", text: "listed" }];
    expect(settlementOf({ kind: "accepted", providerMessageId: "p", refused }, twice)).toEqual({
      kind: "accepted",
      providerMessageId: "p",
      refused: [
        { no: 0, code: "suppressed", text: "listed" },
        { no: 2, code: "suppressed", text: "listed" },
      ],
    });
  });

  test("a provider's own list suppresses; every other refusal fails", () => {
    const rejected = { kind: "rejected", text: "" } as const;
    const of = (outcome: Outcome) => settlementOf(outcome, head);
    expect(of({ ...rejected, fault: "recipient", code: "suppressed" })).toMatchObject({
      suppressed: true,
    });
    expect(of({ ...rejected, fault: "recipient", code: "invalid" })).toMatchObject({
      suppressed: false,
    });
    expect(of({ ...rejected, fault: "content", code: "suppressed" })).toMatchObject({
      suppressed: false,
    });
  });

  test("what is not final is passed on as it is", () => {
    const outcomes: Outcome[] = [
      { kind: "throttled", retryAfterMs: 5, text: "slow" },
      { kind: "ambiguous", reason: "time_limit" },
    ];
    for (const outcome of outcomes) expect(settlementOf(outcome, head)).toEqual(outcome);
    const failed = { kind: "failed", retryable: true, code: "http_500", text: "" } as const;
    expect(settlementOf({ ...failed, fault: "provider" }, head)).toEqual(failed);
  });
});
