import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BOUNCE_CATEGORIES, BOUNCE_KINDS, type Bounce } from "../../src/core/bounce.ts";
import { EVENT_TYPES, type EventType } from "../../src/core/delivery-state.ts";
import type { Happening } from "../../src/core/events.ts";
import { type StoredSuppression, standingOf } from "../../src/core/suppression.ts";
import { suppressionsOf } from "../../src/feedback/suppress.ts";
import { headOf } from "../deliver/messages.ts";

const AT = 1_800_000_000_000;

function happening(type: EventType, given: Partial<Happening> = {}): Happening {
  return {
    account: "acme",
    messageId: "m1",
    no: 0,
    address: "Ann@A.example",
    hash: "hash-of-ann",
    envelope: headOf([], { stream: "news", lane: "broadcast" }).envelope,
    source: "ses",
    type,
    at: AT,
    code: "",
    text: "",
    bounce: null,
    url: "",
    ours: false,
    ...given,
  };
}

const bounced = (bounce: Bounce, given: Partial<Happening> = {}): Happening =>
  happening("bounced", { bounce, ...given });

const NOTHING = {
  hardAt: 0,
  listedAt: 0,
  complainedAt: 0,
  unsubscribedAt: 0,
  manualAt: 0,
  deliveredAt: 0,
  soft: {},
};

/** What one happening adds, as far as it differs from nothing. */
const adds = (one: Happening): object | null => {
  const [change] = suppressionsOf([one]);
  if (change === undefined) return null;
  const keys = Object.keys(NOTHING) as (keyof typeof NOTHING)[];
  const added = keys.filter((key) => JSON.stringify(change[key]) !== JSON.stringify(NOTHING[key]));
  return Object.fromEntries(added.map((key) => [key, change[key]]));
};

test("what is dated before its message counts from when that was accepted", () => {
  const { createdAt } = headOf([]).envelope;
  const hard = { kind: "hard", category: "recipient" } as const;
  expect(adds(bounced(hard, { at: 5 }))).toEqual({ hardAt: createdAt });
  expect(adds(happening("delivered", { at: 5 }))).toEqual({ deliveredAt: createdAt });
});

describe("a bounce", () => {
  /** Every kind and category, and what it weighs; all others weigh nothing. */
  const weights: Record<string, object> = {
    "hard recipient": { hardAt: AT },
    "hard mailbox_full": { soft: { m1: AT } },
    "hard mailbox_inactive": { soft: { m1: AT } },
    "hard unknown": { soft: { m1: AT } },
    "soft recipient": { soft: { m1: AT } },
    "soft mailbox_full": { soft: { m1: AT } },
    "soft mailbox_inactive": { soft: { m1: AT } },
    "hard provider_list": { listedAt: AT },
    "soft provider_list": { listedAt: AT },
    "block provider_list": { listedAt: AT },
  };
  const all = BOUNCE_KINDS.flatMap((kind) =>
    BOUNCE_CATEGORIES.map((category) => ({ kind, category })),
  );

  test.each(all)("of kind $kind and category $category weighs what it says", (bounce) => {
    const expected = weights[`${bounce.kind} ${bounce.category}`] ?? null;
    expect(adds(bounced(bounce))).toEqual(expected);
  });

  test("that was not understood weighs nothing", () => {
    expect(adds(happening("bounced"))).toBeNull();
  });
});

describe("a happening", () => {
  test("of most types teaches nothing about the address", () => {
    const telling = ["delivered", "complained", "unsubscribed", "suppressed", "bounced"];
    const others = EVENT_TYPES.filter((type) => !telling.includes(type));
    expect(others.length).toBeGreaterThan(5);
    expect(suppressionsOf(others.map((type) => happening(type)))).toEqual([]);
  });

  test("that is a complaint or an unsubscribe counts at once, the latter for its stream", () => {
    expect(adds(happening("complained"))).toEqual({ complainedAt: AT });
    expect(suppressionsOf([happening("complained")])[0]?.stream).toBe("*");
    expect(adds(happening("unsubscribed"))).toEqual({ unsubscribedAt: AT });
    expect(suppressionsOf([happening("unsubscribed")])[0]?.stream).toBe("news");
  });

  test("that is a provider's list at work is known; our own list at work is nothing new", () => {
    expect(adds(happening("suppressed"))).toEqual({ listedAt: AT });
    expect(adds(happening("suppressed", { ours: true }))).toBeNull();
  });

  test("at a magic recipient teaches nothing", () => {
    const address = "bounced+ci@Sandbox.test";
    const bounce = { kind: "hard", category: "recipient" } as const;
    const all = [bounced(bounce, { address }), happening("complained", { address })];
    expect(suppressionsOf(all)).toEqual([]);
  });

  test("keeps the canonical address, the source and the message of the newest", () => {
    const bounce = { kind: "hard", category: "recipient" } as const;
    const newer = bounced(bounce, { at: AT + 5, messageId: "m2", source: "resend" });
    expect(suppressionsOf([newer, bounced(bounce)])).toMatchObject([
      {
        address: "ann@a.example",
        source: "resend",
        messageId: "m2",
        firstAt: AT,
        lastAt: AT + 5,
        hardAt: AT + 5,
      },
    ]);
  });
});

/** Few values, so that happenings meet at the same address, message and time. */
const arbitrary = fc.record({
  type: fc.constantFrom("delivered", "complained", "unsubscribed", "bounced", "bounced", "bounced"),
  at: fc.integer({ min: AT, max: AT + 3 }),
  messageId: fc.constantFrom("m1", "m2"),
  source: fc.constantFrom("ses", "resend"),
  hash: fc.constantFrom("hash-of-ann", "hash-of-bob"),
  account: fc.constantFrom("acme", "acme~test"),
  bounce: fc.record({
    kind: fc.constantFrom(...BOUNCE_KINDS),
    category: fc.constantFrom("recipient", "mailbox_full", "provider_list", "policy"),
  }),
});

test("happenings in any order and any repetition make the same changes", () => {
  fc.assert(
    fc.property(
      fc
        .array(arbitrary, { maxLength: 12 })
        .chain((all) =>
          fc.tuple(
            fc.constant(all),
            fc.shuffledSubarray([...all, ...all], { minLength: 2 * all.length }),
          ),
        ),
      ([once, shuffled]) => {
        const made = ({ type, ...given }: (typeof once)[number]): Happening =>
          happening(type as EventType, given);
        const changes = suppressionsOf(once.map(made));
        expect(suppressionsOf(shuffled.map(made))).toEqual(changes);
        const keys = changes.map((one) => `${one.account} ${one.hash} ${one.stream}`);
        expect(new Set(keys).size).toBe(keys.length);
      },
    ),
    { numRuns: 500 },
  );
});

test("no refusal but one about the mailbox ever blocks, however often and however final", () => {
  const innocent = BOUNCE_CATEGORIES.filter(
    (one) => !["recipient", "mailbox_full", "mailbox_inactive", "unknown"].includes(one),
  ).filter((one) => one !== "provider_list");
  expect(innocent).toHaveLength(8);
  const all = Array.from({ length: 50 }, (_, n) =>
    innocent.flatMap((category) =>
      BOUNCE_KINDS.map((kind) => bounced({ kind, category }, { messageId: `m${n}` })),
    ),
  );
  expect(suppressionsOf(all.flat())).toEqual([]);
});

describe("where an address stands", () => {
  const DAY = 86_400_000;
  const policy = { hardMs: 365 * DAY, softMessages: 3, softWindowMs: 7 * DAY, softMs: 30 * DAY };
  const facts = (given: Partial<StoredSuppression>) => ({
    ...NOTHING,
    softAt: 0,
    removedAt: 0,
    overriddenAt: 0,
    ...given,
  });
  const at = (given: Partial<StoredSuppression>) => standingOf(facts(given), policy, AT);

  test("is nowhere without facts", () => {
    expect(at({})).toBeNull();
  });

  test("names all reasons, the most telling first, and blocks as widely as the widest", () => {
    const given = { complainedAt: AT - 2, overriddenAt: AT - 1, hardAt: AT - 3, manualAt: AT - 4 };
    expect(at(given)).toEqual({
      reasons: ["complaint", "hard_bounce", "manual"],
      lane: "*",
      reason: "hard_bounce",
      expiresAt: null,
    });
  });

  test("ends with the last of its reasons that ends", () => {
    expect(at({ hardAt: AT - DAY })?.expiresAt).toBe(AT + 364 * DAY);
    expect(at({ hardAt: AT - DAY, softAt: AT })?.expiresAt).toBe(AT + 364 * DAY);
    expect(at({ hardAt: AT - DAY, unsubscribedAt: AT })?.expiresAt).toBeNull();
  });
});
