import { Webhook } from "svix";
import { describe, expect, test } from "vitest";
import { hooks } from "../../../src/providers/resend/webhook.ts";
import { keysOf, type Posted, postTo, webhookContract } from "../../contract/webhook.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const EMAIL_ID = "56761188-7520-42d8-8898-ff6fc54ce618";
const NOW = Date.UTC(2026, 10, 5, 16, 35);
const SECRET = `whsec_${Buffer.alloc(24, 5).toString("base64")}`;
const OTHER = `whsec_${Buffer.alloc(24, 6).toString("base64")}`;

const about = {
  messageId: ID,
  account: "acme",
  providerMessageId: EMAIL_ID,
  address: "ann@example.net",
  eventId: "msg_2W2D3qXLS5fOaPja1GDg7rF2CwB",
  at: Date.UTC(2026, 10, 5, 16, 33, 54, 907),
};

const event = (type: string, data: object = {}) => ({
  type,
  created_at: "2026-11-05T16:33:54.907Z",
  data: {
    created_at: "2026-11-05T16:30:00.000Z",
    email_id: EMAIL_ID,
    message_id: "<111-222@email.example.com>",
    from: "Shop <shop@example.com>",
    to: ["ann@example.net"],
    subject: "Welcome",
    tags: { postern_id: ID, postern_account: "acme", plan: "pro" },
    ...data,
  },
});

const bounce = (type: string, subType: string, diagnosticCode?: unknown, data: object = {}) =>
  event("email.bounced", {
    bounce: { type, subType, message: "The recipient's email provider …", diagnosticCode },
    ...data,
  });

const events = {
  "a scheduled message": [event("email.scheduled"), [{ ...about, type: "queued" }]],
  "a message sent": [event("email.sent"), [{ ...about, type: "sent" }]],
  "a delivery": [event("email.delivered"), [{ ...about, type: "delivered" }]],
  "a delay as a deferral": [event("email.delivery_delayed"), [{ ...about, type: "deferred" }]],
  "a hard bounce, its reason in the diagnostic": [
    bounce("Permanent", "General", ["smtp; 550 5.1.1 <ann@example.net> no such user"]),
    [{ ...about, type: "bounced", code: "5.1.1", text: /no such user/, bounce: { kind: "hard" } }],
  ],
  "a bounce without a diagnostic, under its own word": [
    bounce("Permanent", "NoEmail"),
    [
      {
        ...about,
        type: "bounced",
        code: "NoEmail",
        text: "",
        bounce: { kind: "hard", category: "recipient" },
      },
    ],
  ],
  "a full mailbox": [
    bounce("Transient", "MailboxFull", "452 4.2.2 over quota"),
    [
      {
        ...about,
        type: "bounced",
        code: "4.2.2",
        bounce: { kind: "soft", category: "mailbox_full" },
      },
    ],
  ],
  "refused content": [
    bounce("Transient", "ContentRejected", ["554 spam"]),
    [{ ...about, type: "bounced", code: "554", bounce: { kind: "block", category: "content" } }],
  ],
  "a bounce of the provider's own list": [
    bounce("Permanent", "OnAccountSuppressionList"),
    [{ ...about, type: "suppressed", bounce: { category: "provider_list" } }],
  ],
  "a suppression": [
    event("email.suppressed", { suppressed: { message: "is on the list", type: "OnAccount" } }),
    [
      {
        ...about,
        type: "suppressed",
        code: "OnAccount",
        text: "is on the list",
        bounce: { category: "provider_list" },
      },
    ],
  ],
  "a failure before sending": [
    event("email.failed", { failed: { reason: "reached_daily_quota" } }),
    [{ ...about, type: "rejected", code: "reached_daily_quota" }],
  ],
  "a complaint": [event("email.complained"), [{ ...about, type: "complained" }]],
  "an open": [event("email.opened"), [{ ...about, type: "opened" }]],
  "a click, with its link": [
    event("email.clicked", {
      click: { link: "https://example.com/a?b=c", ipAddress: "192.0.2.1" },
    }),
    [{ ...about, type: "clicked", url: "https://example.com/a?b=c" }],
  ],
} as const;

function signed(body: string, secret = SECRET, at = NOW): Posted {
  const signature = new Webhook(secret).sign(about.eventId, new Date(at), body);
  const headers = {
    "svix-id": about.eventId,
    "svix-timestamp": String(Math.floor(at / 1_000)),
    "svix-signature": signature,
    "content-type": "application/json",
  };
  return { headers, body };
}

const bodyOf = (all: readonly unknown[]): string => JSON.stringify(all.length === 1 ? all[0] : all);
const post = (all: readonly unknown[]) => signed(bodyOf(all));

const to = (address: string) => event("email.delivered", { to: [address] });

const subject = {
  hooks,
  keys: keysOf({ signing: [SECRET] }),
  now: NOW,
  post,
  postAged: (all: readonly unknown[], ageMs: number) => signed(bodyOf(all), SECRET, NOW - ageMs),
  windowMs: 300_000,
  events,
  several: [
    [to("ann@example.net"), to("bob@example.net")],
    ["ann@example.net", "bob@example.net"].map((address) => ({
      type: "delivered" as const,
      address,
    })),
  ] as const,
  batches: false,
  unknown: event("contact.created"),
  malformed: [
    ...["", "null", "[]", "5", '"text"', "{", "{}", "[".repeat(40_000)].map((body) => signed(body)),
  ],
  proofHeaders: ["svix-id", "svix-timestamp", "svix-signature"],
  forge: (all: readonly unknown[]) => signed(bodyOf(all), OTHER),
  tamper: ({ headers, body }: Posted) => ({ headers, body: `${body} ` }),
};

webhookContract("Resend", subject);

const read = async (given: unknown) => {
  const result = await postTo(subject, post([given]));
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
};

describe("of a message to several", () => {
  const both = { to: ["Ann <ann@example.net>", "bob@example.net"] };

  test("what is true of all is told of each, bare of names", async () => {
    const { events: told } = await read(event("email.sent", both));
    expect(told.map(({ address }) => address)).toEqual(["ann@example.net", "bob@example.net"]);
  });

  test("a bounce belongs to the one whom the diagnostic quotes", async () => {
    const told = await read(
      bounce("Permanent", "General", ["550 5.1.1 <Bob@Example.net> unknown"], both),
    );
    expect(told.events.map(({ address }) => address)).toEqual(["bob@example.net"]);
  });

  test.each([
    ["a bounce", bounce("Permanent", "General", ["550 5.1.1 unknown"], both)],
    ["a delivery", event("email.delivered", both)],
    ["a complaint", event("email.complained", both)],
    ["an open", event("email.opened", both)],
  ])("%s that names nobody is nobody's, and is kept", async (_title, given) => {
    const told = await read(given);
    expect(told.events).toEqual([]);
    expect(told.unknown).toEqual([
      { type: expect.stringMatching(/^email\.\w+ \(one of several\)$/), raw: given },
    ]);
  });

  test("a bounce is not of To when there was a Cc, which events do not name", async () => {
    const tags = { postern_id: ID, postern_account: "acme", postern_recipients: "2" };
    const told = await read(bounce("Permanent", "NoEmail", undefined, { tags }));
    expect([told.events.length, told.unknown.length]).toEqual([0, 1]);
  });
});

test("a bounce with Resend's sentence alone is read by it, and has no diagnostic", async () => {
  const sentence = async (message: string) => {
    const { events: told } = await read(event("email.bounced", { bounce: { message } }));
    return told.map(({ type, bounce: hint, text }) => [type, hint, text]);
  };
  expect(await sentence("The recipient's provider sent a hard bounce message.")).toEqual([
    ["bounced", { kind: "hard" }, ""],
  ]);
  expect(await sentence("... because the recipient's inbox was full.")).toEqual([
    ["bounced", { kind: "soft", category: "mailbox_full" }, ""],
  ]);
  expect(await sentence("Resend has suppressed sending to this address")).toEqual([
    ["bounced", { kind: "block", category: "provider_list" }, ""],
  ]);
  expect(await sentence("Something else")).toEqual([["bounced", undefined, ""]]);
});

test("tags as a list, none at all, or words of JavaScript's own", async () => {
  const list = [{ name: "postern_id", value: ID }, { name: "postern_account", value: "acme" }, 5];
  const [told] = (await read(event("email.sent", { tags: list }))).events;
  expect(told).toMatchObject(about);
  const [bare] = (await read({ type: "email.sent" })).events;
  expect(bare).toMatchObject({ messageId: "", account: "", address: "", at: 0 });
  for (const word of ["__proto__", "constructor"]) {
    expect((await read(event(word))).unknown).toHaveLength(1);
    expect((await read(bounce(word, word))).events).toMatchObject([{ type: "bounced" }]);
  }
});
