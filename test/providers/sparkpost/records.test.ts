import { describe, expect, test } from "vitest";
import type { Provider } from "../../../src/providers/provider.ts";
import { readEvent } from "../../../src/providers/sparkpost/events.ts";
import { sparkpost } from "../../../src/providers/sparkpost/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL } from "../../contract/messages.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { sparkpostEmulator } from "../../emulator/sparkpost.ts";

const under = { definition: sparkpost, emulator: sparkpostEmulator };
const MINUTE_MS = 60_000;
const NOW = Date.parse("2027-01-15T08:00:30Z");

async function withEmulator(
  act: (provider: Provider, emulator: Emulator) => Promise<void>,
): Promise<void> {
  const emulator = await sparkpostEmulator.start();
  try {
    await act(makeProvider(under, emulator), emulator);
  } finally {
    await emulator.close();
  }
}

/** An Events API with a delivery at each of these times, and the queries that it is asked. */
function recorded(times: readonly number[]) {
  const asked: string[] = [];
  const fetched = (url: RequestInfo | URL) => {
    const query = new URL(String(url)).searchParams;
    const timeOf = (name: string) => Date.parse(`${query.get(name)}:00Z`);
    asked.push(`${query.get("from")} ${query.get("to")}`);
    const found = times.filter((at) => at >= timeOf("from") && at < timeOf("to"));
    const results = found
      .sort((a, b) => b - a)
      .slice(0, Number(query.get("per_page")))
      .map((at) => ({
        type: "delivery",
        timestamp: new Date(at).toISOString(),
        raw_rcpt_to: "a@x.example",
        rcpt_meta: { postern_id: String(at) },
      }));
    return Promise.resolve(Response.json({ results, total_count: found.length }));
  };
  return { asked, deps: depsFor(5000, { fetch: fetched, now: () => NOW }) };
}

describe("SparkPost's records", () => {
  test("events since a time are read, with our id and the address as it was given", async () => {
    await withEmulator(async (provider) => {
      const since = Date.now() - 1000;
      await provider.send(FULL, depsFor());
      const inTwoMinutes = () => Date.now() + 2 * MINUTE_MS;
      const events = await provider.eventsSince?.(since, depsFor(5000, { now: inTwoMinutes }));
      const list = events?.ok ? events.value : [];
      expect(list).toHaveLength(4);
      expect(list[2]).toMatchObject({
        messageId: FULL.id,
        address: "cc.person@xn--bcher-kva.example",
        type: "delivered",
      });
      // The last minute is still open.
      expect(await provider.eventsSince?.(Date.now(), depsFor())).toEqual({ ok: true, value: [] });
    });
  });

  test("the oldest come first, however many there are", async () => {
    await withEmulator(async (provider) => {
      const start = NOW - 1000 * MINUTE_MS;
      const times = Array.from({ length: 3000 }, (_, no) => start + no * 20_000);
      const { asked, deps } = recorded(times);
      const seen = new Set<string>();
      let since = start;
      for (let call = 0; call < 8; call++) {
        const found = await provider.eventsSince?.(since, deps);
        const list = found?.ok ? found.value : [];
        expect(list.map(({ at }) => at)).toEqual(list.map(({ at }) => at).sort((a, b) => a - b));
        for (const { messageId } of list) seen.add(messageId);
        since = (list.at(-1)?.at ?? since) + 1;
      }
      const told = times.filter((at) => at < NOW - 90_000);
      expect([...seen].map(Number)).toEqual(told);
      expect(asked.length).toBeLessThan(30);
    });
  });

  test("a busy time that is nothing to us does not hide what comes after it", async () => {
    await withEmulator(async (provider) => {
      const late = Array.from({ length: 1500 }, (_, no) => NOW - 10 * MINUTE_MS + no * 200);
      const { deps } = recorded(late);
      const found = await provider.eventsSince?.(0, deps);
      expect(found?.ok && found.value[0]?.at).toBe(late[0]);
    });
  });

  test("what came before, in the same minute, is not told again", async () => {
    await withEmulator(async (provider) => {
      const since = NOW - 5 * MINUTE_MS;
      const found = await provider.eventsSince?.(since, recorded([since - 1, since]).deps);
      expect(found).toMatchObject({ ok: true, value: [{ at: since }] });
    });
  });

  test("of one minute, a page is given; without an end to the search, none", async () => {
    await withEmulator(async (provider) => {
      const since = NOW - 3 * MINUTE_MS;
      const times = Array.from({ length: 1200 }, (_, no) => since + no);
      const found = await provider.eventsSince?.(since, recorded(times).deps);
      expect(found?.ok && found.value).toHaveLength(1000);
      const endless = () => Promise.resolve(Response.json({ results: [], total_count: 9999 }));
      const deps = depsFor(5000, { fetch: endless, now: () => NOW });
      expect(await provider.eventsSince?.(0, deps)).toMatchObject({ ok: false });
    });
  });

  test("the verified domains that are not blocked are those that may send", async () => {
    await withEmulator(async (provider) => {
      const value = ["acme.example", "second.acme.example"];
      expect(await provider.identities?.(depsFor())).toEqual({ ok: true, value });
    });
  });

  test("a refusal, or an answer of another shape, leaves a question open", async () => {
    await withEmulator(async (provider) => {
      for (const answer of [new Response("{}", { status: 403 }), Response.json({})]) {
        const deps = depsFor(1000, { fetch: () => Promise.resolve(answer.clone()) });
        expect(await provider.identities?.(deps)).toMatchObject({ ok: false });
        expect(await provider.eventsSince?.(0, deps)).toMatchObject({ ok: false });
      }
    });
  });

  test("each region has its address, and a given address goes before it", async () => {
    const asked: string[] = [];
    const fetched = (url: RequestInfo | URL) => {
      asked.push(new URL(String(url)).host);
      return Promise.resolve(Response.json({ results: [] }));
    };
    await withEmulator(async (_, emulator) => {
      for (const fields of [
        { base_url: undefined },
        { base_url: undefined, region: "eu" },
        { base_url: "https://mail.example/", region: "eu" },
      ]) {
        const provider = makeProvider(under, emulator, fields);
        await provider.identities?.(depsFor(1000, { fetch: fetched }));
      }
    });
    expect(asked).toEqual(["api.sparkpost.com", "api.eu.sparkpost.com", "mail.example"]);
  });
});

describe("SparkPost's events in our vocabulary", () => {
  const base = {
    timestamp: "2016-04-18T14:25:07.000+00:00",
    rcpt_to: "jane@x.example",
    raw_rcpt_to: "Jane@x.example",
    rcpt_meta: { postern_id: "id-1" },
  };
  const read = (fields: object) => readEvent({ ...base, ...fields });
  const suppressed = "554 5.7.1 [internal] recipient address suppressed due to customer policy";

  test.each([
    ["delivery", "delivered", { type: "delivery" }, "delivery"],
    ["delay", "deferred", { type: "delay", bounce_class: "20", error_code: "451" }, "20"],
    ["a hard bounce", "bounced", { type: "bounce", bounce_class: "10" }, "10"],
    ["a soft bounce", "bounced", { type: "bounce", bounce_class: "22" }, "22"],
    ["a block", "bounced", { type: "bounce", bounce_class: "51" }, "51"],
    ["a later bounce", "bounced", { type: "out_of_band", bounce_class: 30 }, "30"],
    ["a later delay", "deferred", { type: "out_of_band", bounce_class: "70" }, "70"],
    ["an admin failure", "failed", { type: "bounce", bounce_class: "25", reason: "x" }, "25"],
    [
      "a suppressed recipient",
      "suppressed",
      { type: "bounce", bounce_class: "25", raw_reason: suppressed },
      "25",
    ],
    [
      "a policy rejection for suppression",
      "suppressed",
      { type: "policy_rejection", error_code: "554", reason: suppressed },
      "554",
    ],
    ["a policy rejection", "failed", { type: "policy_rejection", error_code: "550" }, "550"],
    ["a generation failure", "failed", { type: "generation_failure" }, "generation_failure"],
    ["a generation rejection", "failed", { type: "generation_rejection" }, "generation_rejection"],
    ["a complaint", "complained", { type: "spam_complaint" }, "spam_complaint"],
  ])("%s is %s", (_, type, fields, code) => {
    const at = Date.parse("2016-04-18T14:25:07Z");
    const address = "Jane@x.example";
    expect(read(fields)).toMatchObject({ messageId: "id-1", address, type, code, at });
  });

  test("a time in seconds is read as well, as webhooks have it", () => {
    const at = 1_460_989_507_000;
    expect(read({ type: "delivery", timestamp: "1460989507" })).toMatchObject({ at });
  });

  test("no address is in a text", () => {
    const reason = "550 5.1.1 <Jane@x.example> unknown";
    const event = read({ type: "bounce", bounce_class: "10", raw_reason: reason });
    expect(event?.text).toBe("550 5.1.1 [address] unknown");
  });

  test("what is not ours or says nothing of a delivery is nothing", () => {
    for (const type of ["injection", "open", "click", "list_unsubscribe", "new", undefined]) {
      expect(read({ type })).toBeNull();
    }
    for (const bounce_class of ["60", "80", "100"]) {
      expect(read({ type: "out_of_band", bounce_class })).toBeNull();
    }
    expect(read({ type: "delivery", rcpt_meta: {} })).toBeNull();
    expect(read({ type: "delivery", timestamp: "soon" })).toBeNull();
    expect(read({ type: "delivery", rcpt_to: "", raw_rcpt_to: "" })).toBeNull();
    for (const other of [null, "x", [], 1]) expect(readEvent(other)).toBeNull();
  });
});
