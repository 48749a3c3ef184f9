import { describe, expect, test } from "vitest";
import { readEvent } from "../../../src/providers/mailgun/events.ts";
import { mailgun } from "../../../src/providers/mailgun/send.ts";
import type { Provider } from "../../../src/providers/provider.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL, outgoing } from "../../contract/messages.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { mailgunEmulator } from "../../emulator/mailgun.ts";

const under = { definition: mailgun, emulator: mailgunEmulator };

async function withEmulator(
  act: (provider: Provider, emulator: Emulator) => Promise<void>,
): Promise<void> {
  const emulator = await mailgunEmulator.start();
  try {
    await act(makeProvider(under, emulator), emulator);
  } finally {
    await emulator.close();
  }
}

describe("Mailgun's records", () => {
  const sought = outgoing({ createdAt: Date.now() });

  test("a message is found by its Message-ID, in a form or built, and no other is", async () => {
    await withEmulator(async (provider) => {
      const none = { ok: true, value: { kind: "none" } };
      expect(await provider.lookup?.(sought, depsFor())).toEqual(none);
      await provider.send(sought, depsFor());
      const found = { kind: "accepted", providerMessageId: sought.messageId };
      expect(await provider.lookup?.(sought, depsFor())).toEqual({ ok: true, value: found });
      const built = {
        ...FULL,
        id: "built",
        messageId: "built@acme.example",
        createdAt: Date.now(),
      };
      expect(await provider.lookup?.(built, depsFor())).toEqual(none);
      await provider.send(built, depsFor());
      expect(await provider.lookup?.(built, depsFor())).toMatchObject({
        value: { providerMessageId: "built@acme.example" },
      });
      // The same Message-ID of somebody else's is not ours.
      expect(await provider.lookup?.({ ...built, id: "another" }, depsFor())).toEqual(none);
    });
  });

  test("events since a time are read from one page", async () => {
    await withEmulator(async (provider) => {
      const since = Date.now() - 1000;
      await provider.send(FULL, depsFor());
      const events = await provider.eventsSince?.(since, depsFor());
      expect(events).toMatchObject({ ok: true });
      const list = events?.ok ? events.value : [];
      expect(list).toHaveLength(4);
      expect(list[0]).toMatchObject({
        messageId: FULL.id,
        address: "jane.roe@customer.example",
        type: "delivered",
        code: "2.0.0",
        text: "OK [address]",
      });
      const later = await provider.eventsSince?.(Date.now() + 60_000, depsFor());
      expect(later).toEqual({ ok: true, value: [] });
    });
  });

  test("pages full of other people's mail are passed over, within one question", async () => {
    const asked: number[] = [];
    const shared = (foreign: number) => (url: RequestInfo | URL) => {
      const begin = Number(new URL(String(url)).searchParams.get("begin"));
      asked.push(begin);
      const ours = { postern_id: "id-1" };
      const items = Array.from({ length: 300 }, (_, index) => ({
        event: "delivered",
        timestamp: begin + index / 300,
        recipient: "ann@a.example",
        "user-variables": begin < 1_000 + foreign ? {} : ours,
      }));
      return Promise.resolve(Response.json({ items }));
    };
    await withEmulator(async (provider) => {
      const found = await provider.eventsSince?.(1e6, depsFor(1000, { fetch: shared(3) }));
      expect(found).toMatchObject({ ok: true, value: { length: 300 } });
      expect(asked).toEqual([1_000, 1_001, 1_002, 1_003]);
      const never = await provider.eventsSince?.(1e6, depsFor(1000, { fetch: shared(99) }));
      expect(never).toMatchObject({ ok: false });
    });
  });

  test("the active domains are those that may send", async () => {
    await withEmulator(async (provider) => {
      const value = ["mg.acme.example", "second.acme.example"];
      expect(await provider.identities?.(depsFor())).toEqual({ ok: true, value });
    });
  });

  test("domains are read page by page until one is not full", async () => {
    const asked: string[] = [];
    const pages = [1000, 1000, 3];
    const paged = (url: RequestInfo | URL) => {
      const skip = Number(new URL(String(url)).searchParams.get("skip"));
      asked.push(String(skip));
      const items = Array.from({ length: pages[skip / 1000] ?? 0 }, (_, index) => ({
        name: `d${skip + index}.example`,
        state: "active",
      }));
      return Promise.resolve(Response.json({ items }));
    };
    await withEmulator(async (provider) => {
      const found = await provider.identities?.(depsFor(1000, { fetch: paged }));
      expect(found?.ok ? found.value.length : 0).toBe(2003);
      expect(asked).toEqual(["0", "1000", "2000"]);
    });
  });

  test("a refused key, or an answer of another shape, leaves a question open", async () => {
    await withEmulator(async (provider) => {
      for (const answer of [new Response("Forbidden", { status: 401 }), Response.json({})]) {
        const fetched = () => Promise.resolve(answer.clone());
        const deps = depsFor(1000, { fetch: fetched });
        expect(await provider.identities?.(deps)).toMatchObject({ ok: false });
        expect(await provider.lookup?.(sought, deps)).toMatchObject({ ok: false });
        expect(await provider.eventsSince?.(0, deps)).toMatchObject({ ok: false });
      }
    });
  });

  test("each region has its address, and a given address goes before it", async () => {
    const asked: string[] = [];
    const fetched = (url: RequestInfo | URL) => {
      asked.push(new URL(String(url)).host);
      return Promise.resolve(Response.json({ items: [] }));
    };
    const deps = depsFor(1000, { fetch: fetched });
    await withEmulator(async (_, emulator) => {
      for (const fields of [
        { base_url: undefined },
        { base_url: undefined, region: "eu" },
        { base_url: "https://mail.example/", region: "eu" },
      ]) {
        await makeProvider(under, emulator, fields).identities?.(deps);
      }
    });
    expect(asked).toEqual(["api.mailgun.net", "api.eu.mailgun.net", "mail.example"]);
  });
});

describe("Mailgun's events in our vocabulary", () => {
  const base = {
    timestamp: 1_521_233_195.375624,
    recipient: "alice@example.com",
    "user-variables": { postern_id: "id-1" },
  };
  const read = (fields: object) => readEvent({ ...base, ...fields });
  const status = (code: number, message = "", more = {}) => ({
    "delivery-status": { code, message, ...more },
  });

  test.each([
    ["delivered", "delivered", { event: "delivered", ...status(250, "OK") }, "250"],
    ["a temporary failure", "deferred", { event: "failed", severity: "temporary" }, ""],
    [
      "a permanent failure",
      "bounced",
      { event: "failed", severity: "permanent", ...status(550, "x", { "enhanced-code": "5.1.1" }) },
      "5.1.1",
    ],
    ["code 605", "suppressed", { event: "failed", severity: "permanent", ...status(605) }, "605"],
    ["code 607", "suppressed", { event: "failed", severity: "permanent", ...status(607) }, "607"],
    [
      "a reason of its own lists",
      "suppressed",
      { event: "failed", severity: "permanent", reason: "suppress-bounce", ...status(0) },
      "0",
    ],
    ["complained", "complained", { event: "complained" }, "complained"],
    ["rejected", "failed", { event: "rejected", reject: { reason: "x" } }, "rejected"],
  ])("%s is %s", (_, type, fields, code) => {
    const address = "alice@example.com";
    expect(read(fields)).toMatchObject([
      { messageId: "id-1", address, type, code, at: 1_521_233_195_376 },
    ]);
  });

  test("a rejection without a recipient concerns all of the To field", () => {
    const message = { headers: { to: 'Ann <a@example.com>, b@example.com, "x' } };
    const events = read({ event: "rejected", recipient: undefined, message });
    expect(events.map(({ address }) => address)).toEqual(["a@example.com", "b@example.com"]);
    const recipients = ["c@example.com"];
    const listed = read({ event: "rejected", recipient: undefined, message: { recipients } });
    expect(listed.map(({ address }) => address)).toEqual(recipients);
  });

  test("no address is in a text", () => {
    const message = "550 5.1.1 <alice@example.com> unknown";
    const [event] = read({ event: "failed", severity: "permanent", ...status(550, message) });
    expect(event?.text).toBe("550 5.1.1 [address] unknown");
  });

  test("what is not ours or says nothing of a delivery is nothing", () => {
    for (const event of ["accepted", "opened", "clicked", "stored", "unsubscribed", "new"]) {
      expect(read({ event })).toEqual([]);
    }
    expect(read({ event: "delivered", "user-variables": {} })).toEqual([]);
    expect(read({ event: "delivered", timestamp: "soon" })).toEqual([]);
    for (const other of [null, "x", [], 1]) expect(readEvent(other)).toEqual([]);
  });
});
