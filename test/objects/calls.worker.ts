/** Calls of several messages, as the Outbox remembers and repeats them, in virtual time. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HOLD_MS } from "../../src/core/unit.ts";
import {
  type Answer,
  HOUR_MS,
  LEASE_MS,
  type Operation,
  OutboxWorld,
  type WorldTerms,
} from "../support/worker/outbox-world.ts";

const DEDUP = { onUnknown: "retry", deduplicates: true } as const;

/** Runs `story` against an Outbox that nobody else calls. */
function inOutbox(story: (world: (terms: WorldTerms) => OutboxWorld) => void): Promise<void> {
  const outbox = env.OUTBOX.getByName("calls~test/0");
  return runInDurableObject(outbox, (_, ctx) => story((terms) => new OutboxWorld(ctx, terms)));
}

const answers: Answer[] = [
  "accepted",
  "lost",
  "unreached",
  "throttled",
  "failed",
  "whole_refused",
  "first_refused",
  "last_unnamed",
];
const small = fc.nat(4);
/** Mostly the last one, sometimes one that is long outdated. */
const latest = fc.oneof(
  { weight: 4, arbitrary: fc.constant(-1) },
  { weight: 1, arbitrary: fc.integer({ min: -8, max: -2 }) },
);
const times = fc.oneof(
  fc.integer({ min: 0, max: 3_000 }),
  fc.integer({ min: 3_000, max: 2 * LEASE_MS }),
  fc.integer({ min: HOUR_MS, max: 30 * HOUR_MS }),
);
const answer = fc.constantFrom(...answers);
const first = fc.constantFrom(1, 2, 9);

const peek = (from: number, count: number): Operation => ({ op: "peek", from, count });
const claim = (hand: number, without = 99): Operation => ({ op: "claim", hand, without });
const send = (call: number, how: Answer): Operation => ({ op: "send", call, answer: how });
const settle = (call: number, most = 9): Operation => ({ op: "settle", call, first: most });
const release = (call: number): Operation => ({ op: "release", call });
const event = (no: number): Operation => ({ op: "event", no });
const pass = (ms: number): Operation => ({ op: "pass", ms });
const pause = (on: boolean): Operation => ({ op: "pause", on });
const recorded: Operation = { op: "recorded" };
const restart: Operation = { op: "restart" };

const anything = fc.oneof(
  { weight: 4, arbitrary: times.map(pass) },
  { weight: 4, arbitrary: fc.tuple(small, fc.constantFrom(2, 5)).map((all) => peek(...all)) },
  { weight: 4, arbitrary: fc.tuple(latest, fc.nat(15)).map((all) => claim(...all)) },
  { weight: 4, arbitrary: fc.tuple(latest, answer).map((all) => send(...all)) },
  { weight: 3, arbitrary: fc.tuple(latest, first).map((all) => settle(...all)) },
  { weight: 1, arbitrary: latest.map(release) },
  { weight: 2, arbitrary: small.map(event) },
  { weight: 2, arbitrary: fc.constant(recorded) },
  { weight: 1, arbitrary: fc.boolean().map(pause) },
  { weight: 1, arbitrary: fc.constant(restart) },
);
/** What a consumer does when all goes well for it, up to the provider's answer. */
const round = fc
  .tuple(fc.constantFrom(1, 2), answer, first, times)
  .map(([packs, how, most, ms]) => [
    ...Array.from({ length: packs }, () => peek(0, 5)),
    ...[claim(-1), send(-1, how), settle(-1, most), pass(ms)],
  ]);
const operations: fc.Arbitrary<Operation[]> = fc
  .array(
    fc.oneof(
      anything.map((one) => [one]),
      round,
    ),
    { minLength: 4, maxLength: 40 },
  )
  .map((all) => all.flat());

/** The most that a message may be accepted. */
const mostOf = ({ onUnknown, deduplicates }: WorldTerms): number =>
  onUnknown === "retry" && !deduplicates ? 2 : 1;

describe("whatever consumers and the provider do, in any order", () => {
  const terms = [
    DEDUP,
    { onUnknown: "hold", deduplicates: true },
    { onUnknown: "retry", deduplicates: false },
    { onUnknown: "hold", deduplicates: false },
  ] as const;

  test.each(terms)("the promises hold: $onUnknown, deduplicates $deduplicates", async (given) => {
    await inOutbox((make) => {
      fc.assert(
        fc.property(operations, (sequence) => {
          const world = make(given);
          for (const one of sequence) {
            world.run(one);
            expect(world.broken).toEqual([]);
            for (const [id, sends] of world.accepted) {
              expect(sends, id).toBeLessThanOrEqual(mostOf(given));
            }
            const { accepted, open, confirmed } = world.outbox.ledger();
            expect(accepted).toBe(open + confirmed);
          }
          endsWell(world);
        }),
        { numRuns: 400 },
      );
    });
  });

  /** Nobody does anything any more: everything is told, and nothing is left behind. */
  function endsWell(world: OutboxWorld): void {
    world.run({ op: "pause", on: false });
    for (let n = 0; n < 4; n++) world.pass(HOLD_MS);
    expect(world.stored().filter(({ phase }) => phase !== "closed")).toEqual([]);
    world.run({ op: "recorded" });
    expect(world.outbox.ledger()).toMatchObject({ open: 0, claimed: 0, held: 0 });
    expect(world.remembered()).toBe(0);
  }
});

const MINUTE_MS = 60_000;

/** Each message's timeline as the codes of what is unknown or held about it. */
const codesOf = (world: OutboxWorld): (string | undefined)[] =>
  world.stored().flatMap(({ timeline }) => timeline.map(({ code }) => code));

describe("a call whose outcome is unknown for a part of it", () => {
  test.each<[string, Answer, Operation[]]>([
    ["its consumer died between outcomes", "accepted", [settle(0, 2), pass(LEASE_MS)]],
    ["its answer leaves one out", "last_unnamed", [settle(0)]],
    [
      "one of it is refused, and the rest gets no outcome",
      "first_refused",
      [settle(0, 1), pass(LEASE_MS)],
    ],
  ])("is repeated with all of its bytes: %s", async (_, answer, unclear) => {
    await inOutbox((make) => {
      const world = make(DEDUP);
      const story = [peek(0, 5), claim(0), send(0, answer), ...unclear, recorded];
      const again = [pass(MINUTE_MS), peek(0, 5), claim(1), send(1, "accepted"), settle(1)];
      for (const one of [...story, ...again]) world.run(one);
      expect(world.broken).toEqual([]);
      expect(codesOf(world)).not.toContain("batch_incomplete");
      for (const one of [event(4), recorded]) world.run(one);
      expect(world.outbox.ledger()).toMatchObject({ open: 0 });
      expect([...world.accepted.values()].every((sends) => sends === 1)).toBe(true);
    });
  });

  test("is not repeated when one of it is free to go elsewhere", async () => {
    await inOutbox((make) => {
      const world = make(DEDUP);
      // The first is told that it was throttled; the others never hear of it.
      const story = [peek(0, 5), claim(0), send(0, "throttled"), settle(0, 1), pass(2 * HOUR_MS)];
      const alone = [peek(0, 1), claim(1), send(1, "accepted"), settle(1), pass(MINUTE_MS)];
      const again = [peek(1, 4), claim(2), send(2, "accepted"), settle(2)];
      for (const one of [...story, ...alone, ...again]) world.run(one);
      expect(Object.fromEntries(world.accepted)).toEqual({ m0: 1 });
      expect(world.outbox.ledger()).toMatchObject({ held: 4 });
    });
  });
});

describe("a call that is to be repeated", () => {
  const unknown = [peek(0, 5), claim(0), send(0, "lost"), settle(0)];

  test("is not made when its provider has forgotten it", async () => {
    await inOutbox((make) => {
      const world = make(DEDUP);
      const late = [pause(true), pass(25 * HOUR_MS), pause(false)];
      const again = [peek(0, 5), claim(1), send(1, "accepted")];
      for (const one of [...unknown, ...late, ...again]) world.run(one);
      expect([...world.accepted.values()]).toEqual([1, 1, 1, 1, 1]);
      expect(world.outbox.ledger()).toMatchObject({ claimed: 0, held: 5 });
      expect(codesOf(world)).not.toContain("batch_incomplete");
    });
  });

  test("is not claimed when its stream is paused after it was offered", async () => {
    await inOutbox((make) => {
      const world = make(DEDUP);
      for (const one of [...unknown, pass(MINUTE_MS), peek(0, 5), pause(true), claim(1)]) {
        world.run(one);
      }
      expect(world.broken).toEqual([]);
    });
  });

  test("waits as long as its provider asked, though another was offered it before", async () => {
    await inOutbox((make) => {
      const world = make(DEDUP);
      for (const one of [peek(0, 5), claim(0), send(0, "unreached"), settle(0), pass(MINUTE_MS)]) {
        world.run(one);
      }
      for (const one of [peek(0, 5), peek(0, 5), claim(1), send(1, "throttled"), settle(1)]) {
        world.run(one);
      }
      world.run(claim(2));
      expect(world.outbox.ledger()).toMatchObject({ claimed: 0 });
    });
  });

  test("is not made in parts by a consumer that was offered its messages before", async () => {
    await inOutbox((make) => {
      const world = make(DEDUP);
      const before = [peek(0, 5), peek(0, 1), peek(0, 3)];
      const later = [pass(MINUTE_MS), claim(1), send(1, "accepted"), claim(2), send(2, "accepted")];
      for (const one of [...before, claim(0), send(0, "lost"), settle(0), ...later]) world.run(one);
      expect([...world.accepted.values()]).toEqual([1, 1, 1, 1, 1]);
    });
  });
});
