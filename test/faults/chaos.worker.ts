/**
 * Faults at random, from a seed: consumers die, calls fail before or after they took effect, packs
 * come twice, queues refuse, confirmations are lost, the Outbox is evicted. Then calm, and the
 * promises are counted. A failure names its seed.
 */
import { describe, expect, test } from "vitest";
import { type Kind, makeScript, type Point } from "../support/worker/faults.ts";
import {
  COMBINATIONS,
  expectSends,
  pause,
  type Scenario,
  scenario,
  timesOf,
} from "../support/worker/faults-kit.ts";

const SEEDS = [20_261_122, 5_321];

/** Messages of one storm, over the four combinations. */
const MESSAGES = 200;
const EACH = MESSAGES / COMBINATIONS.length;

/** How long it storms, and how often an Outbox is evicted meanwhile. */
const STORM_MS = 4_000;
const EVICTION_EVERY_MS = 500;

/**
 * What may happen where: a call that reads or writes fails either way, a consumer dies anywhere.
 */
const CONSUMER: readonly Kind[] = ["die_before", "die_after", "throw_before", "throw_after"];
const CALL: readonly Kind[] = ["throw_before", "throw_after"];
const KINDS: Readonly<Record<Point, readonly Kind[]>> = {
  peek: CONSUMER,
  suppressed: CALL,
  offer: CONSUMER,
  defer: CALL,
  claim: CONSUMER,
  content: CALL,
  send: CONSUMER,
  settle: CONSUMER,
  settle_by_journal: CALL,
  release: CALL,
  renew: CALL,
  source_settle: CALL,
  look: CONSUMER,
  heads: CONSUMER,
  record: CONSUMER,
  confirm: [...CONSUMER, "lose"],
  journal_settle: CALL,
  journal_later: CALL,
  keep_aside: CALL,
  send_packs: CALL,
  send_journal: CALL,
  delete_content: CALL,
};

/**
 * One of these calls in so many goes wrong: a send is passed by each message, the others by groups.
 */
const ODDS: Partial<Record<Point, number>> = { send: 25 };
const ODDS_OF_OTHERS = 5;

/** Mulberry32: small, and the same everywhere for a seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An account in the storm until `calm` is called. */
async function stormy(seed: number): Promise<{ one: Scenario; calm: () => void }> {
  const random = randomOf(seed);
  let storming = true;
  const strike = (point: Point): Kind | null => {
    if (!storming || random() * (ODDS[point] ?? ODDS_OF_OTHERS) > 1) return null;
    const kinds = KINDS[point];
    return kinds[Math.floor(random() * kinds.length)] ?? null;
  };
  const one = await scenario(makeScript(strike, () => storming && random() < 0.3));
  return {
    one,
    calm() {
      storming = false;
    },
  };
}

describe.each(SEEDS)("a storm from seed %i", (seed) => {
  test(`of ${MESSAGES} messages: none is lost, doubled or left unexplained`, async () => {
    const all = await Promise.all(
      COMBINATIONS.map(async (fields, index) => ({ fields, ...(await stormy(seed + index)) })),
    );
    await Promise.all(
      all.map(async ({ one, fields, calm }) => {
        const end = Date.now() + STORM_MS;
        const ids = await one.postBatch(EACH / 2, fields);
        for (let n = 0; n < EACH / 2; n++) ids.push(await one.post(fields));
        while (Date.now() < end) {
          await pause(EVICTION_EVERY_MS);
          await one.evict();
        }
        calm();
        await judge(one, fields, ids);
      }),
    );
  });
});

async function judge(
  one: Scenario,
  fields: (typeof COMBINATIONS)[number],
  ids: readonly string[],
): Promise<void> {
  await one.settled(EACH, 30_000);
  const sends = await one.acceptances();
  const sent = Object.keys(sends).length;
  await one.counts({ delivered: sent, unknown: EACH - sent }, 30_000);
  expect(one.script.struck.length, "it stormed").toBeGreaterThan(0);
  const emails = await Promise.all(ids.map((id) => one.read(id)));
  for (const [index, email] of emails.entries()) {
    const times = sends[ids[index] ?? ""] ?? 0;
    // Two attempts that both came to nothing: a plain source is not asked a third time.
    const heldTwice = fields.stream === "plain" && times === 0 && timesOf(email, "unknown") >= 2;
    expectSends(heldTwice ? { ...fields, on_unknown: "hold" } : fields, times, email);
  }
}
