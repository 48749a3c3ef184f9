import { expect, test } from "vitest";
import { bodyOf } from "../../../src/providers/brevo/body.ts";
import { hooks } from "../../../src/providers/brevo/webhook.ts";
import { outgoing } from "../../contract/messages.ts";
import { basic, keysOf, postTo, webhookContract } from "../../contract/webhook.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const AT = Date.UTC(2026, 10, 5, 16, 33, 54);
const PROVIDER_ID = "<202611051633.57812345678@smtp-relay.mailin.fr>";

const event = (type: string, given: object = {}) => ({
  event: type,
  email: "ann@example.net",
  id: 814_002,
  // In the account's time zone, whatever that is.
  date: "2026-11-05 11:33:54",
  ts: AT / 1000 - 18_000,
  ts_event: AT / 1000 - 18_000,
  ts_epoch: AT,
  "message-id": PROVIDER_ID,
  subject: "Welcome",
  tag: JSON.stringify([ID, "kind:welcome"]),
  tags: [ID, "kind:welcome"],
  "X-Mailin-custom": `{"plan":"50%25", "postern_account":"acme", "postern_id":"${ID}"}`,
  sending_ip: "203.0.113.7",
  ...given,
});

const about = {
  messageId: ID,
  account: "acme",
  providerMessageId: PROVIDER_ID,
  address: "ann@example.net",
  at: AT,
};

const events = {
  "an accepted message as queued": [
    event("request", { reason: "sent" }),
    [{ ...about, type: "queued", code: "", text: "" }],
  ],
  "a delivery, whose reason is Brevo's own": [
    event("delivered", { reason: "sent" }),
    [{ ...about, type: "delivered", code: "", text: "" }],
  ],
  "a deferral": [
    event("deferred", { reason: "421 4.7.0 Try again later" }),
    [{ ...about, type: "deferred", code: "4.7.0", text: "421 4.7.0 Try again later" }],
  ],
  "a soft bounce": [
    event("soft_bounce", { reason: "451 mailbox full" }),
    [{ ...about, type: "bounced", code: "451", bounce: { kind: "soft" } }],
  ],
  "a soft bounce without a code": [
    event("soft_bounce", { reason: "undefined Unable to find MX of domain example.net" }),
    [{ ...about, type: "bounced", code: "soft_bounce", bounce: { kind: "soft" } }],
  ],
  "a hard bounce": [
    event("hard_bounce", { reason: " RecipientError: 550 5.1.1 No such mailbox" }),
    [
      {
        ...about,
        type: "bounced",
        code: "5.1.1",
        text: "RecipientError: 550 5.1.1 No such mailbox",
        bounce: { kind: "hard" },
      },
    ],
  ],
  "a hard bounce as subscriptions write it": [
    event("hardBounce", { reason: "550 no such user" }),
    [{ ...about, type: "bounced", code: "550", bounce: { kind: "hard" } }],
  ],
  "an invalid address": [
    event("invalid_email", { reason: "" }),
    [
      {
        ...about,
        type: "bounced",
        code: "invalid_email",
        bounce: { kind: "hard", category: "recipient" },
      },
    ],
  ],
  "a block by Brevo's list as a suppression": [
    event("blocked", { reason: "blocked : due to blacklist user" }),
    [{ ...about, type: "suppressed", code: "blocked", bounce: { category: "provider_list" } }],
  ],
  "a block of the sender as a refusal": [
    event("blocked", { reason: "blocked : due to blacklisted sender" }),
    [{ ...about, type: "rejected", code: "blocked" }],
  ],
  "a block by the other side as a bounce": [
    event("blocked", { reason: "554 5.7.1 listed" }),
    [{ ...about, type: "bounced", code: "5.7.1", bounce: { kind: "block" } }],
  ],
  "an error as a refusal": [event("error"), [{ ...about, type: "rejected", code: "error" }]],
  "a complaint": [event("spam"), [{ ...about, type: "complained" }]],
  "a complaint by its other name": [event("complaint"), [{ ...about, type: "complained" }]],
  "an unsubscription": [event("unsubscribed"), [{ ...about, type: "unsubscribed" }]],
  "an open": [event("opened"), [{ ...about, type: "opened" }]],
  "a first open": [event("unique_opened"), [{ ...about, type: "opened" }]],
  "an open by a proxy": [event("proxy_open"), [{ ...about, type: "opened" }]],
  "a first open by a proxy": [event("uniqueProxyOpen"), [{ ...about, type: "opened" }]],
  "a click, with its link": [
    event("click", { link: "https://example.com/a?b=c" }),
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
    ["ann@example.net", "bob@example.net"].map((email) => event("hard_bounce", { email })),
    ["ann@example.net", "bob@example.net"].map((address) => ({
      type: "bounced" as const,
      address,
    })),
  ] as const,
  batches: true,
  unknown: event("list_addition"),
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

webhookContract("Brevo", subject);

async function read(given: object) {
  const result = await postTo(subject, post([given]));
  if (!result.ok) throw new Error(result.error.reason);
  return result.value.events[0];
}

test("our header is read as it is written, whatever the account is called", async () => {
  for (const account of ["acme", "50% & more", 'quo"te\\', "Grüße ✓", "%41"]) {
    const sent = bodyOf(outgoing({ id: ID, account }));
    const headers = sent.headers as Record<string, string>;
    const given = await read(event("delivered", { ...headers, tags: [], tag: undefined }));
    expect(given).toMatchObject({ messageId: ID, account });
  }
});

test("without the header our id is the tag that looks like one", async () => {
  for (const custom of [undefined, "", "{", "null", '{"postern_id":[]}', 7]) {
    const given = { "X-Mailin-custom": custom, tags: ["kind:welcome", ID] };
    expect(await read(event("delivered", given))).toMatchObject({ messageId: ID, account: "" });
  }
  const neither = { "X-Mailin-custom": undefined, tags: "x" };
  expect(await read(event("delivered", neither))).toMatchObject({ messageId: "" });
});

test("a header with broken percent-encoding is taken as it stands", async () => {
  const custom = `{"postern_account":"100%","postern_id":"${ID}"}`;
  const given = await read(event("delivered", { "X-Mailin-custom": custom }));
  expect(given).toMatchObject({ messageId: ID, account: "100%" });
});

test("only ts_epoch is believed, in milliseconds or in seconds", async () => {
  const at = async (ts_epoch: unknown) => (await read(event("delivered", { ts_epoch })))?.at;
  expect(await at(AT)).toBe(AT);
  expect(await at(AT / 1000)).toBe(AT);
  expect(await at(String(AT))).toBe(AT);
  for (const wrong of [undefined, null, "", "soon", -1, 1e300, 1.5, {}, []]) {
    expect(await at(wrong)).toBe(0);
  }
});

test("a message id without brackets gets those that the API answers", async () => {
  const of = async (id: unknown) =>
    (await read(event("delivered", { "message-id": id })))?.providerMessageId;
  expect(await of(PROVIDER_ID.slice(1, -1))).toBe(PROVIDER_ID);
  expect(await of(undefined)).toBeUndefined();
});

test("names that every object has are unknown events", async () => {
  for (const name of ["constructor", "__proto__", "toString", ""]) {
    const result = await postTo(subject, post([event(name)]));
    expect(result.ok && result.value.unknown).toHaveLength(1);
  }
});

test("what is no event does not take the rest of its batch with it", async () => {
  const result = await postTo(subject, post([5, null, [], event("delivered")]));
  expect(result.ok && result.value.events).toHaveLength(1);
  expect(result.ok && result.value.unknown).toHaveLength(3);
});
