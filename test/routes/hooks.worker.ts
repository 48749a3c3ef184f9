import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { Client, email, refused, request, until } from "../support/worker/client.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make();
});

const AUTH = { authorization: `Basic ${btoa("hook:sesame")}` };

const event = (id: string, RecordType: string, given: object = {}) => ({
  RecordType,
  MessageID: "pm-1",
  Recipient: "delivered@sandbox.test",
  Metadata: { postern_id: id, postern_account: client.scope },
  DeliveredAt: new Date().toISOString(),
  Details: "smtp;250 2.0.0 OK",
  ...given,
});

const hook = (body: unknown, headers: Record<string, string> = AUTH, source = "reporting") =>
  request(`/hooks/${source}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });

const kept = async (prefix: string): Promise<number> =>
  (await env.CONTENT.list({ prefix })).objects.length;

describe("POST /hooks/:source", () => {
  test("takes a proven event over, and the email shows what it says", async () => {
    const id = await client.send();
    await client.when(id, "delivered");
    const spam = event(id, "SpamComplaint", {
      Type: "SpamComplaint",
      Email: "delivered@sandbox.test",
    });
    const response = await hook(spam);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ events: 1, unknown: 0 });
    const read = await until(
      () => client.read(id),
      (one) => one.last_event === "complained",
    );
    expect(read.recipients).toMatchObject([{ state: "delivered", complained: true }]);
    const shown = await client.get(`/emails/${id}/events`);
    const list: { data: { raw: string }[] } = await shown.json();
    expect(list).toMatchObject({ data: [{ type: "complained", source: "reporting" }] });
    expect(JSON.parse(list.data[0]?.raw ?? "")).toMatchObject({ RecordType: "SpamComplaint" });
  });

  test("counts distinct opens and clicks, however often each is reported", async () => {
    const id = await client.send();
    await client.when(id, "delivered");
    const open = event(id, "Open", { ReceivedAt: "2026-11-05T10:00:00Z", DeliveredAt: "" });
    const later = { ...open, ReceivedAt: "2026-11-05T11:00:00Z" };
    const click = { ...open, RecordType: "Click", OriginalLink: "https://example.com/a" };
    for (const one of [open, later, open, click, click]) expect((await hook(one)).status).toBe(200);
    const read = await until(
      () => client.read(id),
      (one) => one.last_event === "clicked" && one.recipients[0]?.opens === 2,
    );
    expect(read.recipients).toMatchObject([{ opens: 2, clicks: 1 }]);
  });

  test("takes an event of a message that is still waiting to be recorded", async () => {
    await client.post("/streams/broadcast/pause", "");
    const id = await client.send({ stream: "broadcast" });
    expect((await hook(event(id, "Delivery"))).status).toBe(200);
    await until(
      () => env.DB.prepare("SELECT 1 FROM recipient WHERE message_id = ?").bind(id).first(),
      (row) => row !== null,
    );
    await client.post("/streams/broadcast/resume", "");
    await client.quiet();
    expect(await client.read(id)).toMatchObject({ last_event: "delivered", subject: "Hello" });
  });

  test("leaves nothing behind when it refuses", async () => {
    const id = await client.send();
    await client.when(id, "delivered");
    await client.quiet();
    const before = JSON.stringify(await client.read(id));
    const complaint = event(id, "SpamComplaint", { Type: "SpamComplaint" });
    const wrong = { authorization: `Basic ${btoa("hook:guess")}` };
    await refused(await hook(complaint, {}), 401, "invalid_signature", /no credentials/);
    await refused(await hook(complaint, wrong), 401, "invalid_signature", /not known/);
    await refused(await hook(complaint, AUTH, "silent"), 401, "invalid_signature", /webhook/);
    await refused(await hook(complaint, AUTH, "unset"), 401, "invalid_signature", /is not set/);
    await refused(await hook(complaint, AUTH, "nowhere"), 404, "not_found", /source/);
    await refused(await hook(complaint, AUTH, "sandbox"), 404, "not_found", /source/);
    await refused(await hook(complaint, AUTH, "constructor"), 404, "not_found", /source/);
    await refused(await hook("{"), 400, "validation_error", /cannot be read/);
    await refused(await hook("[".repeat(10_000)), 400, "validation_error", /nested/);
    const large = { ...complaint, Content: "x".repeat(1_100_000) };
    await refused(await hook(large), 413, "payload_too_large", /larger/);
    await client.send();
    await client.quiet();
    expect(JSON.stringify(await client.read(id))).toBe(before);
  });

  test("keeps what no table has as it came, and answers that it is taken", async () => {
    const before = await kept("unknown/");
    const response = await hook({ RecordType: "SomethingNew", MessageID: "x" });
    expect(await response.json()).toMatchObject({ events: 0, unknown: 1 });
    await until(
      () => kept("unknown/"),
      (count) => count > before,
    );
  });

  test("takes no word about another account's mail, nor about mail that is none", async () => {
    const other = await Client.make({ account: "other" });
    const id = await other.send({ from: "news@other.example" });
    await other.when(id, "delivered");
    await other.quiet();
    const before = JSON.stringify(await other.read(id));
    const complaint = event(id, "SpamComplaint", { Type: "SpamComplaint" });
    const nobody = event("0199b2a4-1c00-7000-8000-000000000001", "Delivery");
    const stranger = { ...event(id, "Delivery"), Metadata: {} };
    for (const one of [complaint, nobody, stranger]) expect((await hook(one)).status).toBe(200);
    const own = await client.send();
    await client.when(own, "delivered");
    expect((await hook(event(own, "Open", { DeliveredAt: new Date().toISOString() }))).status).toBe(
      200,
    );
    await until(
      () => client.read(own),
      (one) => one.last_event === "opened",
    );
    expect(JSON.stringify(await other.read(id))).toBe(before);
    const rows = await env.DB.prepare("SELECT 1 FROM recipient WHERE message_id = ?")
      .bind("0199b2a4-1c00-7000-8000-000000000001")
      .all();
    expect(rows.results).toEqual([]);
  });

  test("of a message to several, an event is about the one it names", async () => {
    const to = ["delivered+a@sandbox.test", "delivered+b@sandbox.test"];
    const id = await client.send(email({ to }));
    await client.when(id, "delivered");
    const spam = event(id, "SpamComplaint", {
      Type: "SpamComplaint",
      Recipient: "",
      Email: "Delivered+B@sandbox.test",
    });
    const stranger = { ...spam, Email: "who@example.org" };
    for (const one of [spam, stranger]) expect((await hook(one)).status).toBe(200);
    const read = await until(
      () => client.read(id),
      (one) => one.last_event === "complained",
    );
    expect(read.recipients.map((one) => one.complained === true)).toEqual([false, true]);
  });
});
