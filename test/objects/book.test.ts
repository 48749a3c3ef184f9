import { describe, expect, test } from "vitest";
import type { Lane } from "../../src/core/custody.ts";
import * as unit from "../../src/core/unit.ts";
import { Book, type Entry, LONG_WAIT_MS, WINDOW_MAX } from "../../src/objects/outbox/book.ts";

const NOW = 1_800_000_000_000;
const STALE_MS = 15_000;
const LEASE_MS = 45_000;
const REJOURNAL_MS = 60_000;
const HOUR_MS = 3_600_000;

const makeBook = () =>
  new Book({ packStaleMs: STALE_MS, leaseMs: LEASE_MS, rejournalMs: REJOURNAL_MS });

interface Given {
  readonly lane?: Lane;
  readonly stream?: string;
  readonly due?: number;
  readonly expires?: number;
}

function add(book: Book, id: string, given: Given = {}): Entry {
  const { lane = "transactional", stream = lane, due = NOW, expires = NOW + HOUR_MS } = given;
  const phase = "waiting" as const;
  return book.add({ id, lane, stream, count: 2, created: NOW, phase, due, expires, rev: 1 }, NOW);
}

const ids = (count: number): string[] => Array.from({ length: count }, (_, n) => `m${n}`);

function record(phase: unit.Phase, due: number): unit.UnitRecord {
  const terms = { expires: NOW + HOUR_MS, onUnknown: "retry", graceMs: 0 } as const;
  return { ...unit.accept(2, terms, NOW), phase, due, rev: 2 };
}

describe("what is ready", () => {
  test("is taken in the order in which it came, each once", () => {
    const book = makeBook();
    for (const id of ids(5)) add(book, id);
    expect(book.takeReady("transactional", 3, 1, NOW)).toEqual(["m0", "m1", "m2"]);
    expect(book.takeReady("transactional", 3, 2, NOW)).toEqual(["m3", "m4"]);
    expect(book.takeReady("transactional", 3, 3, NOW)).toEqual([]);
  });

  test("never stands in the way of the other lane", () => {
    const book = makeBook();
    for (const id of ids(WINDOW_MAX + 50)) add(book, id, { lane: "broadcast" });
    book.takeReady("broadcast", WINDOW_MAX + 50, 1, NOW);
    expect(book.hasReady("broadcast")).toBe(false);
    add(book, "urgent");
    expect(book.takeReady("transactional", 10, 2, NOW)).toEqual(["urgent"]);
  });

  test("is not what is due later", () => {
    const book = makeBook();
    add(book, "later", { due: NOW + 5_000 });
    expect(book.takeReady("transactional", 10, 1, NOW)).toEqual([]);
    expect(book.deadlines.next()).toBe(NOW + 5_000);
  });
});

describe("the window", () => {
  test("holds 2,000 pointers of a lane, however many are ready", () => {
    const book = makeBook();
    for (const id of ids(2_500)) add(book, id);
    expect(book.takeReady("transactional", 9_999, 1, NOW)).toHaveLength(WINDOW_MAX);
    expect(book.hasReady("transactional")).toBe(false);
    expect(book.takeReady("transactional", 9_999, 2, NOW)).toEqual([]);
  });

  test("has room again for each that is claimed, deferred, taken back or gone", () => {
    const book = makeBook();
    const entries = ids(2_500).map((id) => add(book, id));
    const taken = book.takeReady("transactional", 9_999, 1, NOW);
    const [claimed, deferred, gone] = entries;
    if (!claimed || !deferred || !gone) throw new Error("three entries");
    book.apply(claimed, record("claimed", NOW + LEASE_MS), NOW);
    book.defer(deferred, NOW + 60_000, NOW);
    book.remove(gone);
    expect(book.takeReady("transactional", 9_999, 2, NOW)).toHaveLength(3);
    book.takeBack({ ids: taken.slice(10, 20), generation: 1 }, NOW);
    expect(book.takeReady("transactional", 9_999, 3, NOW)).toHaveLength(10);
  });

  test("still counts what a consumer has in hand", () => {
    const book = makeBook();
    const entries = ids(2_001).map((id) => add(book, id));
    book.takeReady("transactional", 9_999, 1, NOW);
    for (const entry of entries.slice(0, 500)) book.inHand(entry, NOW);
    expect(book.hasReady("transactional")).toBe(false);
  });
});

describe("a pointer that nobody asks about", () => {
  test("counts as lost after its time, twice as long with every repeat, to 2^6 times", () => {
    const book = makeBook();
    const entry = add(book, "m", { expires: NOW + 1_000 * HOUR_MS });
    let now = NOW;
    for (const doublings of [0, 1, 2, 3, 4, 5, 6, 6, 6]) {
      expect(book.takeReady("transactional", 1, doublings, now)).toEqual(["m"]);
      expect(entry.staleAt - now).toBe(STALE_MS * 2 ** doublings);
      now = entry.staleAt;
      book.move(entry, "ready", now);
    }
  });

  test("in a consumer's hand is good for a lease", () => {
    const book = makeBook();
    const entry = add(book, "m");
    book.takeReady("transactional", 1, 1, NOW);
    book.inHand(entry, NOW + 10);
    expect(entry.staleAt).toBe(NOW + 10 + LEASE_MS);
    expect(book.deadlines.next()).toBe(NOW + 10 + LEASE_MS);
  });

  test("starts with the short time again once a consumer has said something of it", () => {
    const book = makeBook();
    const entry = add(book, "m");
    for (let i = 0; i < 4; i++) {
      book.takeReady("transactional", 1, i, NOW);
      book.move(entry, "ready", NOW);
    }
    book.takeReady("transactional", 1, 9, NOW);
    book.defer(entry, NOW, NOW);
    book.takeReady("transactional", 1, 10, NOW);
    expect(entry.staleAt).toBe(NOW + STALE_MS);
  });

  test("is only taken back by the sending that took it", () => {
    const book = makeBook();
    const entry = add(book, "m");
    book.takeReady("transactional", 1, 7, NOW);
    book.takeBack({ ids: ["m", "unheard-of"], generation: 6 }, NOW);
    expect(entry.place).toBe("queued");
    book.inHand(entry, NOW);
    book.takeBack({ ids: ["m"], generation: 7 }, NOW);
    expect(entry.place).toBe("in_hand");
  });
});

describe("pause", () => {
  test("nothing of a paused stream is taken, the others of the lane are", () => {
    const book = makeBook();
    add(book, "a", { stream: "news" });
    add(book, "b", { stream: "codes" });
    book.paused.add("news");
    add(book, "c", { stream: "news" });
    expect(book.takeReady("transactional", 10, 1, NOW)).toEqual(["b"]);
  });

  test("what was paused is ready again when its stream resumes, each once", () => {
    const book = makeBook();
    book.paused.add("news");
    for (const id of ids(3)) add(book, id, { stream: "news" });
    add(book, "later", { stream: "news", due: NOW + 9_000 });
    expect(book.takeReady("transactional", 10, 1, NOW)).toEqual([]);
    book.resume("news", NOW);
    book.resume("news", NOW);
    expect(book.takeReady("transactional", 10, 2, NOW)).toEqual(["m0", "m1", "m2"]);
    expect(book.takeReady("transactional", 10, 3, NOW)).toEqual([]);
  });

  test("paused mail still has its deadline: it expires", () => {
    const book = makeBook();
    book.paused.add("news");
    add(book, "m", { stream: "news", expires: NOW + 30_000 });
    expect(book.deadlines.next()).toBe(NOW + 30_000);
  });
});

describe("the journal", () => {
  test("hears of what waits longer than a minute", () => {
    const book = makeBook();
    const entry = add(book, "m", { due: NOW + HOUR_MS / 2 });
    expect(book.isLongWait(entry, NOW + LONG_WAIT_MS - 1)).toBe(false);
    expect(book.deadlines.next()).toBe(NOW + LONG_WAIT_MS);
    expect(book.isLongWait(entry, NOW + LONG_WAIT_MS)).toBe(true);
  });

  test("hears again of what it has not confirmed, later each time, and not after it has", () => {
    const book = makeBook();
    const entry = add(book, "m");
    book.apply(entry, record("closed", 0), NOW);
    let now = NOW;
    for (const doublings of [0, 1, 2, 3, 4, 5, 6, 6]) {
      book.journaling(entry, now);
      expect(entry.journalAgainAt - now).toBe(REJOURNAL_MS * 2 ** doublings);
      expect(book.deadlines.next()).toBe(entry.journalAgainAt);
      now = entry.journalAgainAt;
    }
    book.confirmed(entry, now);
    expect(entry.journalAgainAt).toBe(0);
  });
});

test("open recipients are counted from the rows: in with one, out with it", () => {
  const book = makeBook();
  const [first] = ids(3).map((id) => add(book, id));
  expect(book.openRecipients).toBe(6);
  if (first !== undefined) book.remove(first);
  expect(book.openRecipients).toBe(4);
  expect(book.entries.has("m0")).toBe(false);
});
