import { expect, test } from "vitest";
import { hooks } from "../../../src/providers/postmark/webhook.ts";
import { basic, keysOf, postTo, webhookContract } from "../../contract/webhook.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const metadata = { postern_id: ID, postern_account: "acme", plan: "pro" };
const common = {
  MessageID: "883953f4-6105-42a2-a16a-77a8eac79483",
  ServerID: 7,
  MessageStream: "outbound",
  Tag: "welcome",
  Metadata: metadata,
};
const about = {
  messageId: ID,
  account: "acme",
  providerMessageId: common.MessageID,
  address: "ann@example.net",
};

const bounce = (given: object) => ({
  ...common,
  RecordType: "Bounce",
  ID: 4_323_372_036_854,
  Type: "HardBounce",
  TypeCode: 1,
  Name: "Hard bounce",
  Description: "The server was unable to deliver your message.",
  Details: "smtp;550 5.1.1 The account does not exist.",
  Email: "ann@example.net",
  From: "shop@example.com",
  BouncedAt: "2026-11-05T16:33:54.9070259Z",
  DumpAvailable: true,
  Inactive: true,
  CanActivate: true,
  Subject: "Welcome",
  ...given,
});

const change = (given: object) => ({
  ...common,
  RecordType: "SubscriptionChange",
  ChangedAt: "2026-11-05T16:33:54Z",
  Recipient: "ann@example.net",
  Origin: "Recipient",
  SuppressSending: true,
  SuppressionReason: "ManualSuppression",
  ...given,
});

const events = {
  "a delivery": [
    {
      ...common,
      RecordType: "Delivery",
      Recipient: "ann@example.net",
      DeliveredAt: "2026-11-05T16:33:54Z",
      Details: "smtp;250 2.0.0 OK queued as 7A1",
    },
    [{ ...about, type: "delivered", at: Date.UTC(2026, 10, 5, 16, 33, 54), code: "2.0.0" }],
  ],
  "a hard bounce": [
    bounce({}),
    [
      {
        ...about,
        type: "bounced",
        code: "5.1.1",
        text: /does not exist/,
        eventId: "4323372036854",
        bounce: { kind: "hard" },
      },
    ],
  ],
  "a soft bounce": [
    bounce({ Type: "SoftBounce", TypeCode: 4096, Details: "smtp;452 4.2.2 mailbox full" }),
    [{ ...about, type: "bounced", code: "4.2.2", bounce: { kind: "soft" } }],
  ],
  "a block": [
    bounce({ Type: "Blocked", TypeCode: 100006, Details: "smtp;550 5.7.1 listed" }),
    [{ ...about, type: "bounced", code: "5.7.1", bounce: { kind: "block" } }],
  ],
  "a transient failure as a deferral": [
    bounce({ Type: "Transient", TypeCode: 2, Details: "smtp;421 4.7.0 try later" }),
    [{ ...about, type: "deferred", code: "4.7.0" }],
  ],
  "a spam complaint": [
    bounce({ RecordType: "SpamComplaint", Type: "SpamComplaint", TypeCode: 512, Details: "" }),
    [{ ...about, type: "complained" }],
  ],
  "an open": [
    {
      ...common,
      RecordType: "Open",
      Recipient: "ann@example.net",
      ReceivedAt: "2026-11-05T16:33:54Z",
      FirstOpen: true,
    },
    [{ ...about, type: "opened" }],
  ],
  "a click, with its link": [
    {
      ...common,
      RecordType: "Click",
      Recipient: "ann@example.net",
      ReceivedAt: "2026-11-05T16:33:54Z",
      OriginalLink: "https://example.com/a?b=c",
    },
    [{ ...about, type: "clicked", url: "https://example.com/a?b=c" }],
  ],
  "an unsubscription": [change({}), [{ ...about, type: "unsubscribed" }]],
  "a deactivation by hand as a suppression": [
    change({ Origin: "Customer" }),
    [{ ...about, type: "suppressed" }],
  ],
  "a deactivation after a hard bounce": [
    change({ SuppressionReason: "HardBounce" }),
    [{ ...about, type: "bounced", bounce: { kind: "hard" } }],
  ],
} as const;

const post = (all: readonly unknown[], credentials = "hook:sesame") => ({
  headers: { ...basic(credentials), "content-type": "application/json" },
  body: JSON.stringify(all.length === 1 ? all[0] : all),
});

const subject = {
  hooks,
  keys: keysOf({ basic: ["hook:sesame"] }),
  now: Date.UTC(2026, 10, 5, 16, 35),
  post,
  events,
  several: [
    ["ann@example.net", "bob@example.net"].map((Email) => bounce({ Email })),
    ["ann@example.net", "bob@example.net"].map((address) => ({
      type: "bounced" as const,
      address,
    })),
  ] as const,
  batches: false,
  unknown: { ...common, RecordType: "Inbound", From: "ann@example.net" },
  malformed: [
    ...["", "null", "[]", "5", '"text"', "{", "[".repeat(40_000)].map((body) => ({
      ...post([{}]),
      body,
    })),
    { ...post([{}]), body: new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]) },
  ],
  proofHeaders: ["authorization"],
  forge: (all: readonly unknown[]) => post(all, "hook:other"),
  tamper: null,
};

webhookContract("Postmark", subject);

test("a bounce's type that Postmark has added since is unknown, not an error", async () => {
  for (const Type of ["SomethingNew", "constructor", "__proto__"]) {
    const result = await postTo(subject, post([bounce({ Type })]));
    expect(result.ok && result.value.unknown).toHaveLength(1);
  }
});

test("an object that names no type is unknown as well", async () => {
  const result = await postTo(subject, post([{}]));
  expect(result.ok && result.value.unknown).toEqual([{ type: "", raw: {} }]);
});

test("credentials in another header, as a bearer, or one of two while they change", async () => {
  const body = JSON.stringify(events["a delivery"][0]);
  const ways = [
    [keysOf({ bearer: ["t0ken"] }), { authorization: "bearer t0ken" }],
    [keysOf({ header: { name: "X-Hook-Key", values: ["k"] } }), { "x-hook-key": "k" }],
    [keysOf({ basic: ["old:one", "new:one"] }), basic("old:one")],
  ] as const;
  for (const [keys, headers] of ways) {
    expect((await postTo({ ...subject, keys }, { headers: { ...headers }, body })).ok).toBe(true);
    const other = { authorization: "Bearer other", "x-hook-key": "other" };
    expect((await postTo({ ...subject, keys }, { headers: other, body })).ok).toBe(false);
  }
});
