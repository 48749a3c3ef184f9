import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { mailjet } from "../../../src/providers/mailjet/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { outgoing } from "../../contract/messages.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { mailjetEmulator } from "../../emulator/mailjet.ts";

const under = { definition: mailjet, emulator: mailjetEmulator };
let emulator: Emulator;
beforeAll(async () => {
  emulator = await mailjetEmulator.start();
});
beforeEach(() => emulator.reset());
afterAll(() => emulator.close());

const adapter = () => makeProvider(under, emulator);
const answering = (body: string, status = 200) =>
  depsFor(1000, { fetch: () => Promise.resolve(new Response(body, { status })) });
const message = outgoing({ createdAt: Date.now() });

test("a message that was accepted without an answer is found by our id", async () => {
  emulator.control({ mode: "accept_reset" });
  expect(await adapter().send(message, depsFor())).toMatchObject({ kind: "ambiguous" });
  const providerMessageId = emulator.counts().accepted[0]?.providerIds[0];
  expect(await adapter().lookup?.(message, depsFor())).toEqual({
    ok: true,
    value: { kind: "accepted", providerMessageId },
  });
});

test("a message that Mailjet never had is not found", async () => {
  const found = await adapter().lookup?.(message, depsFor());
  expect(found).toEqual({ ok: true, value: { kind: "none" } });
});

test("other messages, or none that can be read, are no answer", async () => {
  const other = JSON.stringify({ Data: [{ UUID: "u", CustomID: "other" }] });
  const unnamed = JSON.stringify({ Data: [{ ID: 1, CustomID: message.id }] });
  const answers = [answering(other), answering(unnamed), answering("{}"), answering("{}", 503)];
  for (const deps of answers) {
    expect(await adapter().lookup?.(message, deps)).toMatchObject({ ok: false });
  }
});

test("identities are the active senders that are whole domains, lower-cased", async () => {
  const known = await adapter().identities?.(depsFor());
  expect(known).toEqual({ ok: true, value: ["acme.example"] });
});

test("what Mailjet refuses is unanswered, in words without a secret", async () => {
  const deps = answering(JSON.stringify({ ErrorMessage: "authentication failure" }), 401);
  const answer = await adapter().identities?.(deps);
  const error = { retryAfterMs: null, text: "Mailjet answered 401" };
  expect(answer).toEqual({ ok: false, error });
});
