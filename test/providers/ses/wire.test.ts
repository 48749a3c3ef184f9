import PostalMime from "postal-mime";
import { describe, expect, test } from "vitest";
import { ses } from "../../../src/providers/ses/send.ts";
import { wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import { REGION, sesEmulator } from "../../emulator/ses.ts";

const under = { definition: ses, emulator: sesEmulator };
const OFF = { Tracking: { OpenTrackingEnabled: "DISABLED", ClickTrackingEnabled: "DISABLED" } };

async function wire(message = FULL, fields = {}) {
  const { headers, body, outcome } = await wireOf(under, message, fields);
  return { headers, body: JSON.parse(body), outcome };
}

/** Of a message that differs from a minimal one in these fields. */
async function content(fields: Parameters<typeof outgoing>[0]) {
  const { body, outcome } = await wire(outgoing(fields));
  expect(outcome, JSON.stringify([fields, outcome]).slice(0, 300)).toMatchObject({
    kind: "accepted",
  });
  return body.Content;
}

const parseRaw = (raw: { Data: string }) => PostalMime.parse(Buffer.from(raw.Data, "base64"));

/** Name and address that a reader sees; what is sent is ASCII. */
async function decoded(text: string) {
  expect(text).toMatch(/^[ -~]+$/);
  const [read] = (await PostalMime.parse(`To: ${text}\r\n\r\n`)).to ?? [];
  return [read?.name, read?.address];
}

const file = (fields: object) => ({ filename: "a.txt", content: "aGVsbG8=", ...fields });

describe("what goes over the wire to SES", () => {
  test("a minimal message is its fields, our tags and tracking off, and nothing else", async () => {
    const { headers, body } = await wire(outgoing());
    expect(body).toEqual({
      FromEmailAddress: "Acme <news@acme.example>",
      Destination: { ToAddresses: ["jane.roe@customer.example"] },
      Content: {
        Simple: {
          Subject: { Data: "Hello", Charset: "UTF-8" },
          Body: { Text: { Data: "Hello Jane", Charset: "UTF-8" } },
        },
      },
      EmailTags: [
        { Name: "postern_id", Value: outgoing().id },
        { Name: "postern_account", Value: "acme" },
        { Name: "postern_stream", Value: "transactional" },
      ],
      ConfigurationOverrides: OFF,
    });
    expect(headers).toMatchObject({
      "content-type": "application/json",
      "user-agent": "postern",
      authorization: expect.stringContaining(`/${REGION}/ses/aws4_request`),
    });
    expect(headers).not.toHaveProperty("x-amz-security-token");
  });

  test("mailboxes are ASCII: encoded-words for names, A-labels for domains", async () => {
    const { body } = await wire();
    expect(body.FromEmailAddress).toBe('"Acme, Inc." <news@acme.example>');
    const { ToAddresses, CcAddresses, BccAddresses } = body.Destination;
    expect(ToAddresses[0]).toBe("jane.roe@customer.example");
    expect(await decoded(ToAddresses[1])).toEqual(["Jürgen", "jurgen@customer.example"]);
    const cc = ['cc "person" 日本', "cc.person@xn--bcher-kva.example"];
    expect(await decoded(CcAddresses[0])).toEqual(cc);
    expect(BccAddresses).toEqual(["bcc.person@customer.example"]);
  });

  test("a name that looks like an encoded-word is encoded, to arrive as it is", async () => {
    const { body } = await wire(outgoing({ from: mailbox("=?UTF-8?Q?a?= <news@acme.example>") }));
    expect(await decoded(body.FromEmailAddress)).toEqual(["=?UTF-8?Q?a?=", "news@acme.example"]);
  });

  test("every reply-to is sent, beside simple content or in the MIME", async () => {
    const replyTo = [mailbox("Hilfe für alle <support@acme.example>"), mailbox("b@acme.example")];
    const simple = await wire(outgoing({ replyTo }));
    const [first, ...others] = simple.body.ReplyToAddresses;
    expect(await decoded(first)).toEqual(["Hilfe für alle", "support@acme.example"]);
    expect(others).toEqual(["b@acme.example"]);
    const raw = await wire(outgoing({ replyTo, subject: "" }));
    expect(raw.body).not.toHaveProperty("ReplyToAddresses");
    const parsed = await parseRaw(raw.body.Content.Raw);
    expect(parsed.replyTo).toEqual([
      { name: "Hilfe für alle", address: "support@acme.example" },
      { name: "", address: "b@acme.example" },
    ]);
  });

  test("simple content has headers and files, inline ones by their content id", async () => {
    const { subject, html, text, headers } = FULL;
    const attachments = [
      file({ contentType: "text/plain" }),
      file({ filename: "l.png", contentId: "logo" }),
    ];
    const simple = (await content({ subject, html, text, headers, attachments } as never)).Simple;
    expect(simple.Subject).toEqual({ Data: subject, Charset: "UTF-8" });
    expect(simple.Body.Html.Data).toBe(html);
    expect(simple.Body.Text.Data).toBe(text);
    expect(simple.Headers).toEqual(
      Object.entries(headers).map(([Name, Value]) => ({ Name, Value })),
    );
    expect(simple.Attachments).toEqual([
      {
        FileName: "a.txt",
        RawContent: "aGVsbG8=",
        ContentType: "text/plain",
        ContentDisposition: "ATTACHMENT",
        ContentTransferEncoding: "BASE64",
      },
      {
        FileName: "l.png",
        RawContent: "aGVsbG8=",
        ContentDisposition: "INLINE",
        ContentId: "logo",
        ContentTransferEncoding: "BASE64",
      },
    ]);
  });

  test("content that SES may not compose faithfully is sent as MIME", async () => {
    const many = Object.fromEntries(Array.from({ length: 16 }, (_, at) => [`X-${at}`, "x"]));
    const doubtful = [
      { subject: "" },
      { subject: "a".repeat(871) },
      { text: "" },
      { text: `${"a".repeat(999)}\nb` },
      { text: "a\rb" },
      { headers: { "X-Note": "Grüße" } },
      { headers: { "X-Note": "" } },
      { headers: { "X-Note": " a" } },
      { headers: { "X-Note": "a".repeat(871) } },
      { headers: { [`X-${"a".repeat(125)}`]: "a" } },
      { headers: { "Delivered-With": "a" } },
      { headers: many },
      { attachments: [file({ filename: "Grüße.pdf" })] },
      { attachments: [file({ filename: 'a".pdf' })] },
      { attachments: [file({ filename: "README" })] },
      { attachments: [file({ filename: `${"a".repeat(252)}.pdf` })] },
      { attachments: [file({ contentType: "text/plain; charset=utf-8" })] },
      { attachments: [file({ contentType: "message/rfc822" })] },
      { attachments: [file({ contentType: `text/${"a".repeat(74)}` })] },
      { attachments: [file({ contentId: "a b" })] },
      { attachments: [file({ contentId: "a".repeat(79) })] },
      { attachments: [file({ content: "" })] },
      { attachments: [file({ content: "aGVs bG8=" })] },
      { attachments: [file({ content: "aGVsbG8" })] },
    ];
    for (const fields of doubtful) {
      expect(await content(fields), JSON.stringify(fields)).toEqual({
        Raw: { Data: expect.any(String) },
      });
    }
  });

  test("what is within SES's limits is sent as fields", async () => {
    const fifteen = Object.fromEntries(Array.from({ length: 15 }, (_, at) => [`X-${at}`, "x"]));
    const plain = [
      { subject: "a".repeat(870) },
      { text: `${"a".repeat(998)}\r\nb` },
      { headers: { "X-Note": "a".repeat(870) } },
      { headers: { [`X-${"a".repeat(124)}`]: "a" } },
      { headers: { "In-Reply-To": "<1@acme.example>", References: "<1@acme.example>" } },
      { headers: fifteen },
      { attachments: [file({ filename: `${"a".repeat(251)}.pdf` })] },
      { attachments: [file({ contentType: `text/${"a".repeat(73)}` })] },
      { attachments: [file({ contentId: "a".repeat(78) })] },
    ];
    for (const fields of plain) {
      const key = JSON.stringify(fields).slice(0, 40);
      expect(await content(fields), key).toEqual({ Simple: expect.anything() });
    }
  });

  test("MIME content carries every field, but no Bcc", async () => {
    const { body } = await wire();
    const parsed = await parseRaw(body.Content.Raw);
    expect(parsed).toMatchObject({
      subject: FULL.subject,
      from: { name: "Acme, Inc.", address: "news@acme.example" },
      to: [{ address: "jane.roe@customer.example" }, { name: "Jürgen" }],
      cc: [{ name: 'cc "person" 日本', address: "cc.person@xn--bcher-kva.example" }],
      replyTo: [{ name: "Hilfe für alle" }],
      text: expect.stringContaining("From here"),
      html: expect.stringContaining("<p>Grüße</p>"),
    });
    expect(parsed.bcc).toBeUndefined();
    expect(parsed.headers).toContainEqual(
      expect.objectContaining({ key: "list-unsubscribe", value: "<https://acme.example/u>" }),
    );
    expect(parsed.attachments.map((one) => one.filename)).toEqual(
      expect.arrayContaining(["a.txt", "Grüße 2026.pdf", "l.png"]),
    );
  });

  test("our tags are first, not the caller's to set, and hold only what a tag may", async () => {
    const { body } = await wire(
      outgoing({
        account: "acme corp/é",
        tags: [
          { name: "postern_id", value: "forged" },
          { name: "kept", value: "yes" },
        ],
        metadata: { order: "Nº 7/42", kept: "no", empty: "" },
      }),
    );
    expect(body.EmailTags).toEqual([
      { Name: "postern_id", Value: outgoing().id },
      { Name: "postern_account", Value: "acme_corp__" },
      { Name: "postern_stream", Value: "transactional" },
      { Name: "kept", Value: "yes" },
      { Name: "order", Value: "N__7_42" },
    ]);
  });

  test("there are 50 tags at most, ours among them", async () => {
    const tags = Array.from({ length: 50 }, (_, at) => ({ name: `t${at}`, value: "x" }));
    const { body } = await wire(outgoing({ tags }));
    expect(body.EmailTags).toHaveLength(50);
    expect(body.EmailTags[0].Name).toBe("postern_id");
    expect(body.EmailTags.at(-1).Name).toBe("t46");
  });

  test("opens and clicks are tracked only if the stream asks, each by itself", async () => {
    const tracking = async (opens: boolean, clicks: boolean) => {
      const extras = { opens, clicks, unsubscribe: false };
      return (await wire(outgoing({ extras }))).body.ConfigurationOverrides.Tracking;
    };
    expect(await tracking(true, false)).toEqual({
      OpenTrackingEnabled: "ENABLED",
      ClickTrackingEnabled: "DISABLED",
    });
    expect(await tracking(false, true)).toEqual({
      OpenTrackingEnabled: "DISABLED",
      ClickTrackingEnabled: "ENABLED",
    });
  });

  test("SES manages unsubscribing only with a contact list, for streams that ask", async () => {
    const headers = { "List-Unsubscribe": "<https://acme.example/u>", "X-A": "1" };
    const asks = outgoing({ headers, extras: { opens: false, clicks: false, unsubscribe: true } });
    const list = { contact_list: "Readers", contact_list_topic: "news" };
    const managed = (await wire(asks, list)).body;
    expect(managed.ListManagementOptions).toEqual({
      ContactListName: "Readers",
      TopicName: "news",
    });
    expect(managed.Content.Simple.Headers).toEqual([{ Name: "X-A", Value: "1" }]);
    for (const [message, fields] of [
      [asks, {}],
      [outgoing({ headers }), list],
    ] as const) {
      const { body } = await wire(message, fields);
      expect(body).not.toHaveProperty("ListManagementOptions");
      expect(body.Content.Simple.Headers).toHaveLength(2);
    }
  });

  test("the source's configuration set, identity and tenant go along", async () => {
    const arn = "arn:aws:ses:eu-west-1:123456789012:identity/acme.example";
    const { body } = await wire(outgoing(), {
      configuration_set: "postern",
      identity_arn: arn,
      tenant: "acme",
    });
    expect(body).toMatchObject({
      ConfigurationSetName: "postern",
      FromEmailAddressIdentityArn: arn,
      TenantName: "acme",
    });
  });
});
