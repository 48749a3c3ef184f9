import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ses } from "../../../src/providers/ses/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { mailbox, outgoing } from "../../contract/messages.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { sesEmulator } from "../../emulator/ses.ts";

const under = { definition: ses, emulator: sesEmulator };

describe("addresses that SES cannot send to", () => {
  const CODE = "smtputf8_unsupported";
  const refused = (fault: string) => ({ kind: "rejected", fault, code: CODE });
  const jürgen = mailbox("jürgen@customer.example");

  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await sesEmulator.start();
  });
  beforeEach(() => emulator.reset());
  afterAll(() => emulator.close());

  test("a UTF-8 local part is refused before anything is written", async () => {
    const provider = makeProvider(under, emulator);
    const from = outgoing({ from: mailbox("nachricht-für@acme.example") });
    expect(await provider.send(from, depsFor())).toMatchObject(refused("sender"));
    const replyTo = outgoing({ replyTo: [jürgen] });
    expect(await provider.send(replyTo, depsFor())).toMatchObject(refused("content"));
    const to = outgoing({ to: [jürgen] });
    expect(await provider.send(to, depsFor())).toMatchObject(refused("recipient"));
    expect(emulator.counts().requests).toBe(0);
  });

  test("beside others such a recipient alone is left out", async () => {
    const message = outgoing({ cc: [jürgen, mailbox("b@customer.example")], bcc: [jürgen] });
    const outcome = await makeProvider(under, emulator).send(message, depsFor());
    expect(outcome).toMatchObject({
      kind: "accepted",
      refused: [
        { address: "jürgen@customer.example", code: CODE },
        { address: "jürgen@customer.example", code: CODE },
      ],
    });
    expect(JSON.parse(emulator.received()[0]?.body ?? "").Destination).toEqual({
      ToAddresses: ["jane.roe@customer.example"],
      CcAddresses: ["b@customer.example"],
    });
  });
});
