import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { brevo } from "../../../src/providers/brevo/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { outgoing } from "../../contract/messages.ts";
import { brevoEmulator } from "../../emulator/brevo.ts";
import type { Emulator } from "../../emulator/emulator.ts";

const under = { definition: brevo, emulator: brevoEmulator };
let emulator: Emulator;
beforeAll(async () => {
  emulator = await brevoEmulator.start();
});
beforeEach(() => emulator.reset());
afterAll(() => emulator.close());

const adapter = () => makeProvider(under, emulator);
const answering = (body: string, status = 200) =>
  depsFor(1000, { fetch: () => Promise.resolve(new Response(body, { status })) });

test("a message that was accepted without an answer is found by our id", async () => {
  const message = outgoing();
  emulator.control({ mode: "accept_reset" });
  expect(await adapter().send(message, depsFor())).toMatchObject({ kind: "ambiguous" });
  const providerMessageId = emulator.counts().accepted[0]?.providerIds[0];
  expect(await adapter().lookup?.(message, depsFor())).toEqual({
    ok: true,
    value: { kind: "accepted", providerMessageId },
  });
});

test("a message that Brevo never had is not found", async () => {
  const found = await adapter().lookup?.(outgoing(), depsFor());
  expect(found).toEqual({ ok: true, value: { kind: "none" } });
});

test("events of other messages, or none that can be read, are no answer", async () => {
  const other = JSON.stringify({ events: [{ messageId: "<1@b>", tag: "other" }] });
  for (const deps of [answering(other), answering("[]"), answering("{}", 503)]) {
    expect(await adapter().lookup?.(outgoing(), deps)).toMatchObject({ ok: false });
  }
});

test("the tag is read as one text or as a list", async () => {
  const { id } = outgoing();
  for (const event of [{ tag: `${id},a:b` }, { tags: ["a:b", id] }]) {
    const body = JSON.stringify({ events: [{ ...event, messageId: "<1@b>" }] });
    const found = await adapter().lookup?.(outgoing(), answering(body));
    expect(found).toMatchObject({ ok: true, value: { providerMessageId: "<1@b>" } });
  }
});

test("identities are the authenticated domains, lower-cased", async () => {
  const known = await adapter().identities?.(depsFor());
  expect(known).toEqual({ ok: true, value: ["acme.example"] });
});

test("what Brevo refuses is unanswered, in words without a secret", async () => {
  const deps = answering(JSON.stringify({ code: "unauthorized", message: "Key not found" }), 401);
  const answer = await adapter().identities?.(deps);
  expect(answer).toEqual({ ok: false, error: { retryAfterMs: null, text: "Brevo answered 401" } });
});
