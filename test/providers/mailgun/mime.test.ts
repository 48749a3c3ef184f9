import { simpleParser } from "mailparser";
import { describe, expect, test } from "vitest";
import { mailgun } from "../../../src/providers/mailgun/send.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import { mailgunEmulator } from "../../emulator/mailgun.ts";
import { readForm } from "../../emulator/multipart.ts";

const under = { definition: mailgun, emulator: mailgunEmulator };
const FORM = "/v3/mg.acme.example/messages";
const MIME = `${FORM}.mime`;
const FILE = { filename: "a.txt", content: "aGVsbG8=" };

async function sent(message: OutgoingMessage) {
  const request = await wireOf(under, message);
  const parts = readForm(request) ?? [];
  const valuesOf = (wanted: string) =>
    parts.filter(({ name }) => name === wanted).map(({ text }) => text);
  return { ...request, parts, valuesOf };
}

async function pathOf(fields: Partial<OutgoingMessage>): Promise<string> {
  const { url, outcome } = await sent(outgoing(fields));
  expect(outcome).toMatchObject({ kind: "accepted" });
  return url;
}

describe("what a form of parts cannot say goes to Mailgun as a built message", () => {
  test("an inline file whose content id is not its name", async () => {
    const html = "<img src=cid:logo>";
    const inline = (contentId: string) => [{ ...FILE, contentId }];
    expect(await pathOf({ html, attachments: inline("logo") })).toBe(MIME);
    expect(await pathOf({ html, attachments: inline("a.txt") })).toBe(FORM);
    // Without HTML nothing refers to the file, and it is an attachment like any other.
    expect(await pathOf({ attachments: inline("logo") })).toBe(FORM);
  });

  test("parameters of a type, quotes in a filename, nobody in To, long headers", async () => {
    const calendar = { ...FILE, contentType: "text/calendar; method=REQUEST" };
    expect(await pathOf({ attachments: [calendar] })).toBe(MIME);
    expect(await pathOf({ attachments: [{ ...FILE, filename: 'a "b".txt' }] })).toBe(MIME);
    expect(await pathOf({ attachments: [{ ...FILE, contentType: "text/plain" }] })).toBe(FORM);
    expect(await pathOf({ to: [], bcc: [mailbox("b@customer.example")] })).toBe(MIME);
    const long = { "X-Long": `${"long ".repeat(3000)}end` };
    expect(await pathOf({ headers: { ...long, "X-More": "more ".repeat(300) } })).toBe(MIME);
    expect(await pathOf({ headers: long })).toBe(FORM);
  });

  test("the envelope has every recipient, the message only those who are to be seen", async () => {
    const { valuesOf, parts } = await sent(FULL);
    expect(valuesOf("to")).toEqual([
      "jane.roe@customer.example",
      "jurgen@customer.example",
      "cc.person@xn--bcher-kva.example",
      "bcc.person@customer.example",
    ]);
    const message = parts.find(({ name }) => name === "message");
    expect(message?.filename).toBe("message.eml");
    expect(message?.text).not.toContain("bcc.person");
    const read = await simpleParser(message?.bytes ?? "");
    expect(read.subject).toBe(FULL.subject);
    expect(read.messageId).toBe(`<${FULL.messageId}>`);
    expect(read.headers.get("x-entity-ref-id")).toBe("42");
    expect(read.attachments.map(({ filename }) => filename)).toContain("Grüße 2026.pdf");
    const logo = read.attachments.find(({ filename }) => filename === "l.png");
    expect(logo).toMatchObject({ cid: "logo", related: true });
  });

  test("it is tracked, tagged and told apart like a form of parts", async () => {
    const { valuesOf } = await sent(FULL);
    expect(valuesOf("v:postern_id")).toEqual([FULL.id]);
    expect(valuesOf("v:postern_account")).toEqual([FULL.account]);
    expect(valuesOf("v:order")).toEqual(["Nº 7/42"]);
    expect(valuesOf("o:tag")).toEqual(["campaign:spring_2026"]);
    for (const name of ["o:tracking", "o:tracking-opens", "o:tracking-clicks"]) {
      expect(valuesOf(name)).toEqual(["no"]);
    }
  });
});

describe("what Mailgun would not take is not written", () => {
  const huge = { filename: "a.bin", content: "A".repeat(25_000_004) };
  const variables = Object.fromEntries(
    Array.from({ length: 17 }, (_, index) => [`name${index}`, "ü".repeat(500)]),
  );

  test.each([
    ["message_too_large", { attachments: [huge] }],
    ["options_too_large", { metadata: variables }],
    ["invalid_attachment", { attachments: [{ ...FILE, content: "!" }] }],
  ])("%s", async (code, fields) => {
    const failing = wireOf(under, outgoing(fields));
    await expect(failing).rejects.toThrow(`"fault":"content","code":"${code}"`);
  });
});
