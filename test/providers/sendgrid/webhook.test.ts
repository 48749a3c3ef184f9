import type { KeyObject } from "node:crypto";
import { describe, expect, test } from "vitest";
import { WINDOW_MS } from "../../../src/providers/sendgrid/signature.ts";
import { hooks } from "../../../src/providers/sendgrid/webhook.ts";
import { keysOf, type Posted, postTo, webhookContract } from "../../contract/webhook.ts";
import { pairOf, publicOf, signedBy } from "./signed.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const NOW = Date.UTC(2026, 10, 5, 16, 35);
const AT = Date.UTC(2026, 10, 5, 16, 33, 54);
const CALL = "Lli-03HcQ5_JLybO9fXsJg";

const own = pairOf();
const other = pairOf();
const signed = (body: Posted["body"], timestamp: string, key = own.privateKey) =>
  signedBy(key, body, timestamp);
const secondsAt = (ageMs: number) => String(Math.round((NOW - ageMs) / 1000));
/** SendGrid ends its body with a line break, and signs that too. */
const post = (events: readonly unknown[], ageMs = 0, key?: KeyObject) =>
  signed(`${JSON.stringify(events).replaceAll("},{", "},\r\n{")}\r\n`, secondsAt(ageMs), key);

const event = (given: object) => ({
  email: "ann@example.net",
  timestamp: AT / 1000,
  "smtp-id": `<${CALL}@geopod-ismtpd-1>`,
  sg_event_id: "Ym91bmNlLTAtMTk5NDIxMTI",
  sg_message_id: `${CALL}.recvd-5b4c8f-x2v9-1-66A0-5.0`,
  category: ["kind:welcome"],
  postern_id: ID,
  postern_account: "acme",
  plan: "pro",
  ...given,
});
const about = {
  messageId: ID,
  account: "acme",
  providerMessageId: CALL,
  eventId: "Ym91bmNlLTAtMTk5NDIxMTI",
  address: "ann@example.net",
  at: AT,
};
const bounce = (given: object) =>
  event({ event: "bounce", type: "bounce", status: "5.1.1", reason: "550 5.1.1 none", ...given });

const events = {
  "mail taken in as queued": [event({ event: "processed" }), [{ ...about, type: "queued" }]],
  "a delivery": [
    event({ event: "delivered", response: "250 2.0.0 OK m143 - gsmtp" }),
    [{ ...about, type: "delivered", code: "2.0.0", text: /gsmtp/ }],
  ],
  "a deferral": [
    event({ event: "deferred", response: "421 try again later", attempt: "5" }),
    [{ ...about, type: "deferred", code: "421", text: "421 try again later" }],
  ],
  "a bounce": [
    bounce({}),
    [
      {
        ...about,
        type: "bounced",
        code: "5.1.1",
        text: "550 5.1.1 none",
        bounce: { kind: "hard" },
      },
    ],
  ],
  "a bounce that SendGrid calls an invalid address": [
    bounce({ bounce_classification: "Invalid Address" }),
    [{ ...about, type: "bounced", bounce: { kind: "hard", category: "recipient" } }],
  ],
  "a bounce for its content as a block": [
    bounce({ bounce_classification: "Content" }),
    [{ ...about, type: "bounced", bounce: { kind: "block", category: "content" } }],
  ],
  "a bounce for the volume as soft": [
    bounce({ bounce_classification: "Frequency or Volume Too High" }),
    [{ ...about, type: "bounced", bounce: { kind: "soft", category: "rate" } }],
  ],
  "a block": [
    bounce({ type: "blocked", status: "5.7.1", bounce_classification: "Reputation" }),
    [
      {
        ...about,
        type: "bounced",
        code: "5.7.1",
        bounce: { kind: "block", category: "reputation" },
      },
    ],
  ],
  "a block without a classification": [
    bounce({ type: "blocked", status: "5.7.1" }),
    [{ ...about, type: "bounced", bounce: { kind: "block" } }],
  ],
  "what was deferred for too long as soft": [
    bounce({ type: "expired", status: undefined, reason: "unable to get mx info" }),
    [{ ...about, type: "bounced", code: "expired", bounce: { kind: "soft" } }],
  ],
  "a drop for an earlier bounce": [
    event({ event: "dropped", reason: "Bounced Address", status: "5.0.0" }),
    [
      {
        ...about,
        type: "suppressed",
        code: "bounced_address",
        bounce: { category: "provider_list" },
      },
    ],
  ],
  "a drop for an earlier unsubscription": [
    event({ event: "dropped", reason: "Unsubscribed Address" }),
    [{ ...about, type: "suppressed", code: "unsubscribed_address" }],
  ],
  "a drop for an earlier complaint": [
    event({ event: "dropped", reason: "Spam Reporting Address" }),
    [{ ...about, type: "suppressed", code: "spam_reporting_address" }],
  ],
  "a drop for what the message is": [
    event({ event: "dropped", reason: "Spam Content", status: "5.0.0" }),
    [{ ...about, type: "rejected", code: "dropped", text: "Spam Content" }],
  ],
  "a spam complaint": [event({ event: "spamreport" }), [{ ...about, type: "complained" }]],
  "an unsubscription": [event({ event: "unsubscribe" }), [{ ...about, type: "unsubscribed" }]],
  "an unsubscription from a group": [
    event({ event: "group_unsubscribe", asm_group_id: 7 }),
    [{ ...about, type: "unsubscribed" }],
  ],
  "an open": [event({ event: "open" }), [{ ...about, type: "opened", code: "" }]],
  "an open by Apple's proxy": [
    event({ event: "open", sg_machine_open: true }),
    [{ ...about, type: "opened", code: "machine" }],
  ],
  "a click, with its link": [
    event({ event: "click", url: "https://example.com/a?b=c", url_offset: { index: 0 } }),
    [{ ...about, type: "clicked", url: "https://example.com/a?b=c" }],
  ],
} as const;

const subject = {
  hooks,
  keys: keysOf({ signing: [publicOf(own.publicKey)] }),
  now: NOW,
  post: (all: readonly unknown[]) => post(all),
  postAged: (all: readonly unknown[], ageMs: number) => post(all, ageMs),
  windowMs: WINDOW_MS,
  events,
  several: [
    ["ann@example.net", "bob@example.net"].map((email) => bounce({ email })),
    ["ann@example.net", "bob@example.net"].map((address) => ({
      type: "bounced" as const,
      address,
    })),
  ] as const,
  batches: true,
  unknown: event({ event: "group_resubscribe", asm_group_id: 7 }),
  malformed: [
    ...["", "null", "{}", "5", '"text"', "[", "[".repeat(40_000)],
    new Uint8Array([0x5b, 0xff, 0xfe, 0x5d]),
  ].map((body) => signed(body, secondsAt(0))),
  proofHeaders: [
    "x-twilio-email-event-webhook-signature",
    "x-twilio-email-event-webhook-timestamp",
  ],
  forge: (all: readonly unknown[]) => post(all, 0, other.privateKey),
  tamper: ({ headers, body }: Posted) => ({ headers, body: String(body).replace("ann@", "bob@") }),
};

webhookContract("SendGrid", subject);

describe("SendGrid's events", () => {
  const readOf = async (...given: readonly unknown[]) => {
    const result = await postTo(subject, post(given));
    if (!result.ok) throw new Error(result.error.reason);
    return result.value;
  };

  test("an empty array is a request without events", async () => {
    expect(await readOf()).toEqual({ events: [], unknown: [] });
  });

  test("the call's id is before the first dot, and only where it has an id's form", async () => {
    const ids = [`${CALL}.filter0425p1mdw1.13037.57168B4A1D.0`, "filter0093p1las1.9128.5717.0"];
    const older = "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0";
    const all = [...ids, older, CALL, 7, undefined].map((sg_message_id) =>
      event({
        event: "processed",
        sg_message_id,
      }),
    );
    const { events: read } = await readOf(...all);
    const [first, ...rest] = read.map(({ providerMessageId }) => providerMessageId);
    expect(first).toBe(CALL);
    expect(rest.every((id) => id === undefined)).toBe(true);
  });

  test("names that every object has, and what is no object, are unknown types", async () => {
    const { events: read, unknown } = await readOf(
      ...["constructor", "__proto__", "toString", "account_status_change", 5, null].map((name) =>
        event({ event: name }),
      ),
      ...[null, 7, "x", []],
    );
    expect(read).toEqual([]);
    expect(unknown).toHaveLength(10);
    const hostile = ["constructor", "__proto__"];
    const said = await readOf(
      ...hostile.map((type) =>
        bounce({ type, bounce_classification: type, reason: 1, status: {} }),
      ),
      ...hostile.map((reason) => event({ event: "dropped", reason })),
    );
    expect(said.events.map(({ type, bounce: hint }) => [type, hint])).toEqual([
      ["bounced", undefined],
      ["bounced", undefined],
      ["rejected", undefined],
      ["rejected", undefined],
    ]);
  });

  test("a time that is none is 0", async () => {
    const times = ["soon", null, -5, {}, 1e300];
    const { events: read } = await readOf(
      ...times.map((timestamp) => event({ event: "processed", timestamp })),
    );
    expect(read.map(({ at }) => at)).toEqual(times.map(() => 0));
  });
});
