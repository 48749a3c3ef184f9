/** The queue of Cloudflare's events, as the Worker consumes it. */
import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import type { JournalBody } from "../../src/core/custody.ts";
import { consumeDead, redrive } from "../../src/feedback/dead.ts";
import { consumeEvents } from "../../src/feedback/event-queue.ts";
import { consumeJournal } from "../../src/feedback/ingest.ts";
import { cloudflareSources } from "../../src/services/events.ts";
import { deadServices, eventServices, journalServices } from "../../src/services.ts";
import { until } from "../support/worker/client.ts";

const event = (messageId: string, name = "delivered") => ({
  type: `cf.email.sending.message.${name}`,
  source: { type: "email.sending", zoneId: "0", domain: "example.com" },
  payload: {
    eventId: `event-${messageId}`,
    messageId,
    recipient: "ann@example.net",
    terminal: true,
    delivery: { smtpEnhancedStatusCode: "2.0.0", smtpResponse: "250 2.0.0 OK" },
  },
  metadata: { eventTimestamp: "2026-11-05T02:48:57.132Z" },
});

const keptAside = async (): Promise<string> => {
  const { objects } = await env.CONTENT.list();
  const dead = objects.filter(({ key }) => !key.startsWith("dead/"));
  const texts = dead.map(async ({ key }) => (await env.CONTENT.get(key))?.text() ?? "");
  return (await Promise.all(texts)).join("\n");
};

describe("an event that Cloudflare publishes", () => {
  test("is kept as it came while no source of its provider is configured", async () => {
    const id = `kept-${crypto.randomUUID()}`;
    await env.EVENTS.send(event(id), { contentType: "json" });
    const text = await until(keptAside, (all) => all.includes(id));
    expect(text).toContain("2.0.0");
  });

  test("settles the mail that a source sent under the service's id", async () => {
    const own = withSources({ mail: { provider: "cloudflare" } });
    const [id, key] = [`m-${crypto.randomUUID()}`, `key-${crypto.randomUUID()}`];
    await consumeJournal([told(sentBy("mail", id, key))], journalServices(own));
    expect(await stateOf(id)).toBe("sent");
    await consumeEvents([told(event(key))], eventServices(own));
    expect(
      await until(
        () => stateOf(id),
        (state) => state !== "sent",
      ),
    ).toBe("delivered");
  });

  test("that died goes back to its queue and is read there", async () => {
    const id = `dead-${crypto.randomUUID()}`;
    await consumeDead([told(event(id))], deadServices(env));
    expect(await redrive(deadServices(env))).toBeGreaterThanOrEqual(1);
    await until(keptAside, (all) => all.includes(id));
  });
});

test("an event belongs to the source that names its domain, else to those that name none", () => {
  const of = (domain: string, sources: Readonly<Record<string, string[]>>) => {
    const all = Object.entries(sources).map(([name, domains]) => [
      name,
      { provider: "cloudflare", domains },
    ]);
    const others = { ses: { provider: "ses" }, ...Object.fromEntries(all) };
    return cloudflareSources({ sources: others }, domain);
  };
  expect(of("a.example", { only: [] })).toEqual(["only"]);
  expect(of("a.example", { one: ["a.example"], two: ["b.example"] })).toEqual(["one"]);
  expect(of("b.example", { one: ["a.example"], rest: [] })).toEqual(["rest"]);
  expect(of("b.example", { one: [], two: [] })).toEqual(["one", "two"]);
  expect(of("c.example", { one: ["a.example"] })).toEqual([]);
  expect(of("a.example", {})).toEqual([]);
});

const told = (body: unknown) => ({
  id: crypto.randomUUID(),
  timestamp: new Date(),
  body,
  attempts: 1,
  ack: () => {},
  retry: () => {},
});

/** The bindings, with these sources and nothing else configured. */
const withSources = (sources: object): typeof env => ({ ...env, POSTERN: { sources } });

/** What an Outbox journals of a message that a source accepted. */
function sentBy(source: string, id: string, providerMessageId: string): JournalBody {
  const address = {
    mailbox: "ann@example.net",
    address: "ann@example.net",
    domain: "example.net",
    hash: "h",
    kind: "to",
  };
  const envelope = {
    from: "shop@example.com",
    fromDomain: "example.com",
    replyTo: [],
    subject: "Hello",
    tags: [],
    size: 0,
    attachments: 0,
    stream: "transactional",
    lane: "transactional",
    createdAt: Date.now(),
    expiresAt: Date.now() + 60_000,
  };
  const head = { envelope, addressees: [address] };
  const unit = {
    id,
    rev: 1,
    open: false,
    head: JSON.stringify(head),
    source,
    providerMessageId,
    recipients: [{ state: "sent" as const, at: Date.now(), code: "", text: "" }],
    timeline: [],
  };
  return { v: 1, kind: "units", account: "other~test", shard: 0, units: [unit] };
}

async function stateOf(id: string): Promise<string> {
  const row = await env.DB.prepare("SELECT state FROM recipient WHERE message_id = ?")
    .bind(id)
    .first<{ state: string }>();
  return row?.state ?? "";
}
