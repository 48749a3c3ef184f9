import { describe, expect, test } from "vitest";
import type { JournalBody } from "../../../src/core/custody.ts";
import { mintIds } from "../../../src/core/ids.ts";
import { readReturnPath, returnPath } from "../../../src/core/return-path.ts";
import { createSigner } from "../../../src/core/signer.ts";
import { observationsOf } from "../../../src/feedback/feed.ts";
import {
  type InboundDeps,
  READ_MAX_BYTES,
  takeReport,
} from "../../../src/feedback/inbound/take.ts";
import { seededRandom } from "../../core/random.ts";
import * as fixtures from "./fixtures.ts";

const signer = await createSigner("a secret");
const SENT_AT = Date.parse("2026-11-05T09:30:00Z");
const NOW = Date.parse("2026-11-05T10:05:00Z");
const mint = { signer, now: SENT_AT, random: seededRandom(1) };
const [ID = ""] = await mintIds(mint, "default", 0, 1);
const route = { before: "b-", domain: "bounces.example.com" };
const PATH = await returnPath(signer, "relay", ID, route);

function world(journalFails = false) {
  const bodies: JournalBody[] = [];
  const lines: string[] = [];
  const deps: InboundDeps = {
    now: () => NOW,
    ofReturnPath: async (address) => {
      const messageId = await readReturnPath(signer, "relay", address);
      return messageId === null ? null : { source: "relay", messageId };
    },
    ofMessageId: async (id) => (id === ID ? { source: "relay", messageId: id } : null),
    journal: async (all) => {
      if (journalFails) throw new Error("the queue is away");
      bodies.push(...all);
    },
    log: (event, fields) => lines.push(JSON.stringify({ event, ...fields })),
  };
  const events = () => bodies.flatMap((body) => (body.kind === "events" ? body.events : []));
  const unknown = () =>
    bodies.flatMap((body) => (body.kind === "events" ? (body.unknown?.events ?? []) : []));
  return { deps, bodies, events, unknown, lines };
}

/** A stream that tells how much of it was asked for. */
function streamOf(raw: Uint8Array, chunk = 10_000) {
  const read = { bytes: 0, cancelled: false };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = raw.subarray(read.bytes, read.bytes + chunk);
      read.bytes += next.length;
      if (next.length > 0) controller.enqueue(next);
      if (read.bytes >= raw.length) controller.close();
    },
    cancel() {
      read.cancelled = true;
    },
  });
  return { stream, read };
}

const mail = (raw: Uint8Array, to = PATH, from = "") => ({ from, to, raw: streamOf(raw).stream });

describe("a report to a return path of ours", () => {
  test("is on the journal, understood, with its message and source", async () => {
    const { deps, events } = world();
    const taken = await takeReport(mail(fixtures.POSTFIX, PATH.toUpperCase(), "<>"), deps);
    const value = { source: "relay", kind: "delivery", events: 2, unknown: 0 };
    expect(taken).toEqual({ ok: true, value });
    expect(events()).toMatchObject([
      {
        messageId: ID,
        source: "relay",
        type: "bounced",
        code: "5.1.1",
        bounce: { kind: "hard", category: "recipient" },
        address: "jane.roe@customer.example",
        text: expect.not.stringContaining("@"),
        raw: expect.stringContaining("X-Postfix-Queue-ID".toLowerCase()),
      },
      { messageId: ID, bounce: { kind: "soft", category: "mailbox_full" } },
    ]);
    expect(events()[0]).not.toHaveProperty("providerMessageId");
  });

  test.each([
    ["before its message, is of the time of that", "Fri, 1 Jan 1999 00:00:00 +0000", SENT_AT],
    ["in its message's second, comes after it", "Thu, 5 Nov 2026 09:30:00 GMT", SENT_AT + 999],
    ["in the future, is of now", "Mon, 1 Jan 2035 00:00:00 +0000", NOW],
    ["at no time, is of now", "yesterday", NOW],
  ])("that is dated %s", async (_title, date, at) => {
    const { deps, events } = world();
    const text = new TextDecoder().decode(fixtures.POSTFIX).replace(/Date: .*/, `Date: ${date}`);
    await takeReport(mail(new TextEncoder().encode(text)), deps);
    expect(events().map((event) => event.at)).toEqual([at, at]);
  });

  test("is about the message of the address, whatever it quotes", async () => {
    const { deps, events } = world();
    const other = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
    const quoted = [`X-Postern-Id: ${other}`, `Return-Path: <${PATH}>`];
    await takeReport(mail(fixtures.arf(["Feedback-Type: abuse"], quoted)), deps);
    expect(events()).toMatchObject([{ messageId: ID, type: "complained" }]);
  });

  test("is no beat of a feed, which would be missed while no mail comes back", async () => {
    const { deps, bodies } = world();
    for (const raw of [fixtures.POSTFIX, fixtures.SILENT]) await takeReport(mail(raw), deps);
    const reports = bodies.map((body, i) => {
      if (body.kind !== "events") throw new Error(body.kind);
      return { id: String(i), arrivedAt: NOW, body };
    });
    expect(reports).toHaveLength(2);
    expect(observationsOf({ reports, happenings: [], foreign: [] }, () => false)).toEqual([]);
  });

  test("that is an absence is taken and says nothing", async () => {
    const { deps, events, unknown } = world();
    const taken = await takeReport(mail(fixtures.VACATION), deps);
    expect(taken).toMatchObject({ ok: true, value: { kind: "answer", events: 0, unknown: 0 } });
    expect([events(), unknown()]).toEqual([[], []]);
  });

  test("that cannot be understood is kept as it came", async () => {
    const { deps, events, unknown } = world();
    await takeReport(mail(fixtures.SILENT), deps);
    expect(events()).toEqual([]);
    expect(unknown()).toMatchObject([{ type: "bounce", raw: expect.stringMatching(/came back/) }]);
  });

  test("is read up to a limit, and the rest is left", async () => {
    const large = new Uint8Array(READ_MAX_BYTES * 3).fill(97);
    large.set(fixtures.POSTFIX);
    const { stream, read } = streamOf(large);
    const { deps, events } = world();
    expect((await takeReport({ from: "", to: PATH, raw: stream }, deps)).ok).toBe(true);
    expect(events()).toHaveLength(2);
    expect(read.cancelled).toBe(true);
    expect(read.bytes).toBeLessThan(READ_MAX_BYTES + 100_000);
  });

  test("is left with the server that brings it while the queue is away", async () => {
    const { deps, lines } = world(true);
    await expect(takeReport(mail(fixtures.POSTFIX), deps)).rejects.toThrow("cannot be taken");
    expect(lines).toEqual([expect.stringContaining("report_not_journaled")]);
  });
});

describe("mail to any other address", () => {
  const forged = PATH.replace(/.@/, (end) => (end === "a@" ? "b@" : "a@"));
  const ABUSE = ["Feedback-Type: abuse"];
  const failed =
    "Final-Recipient: rfc822; jane.roe@customer.example\nAction: failed\nStatus: 5.1.1";
  const quoting = fixtures.multipart(
    [],
    [
      ["message/delivery-status", failed],
      ["message/rfc822", fixtures.original([`Return-Path: <${PATH}>`, `X-Postern-Id: ${ID}`])],
    ],
  );

  test.each([
    ["a bounce to a forged return path", fixtures.POSTFIX, forged],
    ["a bounce to nobody", fixtures.QMAIL, "bounces@bounces.example.com"],
    ["a bounce that quotes a return path", quoting, "fbl@example.com"],
    ["an answer", fixtures.ANSWER, "news@example.com"],
  ])("%s is refused, and nothing is kept of it", async (_title, raw, to) => {
    const { deps, events, unknown, lines } = world();
    expect(await takeReport(mail(raw, to), deps)).toEqual({ ok: false, error: "no_such_address" });
    expect([events(), unknown()]).toEqual([[], []]);
    expect(lines.join()).not.toContain("@");
  });

  test.each([
    ["its return path", [`Return-Path: <${PATH}>`]],
    ["our id", [`X-Postern-Id: ${ID}`]],
  ])("a complaint is believed for %s in the mail complained of", async (_title, quoted) => {
    for (const raw of [fixtures.arf(ABUSE, quoted), fixtures.outlook(quoted)]) {
      const { deps, events } = world();
      const taken = await takeReport(mail(raw, "fbl@example.com", "feedback@loop.example"), deps);
      expect(taken).toMatchObject({ ok: true, value: { kind: "complaint", events: 1 } });
      expect(events()).toMatchObject([{ messageId: ID, source: "relay", type: "complained" }]);
    }
  });

  test("a complaint is believed for the return path that it names itself", async () => {
    const { deps, events } = world();
    const raw = fixtures.arf([...ABUSE, `Original-Mail-From: <${PATH}>`]);
    expect((await takeReport(mail(raw, "fbl@example.com"), deps)).ok).toBe(true);
    expect(events()).toHaveLength(1);
  });

  test.each([
    ["with nothing of ours", []],
    ["with a forged return path", [`Return-Path: <${forged}>`]],
    ["with an id that was not made here", [`X-Postern-Id: ${ID.replace(/.$/, "x")}`]],
  ])("a complaint %s is refused", async (_title, quoted) => {
    const { deps, events } = world();
    const taken = await takeReport(mail(fixtures.arf(ABUSE, quoted), "fbl@example.com"), deps);
    expect(taken).toEqual({ ok: false, error: "not_our_mail" });
    expect(events()).toEqual([]);
  });
});

test("no line of the log has an address or a word of the mail", async () => {
  const { deps, lines } = world();
  for (const raw of [fixtures.POSTFIX, fixtures.YAHOO, fixtures.SILENT, fixtures.VACATION]) {
    await takeReport(mail(raw), deps);
    await takeReport(mail(raw, "jane.roe@customer.example"), deps);
  }
  expect(lines).toHaveLength(8);
  expect(lines.join()).not.toMatch(/@|jane|receipt|unknown in virtual/i);
});
