import { describe, expect, test } from "vitest";
import { classify } from "../../../src/feedback/classify.ts";
import { readReport } from "../../../src/feedback/inbound/read.ts";
import * as fixtures from "./fixtures.ts";

const JANE = "jane.roe@customer.example";
const AT = Date.parse("2026-11-05T10:00:00Z");

const read = (raw: Uint8Array, sender = "") => readReport(raw, sender);

/** What a report says, with what is understood of each bounce. */
async function said(raw: Uint8Array, sender = "") {
  const { kind, events, unknown } = await read(raw, sender);
  const told = events.map(({ address, type, at, code, text }) => {
    const { kind: bounce, category } = classify({ hint: undefined, code, text });
    return { address, type, at, code, ...(type === "bounced" ? { bounce, category } : {}) };
  });
  return { kind, told, unknown };
}

const one = async (raw: Uint8Array, sender = "") => (await said(raw, sender)).told;

const hard = (address = JANE, code = "5.1.1", at = AT) => ({
  ...{ address, type: "bounced", at, code },
  ...{ bounce: "hard", category: "recipient" },
});

describe("a delivery status notification", () => {
  test("of Postfix is told recipient by recipient, as each was addressed", async () => {
    expect(await said(fixtures.POSTFIX)).toEqual({
      kind: "delivery",
      unknown: [],
      told: [
        hard(),
        {
          address: "joe@customer.example",
          type: "bounced",
          at: AT,
          code: "5.2.2",
          bounce: "soft",
          category: "mailbox_full",
        },
      ],
    });
  });

  test("that warns is a deferral, and keeps how long it is tried", async () => {
    const { events } = await read(fixtures.POSTFIX_DELAYED);
    expect(events).toMatchObject([
      { address: JANE, type: "deferred", code: "4.4.1", text: expect.stringMatching(/timed out$/) },
    ]);
    expect(JSON.stringify(events[0]?.raw)).toContain("Tue, 10 Nov 2026 09:59:58 +0000");
  });

  test("of sendmail is read past its comments, at the time of the last attempt", async () => {
    const at = Date.parse("2026-11-05T09:58:00Z");
    expect(await one(fixtures.SENDMAIL)).toEqual([hard(JANE, "5.1.1", at)]);
  });

  test("of Exim tells the code of the diagnostic where the status is general", async () => {
    const [event] = await one(fixtures.EXIM_DSN);
    expect(event).toMatchObject({ address: JANE, code: "5.7.1", bounce: "block" });
  });

  test("of Exchange Online is read through its encoding", async () => {
    expect(await one(fixtures.OFFICE365)).toEqual([hard(JANE, "5.1.10")]);
  });

  test("of Gmail is one diagnostic, whatever lines it goes over", async () => {
    const at = Date.parse("2026-11-05T09:59:59Z");
    expect(await one(fixtures.GMAIL)).toEqual([hard(JANE, "5.1.1", at)]);
    const [event] = (await read(fixtures.GMAIL)).events;
    expect(event?.text).toMatch(/^550-5\.1\.1 The email account .* gsmtp$/);
  });

  test("in UTF-8 names the address that was meant", async () => {
    expect(await one(fixtures.UTF8)).toEqual([hard("jürgen@customer.example")]);
  });

  test("of success is a delivery, of handing on is none, and the odd is its status", async () => {
    const told = await one(fixtures.SUCCESSES);
    expect(told.map(({ address, type }) => `${address[0]} ${type}`)).toEqual([
      "a delivered",
      "b sent",
      "c delivered",
      "d deferred",
    ]);
  });

  test("without a diagnostic has it from the text for people", async () => {
    expect(await one(fixtures.WORDS_ASIDE)).toMatchObject([
      { address: JANE, code: "5.7.26", category: "authentication" },
    ]);
  });
});

describe("a bounce in words", () => {
  test("of qmail is told by paragraphs, up to the copy of the message", async () => {
    expect(await one(fixtures.QMAIL)).toEqual([hard(), hard("joe@customer.example")]);
  });

  test("of Exim is told below the address, though it calls itself an automatic reply", async () => {
    expect(await one(fixtures.EXIM, "someone@relay.example")).toEqual([hard()]);
    expect(await one(fixtures.EXIM_GERMAN, "someone@relay.example")).toEqual([hard()]);
    expect(await one(fixtures.EXIM_DELAYED)).toEqual([
      { address: JANE, type: "deferred", at: AT, code: "4.7.1" },
    ]);
  });

  test("of Exchange is told by what is for administrators", async () => {
    expect(await one(fixtures.EXCHANGE)).toEqual([hard()]);
    expect(await one(fixtures.EXCHANGE_2003)).toEqual([hard()]);
  });

  test("that names nobody is told by its code", async () => {
    expect(await one(fixtures.TERSE)).toMatchObject([{ address: "", code: "5.7.1" }]);
  });

  test("without any reason is kept as it came", async () => {
    expect(await said(fixtures.SILENT)).toMatchObject({
      kind: "unknown",
      told: [],
      unknown: [{ type: "bounce", raw: { subject: "Returned mail" } }],
    });
  });
});

describe("what is no bounce", () => {
  test("somebody's absence is no event, whatever it quotes", async () => {
    const nothing = { kind: "answer", told: [], unknown: [] };
    expect(await said(fixtures.VACATION)).toEqual(nothing);
    expect(await said(fixtures.VACATION, JANE)).toEqual(nothing);
  });

  test("an answer by hand is kept and is no event", async () => {
    expect(await said(fixtures.ANSWER, JANE)).toMatchObject({
      kind: "unknown",
      told: [],
      unknown: [{ type: "mail" }],
    });
  });
});

describe("a complaint", () => {
  test("of Yahoo's is of the recipient that it names, when it was reported", async () => {
    expect(await said(fixtures.YAHOO)).toEqual({
      kind: "complaint",
      told: [{ address: JANE, type: "complained", at: AT, code: "abuse" }],
      unknown: [],
    });
  });

  test("that hides who complains is of the only recipient there is", async () => {
    expect(await one(fixtures.REDACTED)).toMatchObject([{ address: "", type: "complained" }]);
  });

  test("of Outlook.com is told by the mail alone", async () => {
    expect(await said(fixtures.outlook())).toMatchObject({
      kind: "complaint",
      told: [{ address: JANE, type: "complained" }],
    });
  });

  test.each([
    ["abuse", "complained"],
    ["fraud", "complained"],
    ["virus", "complained"],
    ["Opt-Out", "unsubscribed"],
    ["opt-out-list", "unsubscribed"],
  ])("of type %s is %s", async (type, event) => {
    expect(await one(fixtures.arf([`Feedback-Type: ${type}`]))).toMatchObject([{ type: event }]);
  });

  test.each(["not-spam", "other", "auth-failure", "constructor", ""])(
    "of type %j is kept and changes nothing",
    async (type) => {
      const { told, unknown } = await said(fixtures.arf([`Feedback-Type: ${type}`]));
      expect(told).toEqual([]);
      expect(unknown).toMatchObject([{ type: type || "feedback-report" }]);
    },
  );

  test("tells every recipient it names, once", async () => {
    const fields = ["Feedback-Type: abuse", "Original-Rcpt-To: <a@x.example>, b@x.example"];
    const told = await one(fixtures.arf([...fields, "Original-Rcpt-To: b@x.example"]));
    expect(told.map(({ address }) => address)).toEqual(["a@x.example", "b@x.example"]);
  });

  test("tells the return path and the id of the mail that it is about", async () => {
    const fields = ["Feedback-Type: abuse", "Original-Mail-From: <b-2@bounces.example.com>"];
    const raw = fixtures.arf(fields, [
      "Return-Path: <b-1@bounces.example.com>",
      "X-Postern-Id: 0190A1B2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    ]);
    expect((await read(raw)).original).toEqual({
      returnPaths: ["b-1@bounces.example.com", "b-2@bounces.example.com"],
      messageId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    });
  });
});
