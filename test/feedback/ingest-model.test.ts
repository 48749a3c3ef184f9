/**
 * The journal's consumer against a model: outcomes and events in any order, in any batches, any of
 * them twice, while everything it calls fails at times, before or after it took effect.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import type { JournalBody, JournalUnit } from "../../src/core/custody.ts";
import type { ProviderEvent } from "../../src/core/events.ts";
import {
  mergeRows,
  type RecipientRow,
  rowOfEvent,
  rowsOfUnit,
} from "../../src/core/recipient-row.ts";
import { foldChanges } from "../../src/core/suppression.ts";
import { effectsOf } from "../../src/feedback/effects.ts";
import { happeningOf, happeningsOfUnit } from "../../src/feedback/happenings.ts";
import { contextOf } from "../../src/feedback/resolve.ts";
import { endpoint, journalUnit, message, type Told, units, World } from "./journal.ts";

/**
 * Five messages whose outcomes come: `m2` is to two, `m4` has been let go of by its Outbox before
 * the outcome is recorded, `m5` left by a source whose events name nothing but its own id.
 */
const KNOWN = ["m1", "m2", "m3", "m4", "m5"] as const;
/** An id of ours that nobody has accepted, and one that is none of ours. */
const NOBODYS = "m7";
const FOREIGN = "x9";
/** What the database refuses. */
const POISON = "mp";

const headOf = (id: string): string => {
  const envelope = { subject: id, from: "a@b.example", fromDomain: "b.example", tags: [] };
  const mailboxes = id === "m2" ? ["m2@a.example", "Zwei <m2b@a.example>"] : [`${id}@a.example`];
  const addressees = mailboxes.map((mailbox) => {
    const address = mailbox.replace(/.*<|>/g, "");
    return { mailbox, address, hash: address, kind: "to" };
  });
  const terms = { stream: "news", lane: "broadcast", createdAt: 3, expiresAt: 9 };
  return JSON.stringify({ envelope: { ...envelope, ...terms }, addressees });
};

/** The revisions of a message: not known, sent, and for some sent once more. */
function revisionsOf(id: string): JournalUnit[] {
  const of = (rev: number, state: "unknown" | "sent", providerMessageId: string) => {
    const recipient = { state, at: rev, code: "", text: "" };
    const recipients = id === "m2" ? [recipient, recipient] : [recipient];
    const source = id === "m5" ? "anon" : "s1";
    const timeline = [{ at: rev, type: state, attempt: rev, source }] as const;
    const open = state === "unknown";
    const given = { rev, open, head: headOf(id), source, providerMessageId, recipients, timeline };
    return journalUnit(id, given);
  };
  const last = id === "m3" ? [of(5, "sent", `${id}-p2`)] : [];
  return [of(2, "unknown", ""), of(3, "sent", `${id}-p1`), ...last];
}

const eventOf = fc
  .record({
    id: fc.constantFrom(...KNOWN, NOBODYS, FOREIGN),
    no: fc.nat(1),
    type: fc.constantFrom("delivered", "bounced", "complained", "opened", "clicked", "suppressed"),
    at: fc.integer({ min: 4, max: 7 }),
    attempt: fc.constantFrom("", "p1", "p2"),
    kind: fc.constantFrom("hard", "soft", "block"),
    url: fc.constantFrom("https://a.example/", "https://b.example/"),
  })
  .map(({ id, no, type, at, attempt, kind, url }): ProviderEvent => {
    const said = { type, at, code: "", text: "", source: id === "m5" ? "anon" : "s1" } as const;
    const bounce = type === "bounced" ? { bounce: { kind, category: "recipient" } as const } : {};
    const more = { ...bounce, ...(type === "clicked" ? { url } : {}) };
    if (id === "m5") {
      const anonymous = { account: "", messageId: "", recipientNo: null };
      return { ...anonymous, ...said, ...more, providerMessageId: "m5-p1" };
    }
    const address = id === "m2" && no === 1 ? "M2B@a.example" : `${id}@a.example`;
    const proof = attempt === "" ? {} : { providerMessageId: `${id}-${attempt}` };
    return {
      account: "acme",
      messageId: id,
      recipientNo: null,
      address,
      ...said,
      ...more,
      ...proof,
    };
  });

const eventsBody = (events: readonly ProviderEvent[]): JournalBody => ({
  v: 1,
  kind: "events",
  events,
});

const MALFORMED = { v: 1, kind: "nonsense" };

/** Bodies in an order, some twice, and where batches end. */
const runs = fc
  .record({
    told: fc.array(fc.array(eventOf, { minLength: 1, maxLength: 5 }), { maxLength: 12 }),
    seed: fc.integer(),
  })
  .chain(({ told, seed }) => {
    const poison = units(journalUnit(POISON, { head: headOf(POISON) }));
    const outcomes = KNOWN.flatMap(revisionsOf).map((unit) => units(unit));
    const bodies: unknown[] = [...outcomes, ...told.map(eventsBody), poison, MALFORMED];
    const copies = [...bodies, ...outcomes, ...told.map(eventsBody)];
    const order = fc.shuffledSubarray(copies, { minLength: copies.length });
    return fc.record({ told: fc.constant(told), seed: fc.constant(seed), order });
  });

/** Numbers from 0 to 1, the same for a seed (xorshift). */
function randomOf(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** A world in which one call in three goes wrong while it storms. */
function stormy(random: () => number) {
  const world = new World();
  world.poison.add(POISON);
  world.endpoints.push(endpoint);
  const storm = { on: true };
  let refused = false;
  const wrong = (): boolean => storm.on && random() < 1 / 3;
  const via =
    <Args extends unknown[], Answer>(call: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      const before = wrong();
      const after = wrong();
      refused = before || after;
      if (before) throw new Error("nothing was done");
      const answer = await call(...args);
      if (after) throw new Error("it was done, and nobody heard");
      return answer;
    };
  const { look, record, confirm, journalLater, keepAside } = world.deps;
  Object.assign(world.deps, {
    look: via(look),
    heads: via(async (_: unknown, ids: readonly string[]) =>
      // What its Outbox has let go of, or has never had, is not there.
      ids.flatMap((id) => (["m1", "m2", "m3"].includes(id) ? [{ id, head: headOf(id) }] : [])),
    ),
    record: via(record),
    // Only the database's own refusal is one: what the storm did is an outage.
    recordAnswers: async () => !refused,
    confirm: via(confirm),
    journalLater: via(journalLater),
    keepAside: via(keepAside),
  });
  return { world, storm };
}

/** Long after the storm is over. */
const ROUNDS_MAX = 400;
const STORM_ROUNDS = 40;

/**
 * The queue: gives out what waits in batches, takes back what is put off. What waits for its
 * message does so for hours, in which everything that is at hand comes.
 */
async function deliver(world: World, storm: { on: boolean }, all: unknown[], random: () => number) {
  let waiting: Told[] = all.map((body) => message(body));
  let later: Told[] = [];
  for (let round = 0; waiting.length + later.length > 0; round++) {
    if (waiting.length === 0) [waiting, later] = [later, []];
    expect(round, "it comes to rest").toBeLessThan(ROUNDS_MAX);
    if (round === STORM_ROUNDS) storm.on = false;
    const batch = waiting.splice(0, 1 + Math.floor(random() * 9));
    await world.consume(...batch);
    for (const one of batch) expect([one.acked, one.retried.length].toSorted()).toEqual([0, 1]);
    const again = batch.filter((one) => one.acked === 0);
    const retried = again.map((one) => ({ ...message(one.body, one.attempts + 1), id: one.id }));
    later.push(...world.later.splice(0).map(({ body }) => message(body)));
    waiting = [...waiting, ...retried].sort(() => random() - 0.5);
  }
}

/** What is true of the known messages, whatever came when. */
function truth(told: readonly (readonly ProviderEvent[])[]) {
  const facts = KNOWN.flatMap(revisionsOf);
  const rows: RecipientRow[] = facts.flatMap((unit) =>
    rowsOfUnit("acme", unit, (source) => source === "anon"),
  );
  const happenings = facts.flatMap((unit) => happeningsOfUnit("acme", unit));
  for (const given of told.flat()) {
    const messageId = given.source === "anon" ? "m5" : given.messageId;
    if (!KNOWN.some((id) => id === messageId)) continue;
    const event = { ...given, account: "acme", messageId };
    const no = given.address === "M2B@a.example" ? 1 : 0;
    rows.push(rowOfEvent(event, no));
    const context = contextOf("acme", messageId, JSON.parse(headOf(messageId)));
    happenings.push(happeningOf({ event, no, context }));
  }
  return { rows: mergeRows(rows), happenings };
}

const byKey = (rows: readonly RecipientRow[]) =>
  rows.toSorted((a, b) => (`${a.messageId}${a.no}` < `${b.messageId}${b.no}` ? -1 : 1));

test("everything is recorded once it is calm, alike in any order and after failures", async () => {
  await fc.assert(
    fc.asyncProperty(runs, async ({ told, seed, order }) => {
      const random = randomOf(seed);
      const { world, storm } = stormy(random);
      await deliver(world, storm, order, random);

      const { rows, happenings } = truth(told);
      expect(byKey(world.stored)).toEqual(byKey(rows));

      // Effects of all transactions together are those of each fact alone.
      const said = { reports: [], foreign: [], departures: [] };
      const expected = await Promise.all(
        happenings.map((one) =>
          effectsOf({ ...said, happenings: [one] }, world.endpoints, world.deps.effects),
        ),
      );
      const ids = (all: readonly { readonly event: string }[]) =>
        [...new Set(all.map(({ event }) => event))].toSorted();
      const made = world.records.flatMap(({ deliveries }) => deliveries);
      expect(ids(made)).toEqual(ids(expected.flatMap(({ deliveries }) => deliveries)));
      expect(foldChanges(world.records.flatMap((one) => one.suppressions))).toEqual(
        foldChanges(expected.flatMap((one) => one.suppressions)),
      );

      const aside = Object.groupBy(world.kept, ({ where }) => where);
      const poison = new Set(aside.poison?.map(({ body }) => JSON.stringify(body)));
      expect(poison).toEqual(
        new Set(
          order
            .filter((body) => body === MALFORMED || isPoison(body))
            .map((body) => JSON.stringify(body)),
        ),
      );
      const orphans = new Set(
        aside.orphans?.flatMap(({ body }) =>
          (body as ProviderEvent[]).map((one) => JSON.stringify(one)),
        ),
      );
      const nobodys = told.flat().filter(({ messageId }) => messageId === NOBODYS);
      expect(orphans).toEqual(new Set(nobodys.map((one) => JSON.stringify(one))));
    }),
    { numRuns: 150 },
  );
}, 60_000);

const isPoison = (body: unknown): boolean => JSON.stringify(body).includes(`"id":"${POISON}"`);
