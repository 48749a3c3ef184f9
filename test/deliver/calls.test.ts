import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SHARED_CONTENT_MAX } from "../../src/core/custody.ts";
import { ok } from "../../src/core/result.ts";
import { callsOf, claimsOf, offerOf, offerOfAll, requestsOf } from "../../src/deliver/calls.ts";
import type { Planned } from "../../src/deliver/plan.ts";
import type { BatchCapability, Provider } from "../../src/providers/provider.ts";
import { addressee, claimOf, headOf, PLAIN } from "./messages.ts";

const WINDOW_MS = 60_000;
const batch: BatchCapability = {
  messagesMax: 10,
  deduplicatesForMs: WINDOW_MS,
  sharesContent: false,
};
const provider = (given: BatchCapability | null) => (): Provider => ({
  capabilities: { ...PLAIN, deduplicatesForMs: given?.deduplicatesForMs ?? 0, batch: given },
  timeLimitMs: 1,
  send: async () => ({ kind: "ambiguous", reason: "" }),
});

interface Given {
  readonly id?: string;
  readonly shard?: number;
  readonly source?: string | null;
  readonly envelope?: object;
  readonly peeked?: object;
}

function planned(given: Given = {}): Planned {
  const { id = "m", shard = 0, source = "s1" } = given;
  const fresh = { frozenSource: null, batch: null, fresh: true, onUnknown: "retry" } as const;
  const attempt = source === null ? null : { source, deduplicatesForMs: 0, group: null };
  return {
    ref: { account: "acme", shard },
    id,
    head: headOf([addressee("to", "ann")], given.envelope),
    peeked: { id, head: "", numbers: [0], ...fresh, ...given.peeked },
    sites: { "a.example": 1 },
    request: { id, suppressed: [], attempt },
    source,
    slow: [],
    taken: null,
  };
}

const many = (count: number, given: Given = {}): Planned[] =>
  Array.from({ length: count }, (_, n) => planned({ ...given, id: `m${n}` }));
const sizes = (calls: readonly (readonly Planned[])[]) => calls.map((call) => call.length);

describe("what shares a call", () => {
  test("as many as the provider takes, in order; the rest in a further call", () => {
    const calls = callsOf(many(23), provider(batch));
    expect(sizes(calls)).toEqual([10, 10, 3]);
    expect(calls.flat().map(({ id }) => id)).toEqual(many(23).map(({ id }) => id));
  });

  test("never more than a hundred, whatever the provider takes", () => {
    const most = { ...batch, messagesMax: 10_000 };
    expect(sizes(callsOf(many(150), provider(most)))).toEqual([100, 50]);
  });

  test("nothing, where the provider takes one a call", () => {
    expect(sizes(callsOf(many(3), provider(null)))).toEqual([1, 1, 1]);
  });

  test.each<[string, Given]>([
    ["has had a failure or an unknown", { peeked: { fresh: false } }],
    ["has attachments", { envelope: { attachments: 1 } }],
    ["is large", { envelope: { size: SHARED_CONTENT_MAX + 1 } }],
    ["does not tell its size", { envelope: { size: undefined } }],
    ["has nobody left to be sent to", { source: null }],
  ])("not a message that %s", (_, given) => {
    expect(sizes(callsOf(many(3, given), provider(batch)))).toEqual([1, 1, 1]);
  });

  test.each<[string, Given]>([
    ["shards", { shard: 1 }],
    ["sources", { source: "s2" }],
    ["streams", { envelope: { stream: "news" } }],
    ["terms for an unknown", { peeked: { onUnknown: "hold" } }],
  ])("not messages of different %s", (_, given) => {
    expect(sizes(callsOf([planned(), planned(given)], provider(batch)))).toEqual([1, 1]);
  });

  test("not what would be sent twice as a whole when no answer comes", () => {
    const plain = { ...batch, deduplicatesForMs: 0 };
    const held = many(2, { peeked: { onUnknown: "hold" } });
    expect(sizes(callsOf(many(2), provider(plain)))).toEqual([1, 1]);
    expect(sizes(callsOf(held, provider(plain)))).toEqual([2]);
    // Each is known by itself: by its place on a connection, or in the provider's own records.
    expect(sizes(callsOf(many(2), provider({ ...plain, oneByOne: true })))).toEqual([2]);
    const lookup = async () => ok({ kind: "none" } as const);
    expect(sizes(callsOf(many(2), () => ({ ...provider(plain)(), lookup })))).toEqual([2]);
  });

  test("where content is shared, only what has the same content", () => {
    const shared = provider({ ...batch, sharesContent: true });
    const of = (digest?: string) => planned({ envelope: { digest } });
    expect(sizes(callsOf([of("a"), of("b"), of("a"), of()], shared))).toEqual([2, 1, 1]);
    expect(sizes(callsOf([of(), of()], shared))).toEqual([1, 1]);
    expect(sizes(callsOf([of("a"), of("b")], provider(batch)))).toEqual([2]);
  });

  test("nothing, where the repeat of a call of several is not recognised as that of one is", () => {
    const adapter = provider({ ...batch, deduplicatesForMs: 5_000 })();
    const capabilities = { ...adapter.capabilities, deduplicatesForMs: WINDOW_MS };
    expect(sizes(callsOf(many(3), () => ({ ...adapter, capabilities })))).toEqual([1, 1, 1]);
  });

  test("a call that is repeated stays whole, though the provider takes fewer by now", () => {
    const again = many(12, { peeked: { batch: "k1", fresh: false } });
    expect(sizes(callsOf(again, provider(batch)))).toEqual([12]);
    expect(sizes(callsOf(again, provider(null)))).toEqual([12]);
  });

  test("every message is in exactly one call", () => {
    const member = fc.record({
      shard: fc.integer({ min: 0, max: 2 }),
      peeked: fc.record({ fresh: fc.boolean(), batch: fc.constantFrom(null, "k1", "k2") }),
    });
    fc.assert(
      fc.property(fc.array(member, { maxLength: 60 }), (all) => {
        const routed = all.map((given, n) => planned({ ...given, id: `m${n}` }));
        const ids = callsOf(routed, provider(batch))
          .flat()
          .map(({ id }) => id);
        expect(ids.toSorted()).toEqual(routed.map(({ id }) => id).toSorted());
      }),
    );
  });
});

describe("what a call asks for", () => {
  test("its members cost one call of the API together, and each its own recipients", () => {
    const call = many(4);
    const items = call.map((one) => offerOf(one, call));
    expect(items.reduce((sum, item) => sum + item.calls, 0)).toBe(1);
    expect(offerOfAll(call)).toEqual({
      lane: "transactional",
      calls: 1,
      sites: { "a.example": 4 },
    });
  });

  test("a new call is numbered, a known one has its key, one alone has neither", () => {
    const groups = (call: readonly Planned[], label: number) =>
      requestsOf(call, label).map(({ attempt }) => attempt?.group);
    expect(groups(many(2), 7)).toEqual([{ label: 7 }, { label: 7 }]);
    expect(groups(many(1), 7)).toEqual([null]);
    expect(groups(many(1, { peeked: { batch: "k1" } }), 7)).toEqual([{ key: "k1" }]);
    expect(requestsOf(many(1, { source: null }), 7)[0]?.attempt).toBeNull();
  });
});

describe("what was claimed of a call", () => {
  const byId = (all: readonly { id: string }[]) => new Map(all.map((one) => [one.id, one]));

  test("goes together under its key, with the settled members in their places", () => {
    const head = JSON.stringify(headOf([addressee("to", "bob")]));
    const all = [
      claimOf([0], { id: "m0", batch: "k1" }),
      claimOf([0], { id: "old", batch: "k1", token: "", head }),
      claimOf([0], { id: "m1", batch: "k1" }),
      claimOf([0], { id: "m9", batch: "k2" }),
    ];
    const [one, ...more] = claimsOf(many(2), byId(all) as never, all);
    expect(more).toEqual([]);
    expect(one?.call.map(({ id }) => id)).toEqual(["m0", "m1"]);
    expect(one?.claims.map(({ claimed }) => claimed.id)).toEqual(["m0", "old", "m1"]);
    expect(one?.claims[1]?.head.addressees[0]?.address).toBe("bob@a.example");
  });

  test("goes alone when the rest of it was not claimed", () => {
    const all = [claimOf([0], { id: "m1" })];
    const started = claimsOf(many(3), byId(all) as never, all);
    expect(started.map(({ call }) => call.map(({ id }) => id))).toEqual([["m1"]]);
    expect(claimsOf(many(3), new Map(), [])).toEqual([]);
  });
});
