import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Head, JournalUnit } from "../../src/core/custody.ts";
import {
  mergeRows,
  type RecipientRow,
  rowOfEvent,
  rowsOfUnit,
} from "../../src/core/recipient-row.ts";
import { shuffledGroups } from "../support/shuffle.ts";
import { rowFacts } from "../support/worker/row-facts.ts";

const head: Head = {
  envelope: {
    from: "Acme <news@acme.example>",
    fromDomain: "acme.example",
    replyTo: [],
    subject: "Hello",
    tags: [],
    size: 60,
    attachments: 0,
    stream: "transactional",
    lane: "transactional",
    createdAt: 5,
    expiresAt: 99,
  },
  addressees: ["ann@a.example", "bob@b.example"].map((address, no) => ({
    mailbox: `Name <${address}>`,
    address,
    domain: address.split("@")[1] ?? "",
    hash: `hash-${no}`,
    kind: no === 0 ? ("to" as const) : ("bcc" as const),
  })),
};

const unit: JournalUnit = {
  id: "m1",
  rev: 3,
  open: false,
  head: JSON.stringify(head),
  source: "s1",
  providerMessageId: "",
  recipients: [
    { state: "sent", at: 7, code: "", text: "" },
    { state: "suppressed", at: 6, code: "manual", text: "" },
  ],
  timeline: [
    { at: 5, type: "accepted" },
    { at: 6, type: "suppressed", no: 1, code: "manual" },
    { at: 7, type: "sent", no: 0 },
  ],
};

const event = {
  account: "acme",
  messageId: "m1",
  recipientNo: 0,
  source: "s1",
  type: "complained",
  at: 9,
  code: "abuse",
  text: "",
} as const;

describe("rowsOfUnit", () => {
  test("gives one row per recipient, each with what concerns it and no more", () => {
    const rows = rowsOfUnit("acme", unit);
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({ account: "acme", messageId: "m1", no: 0, hash: "hash-0" });
    expect(rows[0]).toMatchObject({ address: "Name <ann@a.example>", kind: "to", state: "sent" });
    expect(rows[1]).toMatchObject({ no: 1, kind: "bcc", state: "suppressed", code: "manual" });
    expect(rows.map((row) => row.timeline.map((entry) => entry.type))).toEqual([
      ["accepted", "sent"],
      ["accepted", "suppressed"],
    ]);
  });

  test("the message stands on the first recipient only", () => {
    const [first, second] = rowsOfUnit("acme", unit);
    expect(JSON.parse(first?.message ?? "null")).toEqual(head.envelope);
    expect(second?.message).toBe(null);
  });

  test("what is not known yet is null, so that it does not hide what is", () => {
    const [row] = rowsOfUnit("acme", { ...unit, source: "" });
    expect(row).toMatchObject({ source: null, providerMessageId: null, complainedAt: null });
  });

  test("of an open unit those are in custody who are not final; of a closed one nobody is", () => {
    const [first] = unit.recipients.map((one) => ({ ...one, state: "unknown" as const }));
    const recipients = [first ?? unit.recipients[0], unit.recipients[1]].flatMap(
      (one) => one ?? [],
    );
    const custody = (open: boolean) =>
      rowsOfUnit("acme", { ...unit, open, recipients }).map((row) => row.custody);
    expect(custody(true)).toEqual([true, false]);
    expect(custody(false)).toEqual([false, false]);
  });
});

describe("rowOfEvent", () => {
  test("a complaint proves the delivery and keeps its own time", () => {
    expect(rowOfEvent(event, 0)).toMatchObject({ state: "delivered", complainedAt: 9, rev: 0 });
  });

  test("it says nothing about custody, and knows no address", () => {
    expect(rowOfEvent(event, 0)).toMatchObject({ custody: false, address: null, message: null });
  });
});

describe("mergeRows", () => {
  const sorted = (rows: readonly RecipientRow[]) =>
    rows.toSorted((a, b) => (a.messageId + a.no < b.messageId + b.no ? -1 : 1));

  test("two events about one recipient in one batch both count", () => {
    const delivered = { ...event, type: "delivered", at: 8, code: "" } as const;
    const rows = mergeRows([rowOfEvent(event, 0), rowOfEvent(delivered, 0)]);
    expect(rows).toHaveLength(1);
    expect(rows[0]?.timeline.map((entry) => entry.type)).toEqual(["delivered", "complained"]);
  });

  test("an event that comes before its outcome keeps its place beside it", () => {
    for (const rows of [
      [rowOfEvent(event, 0), ...rowsOfUnit("acme", unit)],
      [...rowsOfUnit("acme", unit), rowOfEvent(event, 0)],
    ]) {
      const [first, second] = sorted(mergeRows(rows));
      expect(first).toMatchObject({ state: "delivered", rev: 3, complainedAt: 9 });
      expect(first?.address).toBe("Name <ann@a.example>");
      expect(second).toMatchObject({ state: "suppressed" });
    }
  });

  test("any order, any grouping and any repetition end alike", () => {
    fc.assert(
      fc.property(
        fc
          .array(rowFacts, { minLength: 1, maxLength: 12 })
          .chain((facts) => fc.tuple(fc.constant(facts), shuffledGroups(facts))),
        ([facts, groups]) => {
          let stored: RecipientRow[] = [];
          for (const group of groups) stored = mergeRows([...stored, ...mergeRows(group)]);
          expect(sorted(stored)).toEqual(sorted(mergeRows(facts)));
        },
      ),
      { numRuns: 400 },
    );
  });
});
