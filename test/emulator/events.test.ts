/** What is reported of a message is read as what was sent: adapter, emulator, webhook, reader. */
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { brevo } from "../../src/providers/brevo/send.ts";
import type { HookKeys } from "../../src/providers/hooks.ts";
import { mailchannels } from "../../src/providers/mailchannels/send.ts";
import { mailjet } from "../../src/providers/mailjet/send.ts";
import { postmark } from "../../src/providers/postmark/send.ts";
import type { ProviderDefinition } from "../../src/providers/provider.ts";
import { sendgrid } from "../../src/providers/sendgrid/send.ts";
import { depsFor, makeProvider } from "../contract/adapter.ts";
import { mailbox, outgoing } from "../contract/messages.ts";
import { keysOf, postTo } from "../contract/webhook.ts";
import type { Emulator } from "./emulator.ts";
import { type Fate, REPORTERS, type Reporter, reports } from "./events.ts";
import { EMULATORS } from "./index.ts";

const DEFINITIONS = { postmark, sendgrid, brevo, mailjet, mailchannels };
const NOW = Date.UTC(2026, 10, 5, 16, 33, 54);
const MESSAGE = outgoing({
  account: "acme~test",
  to: [mailbox("ann@example.net"), mailbox('"Bob, B." <bob@example.net>')],
  cc: [mailbox("eve@example.net")],
  metadata: { order: "7/42 %" },
  recipientNumbers: [0, 1, 2],
});
const FATES: Readonly<Record<string, Fate>> = {
  "ann@example.net": "delivered",
  "bob@example.net": "bounced",
  "eve@example.net": "complained",
};

/** What a source with this table believes. */
function keys({ webhook, secrets }: Reporter): HookKeys {
  const names = z.record(z.string(), z.array(z.string())).parse(webhook);
  const values = (list: readonly string[] = []) => list.map((name) => secrets[name] ?? "");
  const { basic, signing, handles = [] } = names;
  return keysOf({ basic: values(basic), signing: values(signing), handles });
}

let emulator: Emulator | undefined;
afterEach(() => emulator?.close());

describe.each(Object.entries(DEFINITIONS))("%s", (name, definition) => {
  test("reports of each recipient are believed and read as of the message", async () => {
    const reporter = REPORTERS[name] as Reporter;
    const emulated = EMULATORS[name];
    if (emulated === undefined) throw new Error(name);
    emulator = await emulated.start();
    const given = definition as unknown as ProviderDefinition<z.ZodObject>;
    const provider = makeProvider({ definition: given, emulator: emulated }, emulator);
    const outcome = await provider.send(MESSAGE, depsFor());
    expect(outcome).toMatchObject({ kind: "accepted" });
    const { hooks } = given;
    if (hooks === null || outcome.kind !== "accepted") throw new Error("no webhook");

    const posts = reports(reporter, emulator, (address) => FATES[address] ?? null, NOW);
    expect(posts).toHaveLength(3);
    const read = await Promise.all(
      posts.map(async (post) => {
        const result = await postTo({ hooks, keys: keys(reporter), now: NOW }, post);
        if (!result.ok) throw new Error(`${result.error.reason}: ${result.error.text}`);
        return result.value.events;
      }),
    );
    const events = read.flat();
    expect(Object.fromEntries(events.map(({ address, type }) => [address, type]))).toEqual(FATES);
    for (const event of events) {
      expect(event).toMatchObject({ messageId: MESSAGE.id, at: NOW });
      if (name !== "mailchannels") expect(event.account).toBe("acme~test");
      if (event.providerMessageId !== undefined) {
        expect(event.providerMessageId).toBe(outcome.providerMessageId);
      }
      if (event.type === "bounced") expect(event).toMatchObject({ bounce: { kind: "hard" } });
    }
    // Mailjet's is of one recipient.
    const told = events.filter(({ providerMessageId }) => providerMessageId !== undefined);
    expect(told).toHaveLength(name === "mailjet" ? 0 : 3);
  });

  test("a report with another proof is not believed", async () => {
    const reporter = REPORTERS[name] as Reporter;
    const sent = { message: {}, id: "x", address: "ann@example.net" };
    const { headers, body } = reporter.post([reporter.event(sent, "bounced", NOW)], NOW);
    const { hooks } = definition;
    const subject = { hooks: hooks as NonNullable<typeof hooks>, keys: keys(reporter), now: NOW };
    expect((await postTo(subject, { headers, body })).ok).toBe(true);
    const spoiled = name === "sendgrid" || name === "mailchannels";
    const other = spoiled
      ? { headers, body: `${body} ` }
      : { headers: { ...headers, authorization: "Basic eA==" }, body };
    expect(await postTo(subject, other)).toMatchObject({ error: { reason: "bad_proof" } });
  });
});
