import { beforeAll, describe, expect, test } from "vitest";
import { Client, email, refused, request, unknownKey } from "../support/worker/client.ts";

const MEGABYTE = 1024 * 1024;
const people = (count: number, label = "a"): string[] =>
  Array.from({ length: count }, (_, n) => `delivered+${label}${n}@sandbox.test`);

let client: Client;
let live: Client;
beforeAll(async () => {
  client = await Client.make();
  live = await Client.make({ mode: "live" });
});

/** Runs a request and expects that nothing was accepted by it, neither test nor live. */
async function nothingAccepted(run: () => Promise<void>): Promise<void> {
  const before = await Promise.all([client.ledger(), live.ledger()]);
  await run();
  expect(await Promise.all([client.ledger(), live.ledger()])).toEqual(before);
}

const json = { "content-type": "application/json" };
const raw = (token: string | undefined, body: BodyInit, headers: Record<string, string> = json) =>
  request("/emails", { method: "POST", headers, body, ...(token === undefined ? {} : { token }) });

describe("an email that is wrong is refused, told why, and nothing is accepted", () => {
  type Case = [what: string, body: unknown, status: number, name: string, message: RegExp];
  const field = (what: string, given: object, message: RegExp): Case => [
    what,
    email(given as Record<string, unknown>),
    400,
    "validation_error",
    message,
  ];
  const parameter = (what: string, given: object, message: RegExp): Case => [
    what,
    email(given as Record<string, unknown>),
    422,
    "invalid_parameter",
    message,
  ];
  const missing = (what: string, body: unknown, message: RegExp): Case => [
    what,
    body,
    422,
    "missing_required_field",
    message,
  ];
  const line = /must not contain line breaks/;
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, "x"]));
  const headerName = /header name is printable ASCII/;
  const soon = (ms: number): string => new Date(Date.now() + ms).toISOString();

  const cases: Case[] = [
    ["malformed JSON", '{"from":', 400, "validation_error", /not valid JSON/],
    ["an empty body", "", 400, "validation_error", /not valid JSON/],
    ["an array", [], 400, "validation_error", /JSON object/i],
    ["null", "null", 400, "validation_error", /JSON object/i],
    missing("no from", email({ from: undefined }), /^Missing `from` field\.$/),
    missing("no to", email({ to: undefined }), /^Missing `to` field\.$/),
    missing("no subject", email({ subject: undefined }), /^Missing `subject` field\.$/),
    missing("nobody in to", email({ to: [] }), /`to` field needs at least one/),
    missing("neither html nor text", email({ text: undefined }), /`html` or `text`/),
    parameter("51 recipients in to", { to: people(51) }, /at most 50 recipients/),
    parameter(
      "51 altogether",
      { to: people(20), cc: people(20, "b"), bcc: people(11, "c") },
      /at most 50/,
    ),
    parameter("a field it does not know", { scheduledAt: "tomorrow" }, /`scheduledAt`/),
    parameter("a stream that is not there", { stream: "news" }, /`stream`.*transactional/),
    parameter("a stream named as objects' own", { stream: "constructor" }, /no such `stream`/),
    field("a subject that is a number", { subject: 5 }, /`subject`/),
    field("CR LF in the subject", { subject: "Hi\r\nBcc: eve@evil.example" }, line),
    field("LF in the subject", { subject: "Hi\nthere" }, line),
    field("NUL in the subject", { subject: "Hi\u0000" }, line),
    field("a subject too long", { subject: "x".repeat(999) }, /`subject`/),
    field("CR LF in a header's value", { headers: { "X-A": "b\r\nBcc: e@evil.example" } }, line),
    field("CR LF in a header's name", { headers: { "X-A\r\nBcc": "e" } }, headerName),
    field("a colon in a header's name", { headers: { "X-A:b": "e" } }, headerName),
    field("a header of Postern's own", { headers: { "dkim-Signature": "v=1" } }, /Postern writes/),
    field("a header that steers a provider", { headers: { "x-SMTPAPI": "{}" } }, /gives orders/),
    field("another one", { headers: { "X-MSYS-API": "{}" } }, /gives orders/),
    field("metadata under our own name", { metadata: { postern_id: "1" } }, /A-Z, a-z/),
    field("a line break in metadata", { metadata: { a: "b\r\nc" } }, line),
    field("too long metadata", { metadata: { a: "b".repeat(81) } }, /80/),
    field("too many metadata", { metadata: many(9) }, /8 metadata fields/),
    field("Bcc as a header", { headers: { BCC: "eve@evil.example" } }, /Postern writes/),
    field("CR LF in an address", { to: "a@b.example\r\nBcc: e@evil.example" }, /`to`.*line breaks/),
    field("CR LF in from's name", { from: "A\r\nB <a@example.com>" }, /`from`.*line breaks/),
    field("an address without a domain", { to: "nobody" }, /Invalid `to` field: expected/),
    field("an address literal", { cc: "a@[127.0.0.1]" }, /Invalid `cc` field/),
    field("an empty bcc", { bcc: [""] }, /Invalid `bcc` field/),
    field("reply_to that is no mailbox", { reply_to: "x" }, /Invalid `reply_to` field/),
    field("a tag with a space", { tags: [{ name: "a b", value: "c" }] }, /tags\.0\.name/),
    field("on_unknown that is neither", { on_unknown: "drop" }, /on_unknown/),
    field("expires_at in the past", { expires_at: soon(-1_000) }, /lie in the future/),
    field("expires_at in 31 days", { expires_at: soon(31 * 86_400_000) }, /at most 30 days/),
    field("expires_at that is no date", { expires_at: "tomorrow" }, /expires_at/),
    [
      "an attachment that is not base64",
      email({ attachments: [{ filename: "a.txt", content: "not base64!" }] }),
      422,
      "invalid_attachment",
      /attachments\.0.*base64/,
    ],
    [
      "an attachment from an inner address",
      email({ attachments: [{ filename: "a", path: "http://127.0.0.1/a" }] }),
      422,
      "invalid_attachment",
      /attachments\.0/,
    ],
  ];

  test.each(cases)("%s", async (_what, body, status, name, message) => {
    await nothingAccepted(async () => {
      await refused(await client.post("/emails", body), status, name, message);
    });
  });

  test("a message of an error quotes no address", async () => {
    const response = await client.post("/emails", email({ to: "jane.roe@@b.example" }));
    expect(await response.text()).not.toContain("jane");
  });

  test("a live key's From domain that is not listed for its account", async () => {
    const told = [403, "validation_error", /unlisted\.example.*`domains`/] as const;
    await nothingAccepted(async () => {
      const from = "a@unlisted.example";
      await refused(await live.post("/emails", email({ from })), ...told);
      await refused(await live.post("/emails/batch", [email({ from })]), ...told);
      const below = email({ from: "a@sub.example.com" });
      expect((await live.post("/emails", below)).status).toBe(403);
    });
  });
});

describe("a request that is wrong", () => {
  test.each(["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])(
    "content type %j",
    async (type) => {
      const body = new TextEncoder().encode(JSON.stringify(email()));
      const response = await raw(client.token, body, type === "" ? {} : { "content-type": type });
      await refused(response, 415, "unsupported_media_type", /application\/json/);
    },
  );

  test("content type with a charset is right", async () => {
    const headers = { "content-type": "Application/JSON; charset=utf-8" };
    const body = JSON.stringify(email());
    expect((await raw(client.token, body, headers)).status).toBe(200);
  });

  test("a body over the limit, declared or counted as it comes", async () => {
    const chunk = new Uint8Array(MEGABYTE).fill(0x20);
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1;
        controller.enqueue(chunk);
      },
    });
    const told = [413, "payload_too_large", /larger than 10 MB/] as const;
    await nothingAccepted(async () => {
      await refused(await raw(client.token, " ".repeat(11 * MEGABYTE)), ...told);
      await refused(await raw(client.token, endless), ...told);
      // What follows is thrown away, and not for ever: this body has no end.
      expect(sent).toBeLessThan(150);
    });
  });

  test.each([
    ["none", undefined, 401, "missing_api_key"],
    ["not ours", "re_123456789", 403, "invalid_api_key"],
    ["a wrong checksum", `post_test_${"a".repeat(30)}`, 403, "invalid_api_key"],
    ["too long", `post_test_${"a".repeat(5_000)}`, 403, "invalid_api_key"],
  ])("API key: %s", async (_what, token, status, name) => {
    await refused(await raw(token, JSON.stringify(email())), status, name, /API key/);
  });

  test("API key: right in form, and nobody made it", async () => {
    const response = await raw(await unknownKey(), JSON.stringify(email()));
    await refused(response, 403, "invalid_api_key", /not valid/);
  });

  test("API key: one of test mode changed into a live one", async () => {
    const forged = client.token.replace("post_test_", "post_live_");
    await refused(await raw(forged, JSON.stringify(email())), 403, "invalid_api_key", /not valid/);
  });

  test.each(["Basic abc", "Bearer", "Bearer a b", "post_test_x"])(
    "an Authorization header of another form: %s",
    async (authorization) => {
      const response = await raw(undefined, JSON.stringify(email()), { ...json, authorization });
      await refused(response, 401, "missing_api_key", /Bearer/);
    },
  );

  test.each([
    ["that is empty", ""],
    ["that is quoted and empty", '""'],
    ["of 257 characters", "x".repeat(257)],
  ])("an idempotency key %s", async (_what, key) => {
    await nothingAccepted(async () => {
      const response = await client.post("/emails", email(), { "idempotency-key": key });
      await refused(response, 400, "invalid_idempotency_key", /1 to 256 characters/);
    });
  });

  test("a key that may only send reads nothing", async () => {
    const sender = await Client.make({ permission: "sending_access" });
    const id = await sender.send();
    for (const path of ["/emails", `/emails/${id}`, "/ledger"]) {
      const response = await sender.get(path);
      await refused(response, 401, "restricted_api_key", /only send/);
    }
    const paused = await sender.post("/streams/transactional/pause", {});
    await refused(paused, 401, "restricted_api_key", /only send/);
  });

  test("a path or a method that is not there", async () => {
    const { token } = client;
    for (const path of ["/", "/email", "/emails/a/b", "/emails/batch/x"]) {
      await refused(await request(path, { token }), 404, "not_found", /nothing at this path/);
    }
    for (const [method, path] of [
      ["PUT", "/emails"],
      ["DELETE", "/emails/x"],
      ["PATCH", "/emails/batch"],
      ["GET", "/streams/transactional/pause"],
    ] as const) {
      const response = await request(path, { token, method });
      // RFC 9110 section 15.5.6: the answer lists what the path does take.
      expect(response.headers.get("allow"), `${method} ${path}`).toMatch(/GET|POST/);
      await refused(response, 405, "method_not_allowed", /method/);
    }
  });

  test("an id that was not made here for this account", async () => {
    const id = await client.send();
    const other = await Client.make({ account: "other" });
    for (const [who, asked] of [
      [client, "00000000-0000-7000-8000-000000000000"],
      [client, "not-an-id"],
      // One bit of its random part is another.
      [client, id.replace(/^(.{27})(.)/, (_, head, digit) => head + (digit === "0" ? "4" : "0"))],
      [other, id],
      [live, id],
    ] as const) {
      await refused(await who.get(`/emails/${asked}`), 404, "not_found", /no email/);
    }
    expect((await client.get(`/emails/${id.toUpperCase()}`)).status).toBe(200);
  });
});

describe("a batch that is wrong", () => {
  test.each([
    ["empty", []],
    ["of 101", Array.from({ length: 101 }, () => email())],
    ["that is one email", email()],
  ])("%s", async (_what, body) => {
    await nothingAccepted(async () => {
      const response = await client.post("/emails/batch", body);
      await refused(response, 422, "invalid_parameter", /array of 1 to 100/);
    });
  });

  test("in one place only: nothing of it is accepted, and the place is told", async () => {
    await nothingAccepted(async () => {
      const emails = [email(), email({ to: "nobody" }), email()];
      const response = await client.post("/emails/batch", emails);
      await refused(response, 400, "validation_error", /^Email 1: Invalid `to` field/);
    });
  });
});
