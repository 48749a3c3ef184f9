import { simpleParser } from "mailparser";
import { describe, expect, test } from "vitest";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { depsFor } from "../../contract/adapter.ts";
import { FULL, mailbox, member, outgoing } from "../../contract/messages.ts";
import { type Delivery, USER } from "../../emulator/smtp.ts";
import { type Fields, relayOn, sendTo, withRelay } from "./relay.ts";

type Options = Parameters<typeof withRelay>[0];

/** One send to a fresh relay, and what it has then. */
const delivered = (message: OutgoingMessage, fields: Fields = {}, options: Options = {}) =>
  withRelay(options, async (relay) => {
    const outcome = await sendTo(relay.port, message, fields);
    return { outcome, delivery: relay.deliveries().at(-1), logins: relay.logins() };
  });

function had(delivery: Delivery | undefined): Delivery {
  if (delivery === undefined) throw new Error("nothing was delivered");
  return delivery;
}

const UTF8 = mailbox("Jürgen <jürgen@bücher.example>");

describe("what a relay is given", () => {
  test("everything at once reads there as it was sent", async () => {
    const { outcome, delivery } = await delivered(FULL);
    expect(outcome).toMatchObject({ kind: "accepted", refused: [] });
    const mail = await simpleParser(had(delivery).bytes);
    expect(mail.subject).toBe(FULL.subject);
    expect(mail.text).toBe(FULL.text);
    expect(mail.html).toContain("<p>Grüße</p>");
    expect(mail.messageId).toBe(`<${FULL.messageId}>`);
    expect(mail.date?.getTime()).toBe(FULL.createdAt);
    expect(mail.from?.value).toEqual([{ name: "Acme, Inc.", address: "news@acme.example" }]);
    expect([mail.to].flat()[0]?.value).toEqual([
      { name: "", address: "jane.roe@customer.example" },
      { name: "Jürgen", address: "jurgen@customer.example" },
    ]);
    expect([mail.cc].flat()[0]?.value[0]?.name).toBe('cc "person" 日本');
    expect(mail.replyTo?.value[0]?.name).toBe("Hilfe für alle");
    expect(mail.headers.get("x-entity-ref-id")).toBe("42");
    expect(mail.headers.get("x-postern-id")).toBe(FULL.id);
    expect(String(had(delivery).bytes)).toMatch(
      /^List-Unsubscribe: <https:\/\/acme.example\/u>\r$/m,
    );
    expect(
      mail.attachments.map(({ filename, content, cid }) => [
        filename,
        content.toString("base64"),
        cid,
      ]),
    ).toEqual(
      expect.arrayContaining([
        ["a.txt", "aGVsbG8=", undefined],
        ["Grüße 2026.pdf", "JVBERi0xLjQK", undefined],
        ["l.png", "iVBORw0K", "logo"],
      ]),
    );
  });

  test("blind copies are in the envelope and nowhere in the message", async () => {
    const { delivery } = await delivered(FULL);
    expect(had(delivery).to).toEqual([
      "jane.roe@customer.example",
      "jurgen@customer.example",
      "cc.person@bücher.example",
      "bcc.person@customer.example",
    ]);
    expect(String(had(delivery).bytes)).not.toMatch(/bcc/i);
  });

  test("a text of dots and of any length arrives as it is", async () => {
    const text = [".", "..", ".hidden", "", ". QUIT", ...Array<string>(30_000).fill(".é"), ""];
    const { delivery } = await delivered(outgoing({ text: text.join("\n") }));
    expect((await simpleParser(had(delivery).bytes)).text).toBe(text.join("\n"));
  });

  test("megabytes arrive whole", async () => {
    const content = Buffer.alloc(4_000_000, "0123456789abcdef\n").toString("base64");
    const attachments = [{ filename: "big.bin", content, contentType: "application/octet-stream" }];
    const { outcome, delivery } = await delivered(outgoing({ attachments }));
    expect(outcome).toMatchObject({ kind: "accepted" });
    const mail = await simpleParser(had(delivery).bytes);
    expect(mail.attachments[0]?.content.toString("base64")).toBe(content);
  });

  test("it comes from the From address, or from the return path that is set", async () => {
    expect(had((await delivered(FULL)).delivery).from).toBe("news@acme.example");
    const { delivery } = await delivered(FULL, { return_path: "bounces@bücher.example" });
    expect(had(delivery).from).toBe("bounces@bücher.example");
    const { from } = await simpleParser(had(delivery).bytes);
    expect(from?.value[0]?.address).toBe("news@acme.example");
  });

  test("it comes encrypted, authenticated, and under the name that is set", async () => {
    const usual = had((await delivered(FULL)).delivery);
    expect(usual).toMatchObject({ secure: true, user: USER, ehlo: "[127.0.0.1]" });
    const { delivery } = await delivered(FULL, { ehlo: "mail.acme.example" });
    expect(had(delivery).ehlo).toBe("mail.acme.example");
  });

  test("a relay with LOGIN alone is logged in to", async () => {
    const { outcome, logins } = await delivered(FULL, {}, { authMethods: ["LOGIN"] });
    expect(outcome).toMatchObject({ kind: "accepted" });
    expect(logins).toEqual([{ user: USER, secure: true }]);
  });

  test("with neither PLAIN nor LOGIN, nothing is sent", async () => {
    const { outcome, logins } = await delivered(FULL, {}, { authMethods: ["XOAUTH2"] });
    expect(outcome).toMatchObject({ kind: "failed", retryable: false, code: "auth_unavailable" });
    expect(logins).toEqual([]);
  });

  test("TLS from the start is spoken where it is set", async () => {
    const { outcome, delivery } = await delivered(FULL, { tls: "implicit" }, { secure: true });
    expect(outcome).toMatchObject({ kind: "accepted" });
    expect(had(delivery)).toMatchObject({ secure: true, user: USER });
  });
});

describe("what a relay offers", () => {
  test("with DSN it is told our id for its bounces, which it is to send", async () => {
    const { delivery } = await delivered(FULL, {}, { hideDSN: false });
    expect(had(delivery).parameters).toMatchObject({ RET: "HDRS", ENVID: FULL.id });
    const without = await delivered(FULL);
    expect(had(without.delivery).parameters).not.toHaveProperty("ENVID");
  });

  test("with SIZE it is told the size, and nothing that is larger", async () => {
    const { delivery } = await delivered(FULL, {}, { size: 100_000 });
    const { bytes, parameters } = had(delivery);
    expect(parameters).toMatchObject({ SIZE: String(bytes.length) });
    const large = await delivered(FULL, {}, { size: 1000 });
    expect(large.outcome).toMatchObject({
      kind: "rejected",
      fault: "content",
      code: "message_too_large",
    });
    expect(large.delivery).toBeUndefined();
  });

  test("a message beyond the limit that is set is refused, whatever the relay says", async () => {
    const { outcome, delivery } = await delivered(FULL, { bytes_max: 1000 });
    expect(outcome).toMatchObject({ fault: "content", code: "message_too_large" });
    expect(delivery).toBeUndefined();
  });

  test("with SMTPUTF8, letters beyond ASCII stand before the @", async () => {
    const { outcome, delivery } = await delivered(outgoing({ to: [UTF8] }));
    expect(outcome).toMatchObject({ kind: "accepted", refused: [] });
    expect(had(delivery).to).toEqual([UTF8.address]);
    expect(had(delivery).parameters).toMatchObject({ SMTPUTF8: true, BODY: "8BITMIME" });
    expect(String(had(delivery).bytes)).toContain("jürgen@");
  });

  test("a message in ASCII asks for neither SMTPUTF8 nor 8BITMIME", async () => {
    const { parameters } = had((await delivered(FULL)).delivery);
    expect(parameters).not.toHaveProperty("SMTPUTF8");
    expect(parameters).not.toHaveProperty("BODY");
  });

  test("without SMTPUTF8 only who needs it is left out, of the header too", async () => {
    const message = outgoing({ to: [mailbox("jane.roe@customer.example"), UTF8] });
    const { outcome, delivery } = await delivered(message, {}, { hideSMTPUTF8: true });
    expect(outcome).toMatchObject({
      kind: "accepted",
      refused: [{ address: UTF8.address, code: "smtputf8_unsupported" }],
    });
    expect(had(delivery).to).toEqual(["jane.roe@customer.example"]);
    expect(String(had(delivery).bytes)).not.toContain("jürgen");
  });

  test.each([
    ["recipient", { to: [UTF8] }],
    ["sender", { from: UTF8 }],
    ["content", { replyTo: [UTF8] }],
  ])("what cannot do without SMTPUTF8 is the %s's fault", async (fault, fields) => {
    const { outcome, delivery } = await delivered(outgoing(fields), {}, { hideSMTPUTF8: true });
    expect(outcome).toMatchObject({ kind: "rejected", fault, code: "smtputf8_unsupported" });
    expect(delivery).toBeUndefined();
  });
});

describe("recipients whom a relay refuses", () => {
  test("are told by their address as it was given, and the others are written to", async () => {
    await withRelay({}, async (relay) => {
      relay.control({ refuse: [0, 2] });
      const outcome = await sendTo(relay.port, FULL);
      expect(outcome).toMatchObject({
        kind: "accepted",
        refused: [
          { address: "jane.roe@customer.example", code: "5.1.1" },
          { address: "cc.person@bücher.example", code: "5.1.1" },
        ],
      });
      expect(JSON.stringify(outcome)).toContain("550 5.1.1 [address] Recipient address rejected");
      expect(relay.deliveries().at(-1)?.to).toEqual([
        "jurgen@customer.example",
        "bcc.person@customer.example",
      ]);
    });
  });
});

describe("a batch", () => {
  const three = [member(0), member(1), member(2)];
  const batch = (port: number, fields: Fields = {}) =>
    relayOn(port, fields).sendBatch?.(three, "key", depsFor()) ?? [];

  test("goes over one connection, logged in to once, also past a refused message", async () => {
    await withRelay({}, async (relay) => {
      relay.control({ refuse: [0] });
      expect(await batch(relay.port)).toMatchObject([
        { kind: "rejected", fault: "recipient" },
        { kind: "accepted" },
        { kind: "accepted" },
      ]);
      expect(relay.counts().requests).toBe(1);
      expect(relay.logins()).toHaveLength(1);
      expect(relay.deliveries().map(({ to }) => to)).toEqual([
        ["jane.roe1@customer.example"],
        ["jane.roe2@customer.example"],
      ]);
    });
  });

  test("takes as many messages as the time limit has room for", () => {
    const max = (fields: Fields) => relayOn(1, fields).capabilities.batch?.messagesMax;
    expect(max({})).toBe(25);
    expect(max({ time_limit_ms: 60_000 })).toBe(100);
    expect(max({ time_limit_ms: 700 })).toBeUndefined();
    expect(relayOn(1, { time_limit_ms: 700 }).sendBatch).toBeUndefined();
  });
});
