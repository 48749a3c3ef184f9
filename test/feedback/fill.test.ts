import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type JournalBody, jsonBytes } from "../../src/core/custody.ts";
import type { ProviderEvent } from "../../src/core/events.ts";
import { err, ok } from "../../src/core/result.ts";
import {
  FILL_PAGES_MAX,
  type FillDeps,
  fillGaps,
  type Gap,
  RECORDS_LAG_MS,
} from "../../src/feedback/fill.ts";
import { mailgun } from "../../src/providers/mailgun/send.ts";
import type { FeedEvent } from "../../src/providers/provider.ts";
import { depsFor, makeProvider } from "../contract/adapter.ts";
import { FULL } from "../contract/messages.ts";
import { mailgunEmulator } from "../emulator/mailgun.ts";

const NOW = 1_800_000_000_000;
const HOUR = 3_600_000;

const event = (at: number, given: Partial<FeedEvent> = {}): FeedEvent => ({
  messageId: `ours-${at}`,
  account: "acme",
  address: "ann@a.example",
  type: "delivered",
  at,
  code: "2.0.0",
  text: "ok",
  ...given,
});

/** A provider with these records, which gives `page` of them at a time, asked to the second. */
function world(records: readonly FeedEvent[], gap: Partial<Gap> = {}, page = 3) {
  const state = { gap: { source: "mg", fillFrom: NOW - 5 * HOUR, fillUntil: 0, ...gap }, now: NOW };
  const bodies: JournalBody[] = [];
  const asked: number[] = [];
  const logged: [string, Record<string, string | number>][] = [];
  let foreign = 0;
  const deps: FillDeps = {
    now: () => state.now,
    gaps: async () => [state.gap],
    ask: (_, since) => {
      asked.push(since);
      const begin = Math.floor(since / 1_000) * 1_000;
      const found = records.filter(({ at }) => at >= begin && at <= state.now);
      return Promise.resolve(ok(found.toSorted((a, b) => a.at - b.at).slice(0, page)));
    },
    accountOf: async ({ messageId, account = "found" }) =>
      messageId.startsWith("ours") ? account : null,
    classify: ({ hint, code, text }) => ({
      kind: hint?.kind ?? "soft",
      category: code === "5.1.1" && text === "no such user" ? "recipient" : "unknown",
    }),
    journal: async (body) => {
      bodies.push(body);
    },
    recordFill: async (_, to, strangers) => {
      state.gap = { ...state.gap, fillFrom: to };
      foreign += strangers;
    },
    log: (name, fields) => logged.push([name, fields]),
  };
  const events = (): ProviderEvent[] =>
    bodies.flatMap((body) => (body.kind === "events" ? body.events : []));
  return { deps, state, bodies, asked, logged, events, foreign: () => foreign };
}

describe("filling a gap", () => {
  test("puts what the provider recorded on the journal, marked as asked for", async () => {
    const bounce = { kind: "hard" as const };
    const bounced = { type: "bounced", bounce, code: "5.1.1", text: "no such user" } as const;
    const { account, ...nameless } = event(NOW - HOUR + 2_000);
    const records = [event(NOW - HOUR, bounced), nameless];
    const { deps, bodies, events } = world(records);
    await fillGaps(deps);
    expect(bodies[0]).toMatchObject({ v: 1, kind: "events", asked: true });
    expect(events()[0]).toEqual({
      account,
      messageId: `ours-${NOW - HOUR}`,
      recipientNo: null,
      address: "ann@a.example",
      source: "mg",
      type: "bounced",
      at: NOW - HOUR,
      code: "5.1.1",
      text: "no such user",
      bounce: { kind: "hard", category: "recipient" },
    });
    expect(events()[1]).toMatchObject({ account: "found", type: "delivered" });
    expect(events()[1]).not.toHaveProperty("bounce");
  });

  test("of Mailgun has what its records say, each event once in a run", async () => {
    const emulator = await mailgunEmulator.start();
    try {
      const provider = makeProvider({ definition: mailgun, emulator: mailgunEmulator }, emulator);
      const now = Date.now();
      await provider.send(FULL, depsFor());
      const { deps, events } = world([], { fillFrom: now - HOUR });
      const ask: FillDeps["ask"] = (_, since) => provider.eventsSince?.(since, depsFor()) ?? null;
      const accountOf: FillDeps["accountOf"] = async ({ messageId }) =>
        messageId === FULL.id ? "acme" : null;
      await fillGaps({ ...deps, now: Date.now, ask, accountOf });
      expect(events()).toHaveLength(4);
      expect(events()[0]).toMatchObject({ source: "mg", account: "acme", messageId: FULL.id });
      expect(new Set(events().map(({ type }) => type))).toEqual(new Set(["delivered"]));
    } finally {
      await emulator.close();
    }
  });

  test("counts what is not ours and drops it, and goes on behind it", async () => {
    const strangers = Array.from({ length: 5 }, (_, n) =>
      event(NOW - 2 * HOUR + n * 1_500, { messageId: "theirs" }),
    );
    const { deps, events, foreign, logged } = world([...strangers, event(NOW - HOUR)]);
    for (let run = 0; run < 4; run++) await fillGaps(deps);
    expect(new Set(events().map(({ messageId }) => messageId))).toEqual(
      new Set([`ours-${NOW - HOUR}`]),
    );
    // Each once, although the last of a page is asked for again.
    expect(foreign()).toBe(5);
    expect(logged.at(-1)?.[0]).toBe("gap_filled");
  });

  test("reads everything in the end, in a bounded number of pages a run", async () => {
    const times = fc.uniqueArray(fc.integer({ min: 0, max: 4 * 3_600 }), { maxLength: 120 });
    await fc.assert(
      fc.asyncProperty(times, async (seconds) => {
        const records = seconds.map((second) => event(NOW - 4 * HOUR + second * 1_000));
        const { deps, state, asked, events } = world(records);
        for (let run = 0; run < 12; run++) {
          asked.length = 0;
          await fillGaps(deps);
          expect(asked.length).toBeLessThanOrEqual(FILL_PAGES_MAX);
          state.now += 60_000;
        }
        const read = new Set(events().map(({ messageId }) => messageId));
        expect(read).toEqual(new Set(records.map(({ messageId }) => messageId)));
      }),
      { numRuns: 30 },
    );
  });

  test("a provider's clock that is ahead passes over nothing that it will yet record", async () => {
    const { deps, state, events } = world([event(NOW - HOUR)]);
    const ahead = () => Promise.resolve(ok([event(NOW + 9 * HOUR)]));
    await fillGaps({ ...deps, ask: ahead });
    expect(state.gap.fillFrom).toBeLessThanOrEqual(NOW);
    state.gap = { ...state.gap, fillFrom: NOW - 5 * HOUR };
    await fillGaps(deps);
    expect(events().map(({ messageId }) => messageId)).toContain(`ours-${NOW - HOUR}`);
  });

  test("asks again for what the records may still be missing, and for no more", async () => {
    const { deps, state } = world([event(NOW - HOUR), event(NOW - 1_000)]);
    await fillGaps(deps);
    expect(state.gap.fillFrom).toBe(NOW - RECORDS_LAG_MS);
    state.now += 60_000;
    await fillGaps(deps);
    expect(state.gap.fillFrom).toBe(NOW + 60_000 - RECORDS_LAG_MS);
  });

  test("what is recorded late is read, also when a run ends just before now", async () => {
    const times = Array.from(
      { length: 2 * FILL_PAGES_MAX + 1 },
      (_, n) => NOW - 21_000 + n * 1_000,
    );
    const records = times.map((at) => event(at));
    const { deps, state, events } = world(records);
    await fillGaps(deps);
    expect(state.gap.fillFrom).toBeGreaterThan(NOW - RECORDS_LAG_MS);
    records.push(event(NOW - 10 * 60_000));
    for (let run = 0; run < 3; run++) await fillGaps(deps);
    expect(events().map(({ at }) => at)).toContain(NOW - 10 * 60_000);
  });

  test("ends when events have come again and the records of that time are complete", async () => {
    const { deps, state } = world([], { fillUntil: NOW - RECORDS_LAG_MS + 60_000 });
    await fillGaps(deps);
    expect(state.gap.fillFrom).toBeGreaterThan(0);
    state.now += 60_000;
    await fillGaps(deps);
    expect(state.gap.fillFrom).toBe(0);
  });

  test("a second with more than a page of events does not hold up the rest", async () => {
    const busy = Array.from({ length: 9 }, (_, n) => event(NOW - 2 * HOUR + n));
    const { deps, events } = world([...busy, event(NOW - HOUR)]);
    await fillGaps(deps);
    expect(events().map(({ messageId }) => messageId)).toContain(`ours-${NOW - HOUR}`);
  });

  test("a provider that does not answer is asked again from the same place", async () => {
    const { deps, state, logged } = world([]);
    const ask = () => Promise.resolve(err({ retryAfterMs: null, text: "busy" }));
    await fillGaps({ ...deps, ask });
    expect(state.gap.fillFrom).toBe(NOW - 5 * HOUR);
    expect(logged).toEqual([["gap_not_answered", { source: "mg", reason: "busy" }]]);
  });

  test("a journal that refuses leaves the place as it was", async () => {
    const { deps, state, logged } = world([event(NOW - HOUR)]);
    await fillGaps({ ...deps, journal: () => Promise.reject(new Error("full")) });
    expect(state.gap.fillFrom).toBe(NOW - 5 * HOUR);
    expect(logged[0]?.[0]).toBe("gap_not_filled");
  });

  test("a source that cannot be asked has no gap; one without a gap is not asked", async () => {
    const { deps, state, asked } = world([]);
    await fillGaps({ ...deps, ask: () => null });
    expect(state.gap.fillFrom).toBe(0);
    await fillGaps(deps);
    expect(asked).toEqual([]);
  });

  test("a message of the journal stays within what a queue takes", async () => {
    const raw = { said: "é".repeat(2_000) };
    const long = { type: "deferred", raw } as const;
    const records = Array.from({ length: 300 }, (_, n) => event(NOW - HOUR + n * 1_000, long));
    const { deps, bodies, events } = world(records, {}, 300);
    await fillGaps(deps);
    expect(new Set(events().map(({ at }) => at)).size).toBe(300);
    expect(bodies.length).toBeGreaterThan(2);
    for (const body of bodies) expect(jsonBytes(body)).toBeLessThan(128_000);
  });
});
