import { expect, test } from "vitest";
import { messageOf } from "../../../src/providers/mailjet/body.ts";
import { hooks } from "../../../src/providers/mailjet/webhook.ts";
import { FULL } from "../../contract/messages.ts";
import { basic, keysOf, postTo, webhookContract } from "../../contract/webhook.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const AT = Date.UTC(2026, 10, 5, 16, 33, 54);

const event = (type: string, given: object = {}) => ({
  event: type,
  time: AT / 1000,
  MessageID: 1_152_921_525_000_001,
  Message_GUID: "1ab23cd4-e567-4901-8345-6789f01a1b2c",
  email: "ann@example.net",
  mj_campaign_id: 7257,
  mj_contact_id: 4,
  customcampaign: "",
  CustomID: ID,
  Payload: '{"postern_account":"acme","tags":{"kind":"welcome"}}',
  ...given,
});

const failure = (type: string, related: string, error: string, given: object = {}) =>
  event(type, { error_related_to: related, error, ...given });
const bounce = (error: string, hard: boolean, given: object = {}) =>
  failure("bounce", "recipient", error, { blocked: hard, hard_bounce: hard, ...given });

const about = { messageId: ID, account: "acme", address: "ann@example.net", at: AT };
const bounced = { ...about, type: "bounced" } as const;

const events = {
  "a message that was taken by the other side": [
    event("sent", { smtp_reply: "sent (250 2.0.0 OK 1433333948 fa5si855896wjc.199 - gsmtp)" }),
    [{ ...about, type: "delivered", code: "2.0.0", text: /gsmtp/ }],
  ],
  "a hard bounce": [
    bounce("user unknown", true, { comment: "550 5.1.1 <ann@example.net> no such user" }),
    [
      {
        ...bounced,
        code: "5.1.1",
        text: "550 5.1.1 <ann@example.net> no such user",
        bounce: { kind: "hard", category: "recipient" },
      },
    ],
  ],
  "a soft bounce": [
    bounce("quota exceeded", false),
    [{ ...bounced, code: "quota exceeded", bounce: { kind: "soft", category: "mailbox_full" } }],
  ],
  "a full mailbox as soft, though Mailjet has given up": [
    bounce("quota exceeded", true),
    [{ ...bounced, bounce: { kind: "soft", category: "mailbox_full" } }],
  ],
  "a bounce without a word that is known, as final as it says": [
    bounce("", true, { comment: "550 gone" }),
    [{ ...bounced, code: "550", bounce: { kind: "hard" } }],
  ],
  "a block of the sender": [
    failure("bounce", "spam", "sender blocked", { hard_bounce: true, comment: "554 5.7.1 listed" }),
    [{ ...bounced, code: "5.7.1", bounce: { kind: "block", category: "reputation" } }],
  ],
  "a domain that nobody has": [
    failure("bounce", "domain", "invalid domain", { hard_bounce: true }),
    [{ ...bounced, bounce: { kind: "hard", category: "recipient" } }],
  ],
  "trouble of Mailjet's own as soft": [
    failure("bounce", "system", "connection issue", { hard_bounce: true }),
    [{ ...bounced, bounce: { kind: "soft", category: "network" } }],
  ],
  "greylisting as a deferral, since it is tried again": [
    failure("bounce", "domain", "greylisted", { hard_bounce: false }),
    [{ ...about, type: "deferred", bounce: { kind: "soft", category: "rate" } }],
  ],
  "a recipient on Mailjet's list as a suppression": [
    failure("blocked", "mailjet", "preblocked"),
    [{ ...about, type: "suppressed", code: "preblocked", bounce: { category: "provider_list" } }],
  ],
  "a recipient that Mailjet knows to be none as a suppression": [
    failure("blocked", "recipient", "user unknown"),
    [{ ...about, type: "suppressed", code: "user unknown", bounce: { category: "provider_list" } }],
  ],
  "a message that Mailjet did not send as a refusal": [
    failure("blocked", "spam", "content blocked"),
    [{ ...about, type: "rejected", code: "content blocked" }],
  ],
  "a complaint": [event("spam", { source: "JMRPP" }), [{ ...about, type: "complained" }]],
  "an unsubscription": [event("unsub", { mj_list_id: 1 }), [{ ...about, type: "unsubscribed" }]],
  "an open": [event("open", { ip: "127.0.0.1" }), [{ ...about, type: "opened" }]],
  "a click, with its link": [
    event("click", { url: "https://example.com/a?b=c" }),
    [{ ...about, type: "clicked", url: "https://example.com/a?b=c" }],
  ],
} as const;

const post = (all: readonly unknown[], credentials = "hook:sesame") => ({
  headers: { ...basic(credentials), "content-type": "application/json" },
  body: JSON.stringify(all.length === 1 ? all[0] : all),
});

const subject = {
  hooks,
  keys: keysOf({ basic: ["hook:sesame"] }),
  now: AT + 60_000,
  post,
  events,
  several: [
    ["ann@example.net", "bob@example.net"].map((email) => event("sent", { email })),
    ["ann@example.net", "bob@example.net"].map((address) => ({
      type: "delivered" as const,
      address,
    })),
  ] as const,
  batches: true,
  unknown: event("typofix"),
  malformed: [
    ...["", "null", "5", '"text"', "{", "{}", "[".repeat(40_000)].map((body) => ({
      ...post([{}]),
      body,
    })),
    { ...post([{}]), body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]) },
  ],
  proofHeaders: ["authorization"],
  forge: (all: readonly unknown[]) => post(all, "hook:other"),
  tamper: null,
};

webhookContract("Mailjet", subject);

async function read(given: object) {
  const result = await postTo(subject, post([given]));
  if (!result.ok) throw new Error(result.error.reason);
  return result.value.events[0];
}

test("what is sent with a message is what its events are known by", async () => {
  const { CustomID, EventPayload } = messageOf({ ...FULL, account: "Grüße ✓" });
  const given = await read(event("sent", { CustomID, Payload: EventPayload }));
  expect(given).toMatchObject({ messageId: FULL.id, account: "Grüße ✓" });
});

test("a payload that others wrote says nothing of an account", async () => {
  for (const Payload of ["", "{", "null", "[]", '{"postern_account":[]}', 5, null]) {
    expect(await read(event("sent", { Payload }))).toMatchObject({ messageId: ID, account: "" });
  }
});

test("no id of Mailjet's is told: a call's answer is known by its first recipient's", async () => {
  expect(await read(event("sent"))).not.toHaveProperty("providerMessageId");
});

test("a time that is none is not told", async () => {
  for (const time of [undefined, null, "", "soon", -1, 1e300, {}]) {
    expect((await read(event("sent", { time })))?.at).toBe(0);
  }
});

test("names that every object has are unknown events, and errors that say nothing", async () => {
  for (const name of ["constructor", "__proto__", "toString", ""]) {
    const result = await postTo(subject, post([event(name)]));
    expect(result.ok && result.value.unknown).toHaveLength(1);
    expect((await read(bounce(name, false)))?.bounce).toEqual({ kind: "soft" });
  }
});
