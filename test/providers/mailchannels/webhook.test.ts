import { expect, test } from "vitest";
import { hooks } from "../../../src/providers/mailchannels/webhook.ts";
import { basic, keysOf, type Posted, postTo, webhookContract } from "../../contract/webhook.ts";
import { keyServer, makeKey, signedBy } from "./signed.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const AT = Date.UTC(2026, 10, 5, 16, 33, 54);
const WINDOW_MS = 5 * 60_000;
const KEY = await makeKey("mckey");
const OTHER = await makeKey("mckey");

const event = (type: string, given: object = {}) => ({
  email: "shop@example.com",
  customer_handle: "acme1",
  timestamp: AT / 1000,
  event: type,
  request_id: "wBLWrCnK0Z965pf-cgxhNg8bo5s=",
  smtp_id: "<0123456789abcdef@mailchannels.example>",
  campaign_id: ID,
  recipients: ["ann@example.net"],
  ...given,
});

const about = {
  messageId: ID,
  providerMessageId: "wBLWrCnK0Z965pf-cgxhNg8bo5s=",
  address: "ann@example.net",
  at: AT,
};

const events = {
  "a message under way as queued": [event("processed"), [{ ...about, type: "queued" }]],
  "a delivery": [event("delivered"), [{ ...about, type: "delivered", code: "", text: "" }]],
  "a soft bounce as a deferral, since it is tried again": [
    event("soft-bounced", { status: "450", reason: "4.2.2 mailbox full" }),
    [{ ...about, type: "deferred", code: "4.2.2", text: "4.2.2 mailbox full" }],
  ],
  "a hard bounce": [
    event("hard-bounced", { status: "550", reason: "no such user" }),
    [
      {
        ...about,
        type: "bounced",
        code: "550",
        text: "no such user",
        bounce: { kind: "hard" },
      },
    ],
  ],
  "a hard bounce that says nothing": [
    event("hard-bounced"),
    [{ ...about, type: "bounced", code: "hard-bounced", bounce: { kind: "hard" } }],
  ],
  "a hard bounce of several, each for itself": [
    event("hard-bounced", { recipients: ["ann@example.net", "bob@example.net"] }),
    [
      { ...about, type: "bounced" },
      { ...about, type: "bounced", address: "bob@example.net" },
    ],
  ],
  "a drop as a refusal": [
    event("dropped", { reason: "the message could not be signed" }),
    [{ ...about, type: "rejected", code: "dropped" }],
  ],
  "a drop by MailChannels' list as a suppression": [
    event("dropped", { reason: "recipient is on the suppression list" }),
    [{ ...about, type: "suppressed", code: "dropped", bounce: { category: "provider_list" } }],
  ],
  "a complaint": [event("complained"), [{ ...about, type: "complained" }]],
  "an unsubscription": [event("unsubscribed"), [{ ...about, type: "unsubscribed" }]],
  "an open": [event("open", { ip: "203.0.113.7" }), [{ ...about, type: "opened" }]],
  "a click, with its link": [
    event("click", { url: "https://example.com/a?b=c" }),
    [{ ...about, type: "clicked", url: "https://example.com/a?b=c" }],
  ],
} as const;

async function signed(body: Posted["body"], ageMs = 0, key = KEY): Promise<Posted> {
  return { headers: await signedBy(key, body, AT - ageMs), body };
}

const post = (all: readonly unknown[], ageMs = 0) => signed(JSON.stringify(all), ageMs);

const subject = {
  hooks,
  keys: keysOf({ handles: ["acme1", "acme1-sub"] }),
  now: AT,
  fetch: keyServer([KEY]),
  post: (all: readonly unknown[]) => post(all),
  postAged: post,
  windowMs: WINDOW_MS,
  events,
  several: [
    ["ann@example.net", "bob@example.net"].map((one) => event("open", { recipients: [one] })),
    ["ann@example.net", "bob@example.net"].map((address) => ({ type: "opened" as const, address })),
  ] as const,
  batches: true,
  unknown: event("replied"),
  malformed: () =>
    Promise.all(
      ["", "null", "5", '"text"', "{", "{}", "[".repeat(40_000), new Uint8Array([0x5b, 0xff])].map(
        (body) => signed(body),
      ),
    ),
  proofHeaders: ["content-digest", "signature-input", "signature"],
  forge: (all: readonly unknown[]) => signed(JSON.stringify(all), 0, OTHER),
  tamper: ({ headers, body }: Posted) => ({
    headers,
    body: String(body).replace("ann@example.net", "eve@example.net"),
  }),
};

webhookContract("MailChannels", subject);

const reasonOf = async (posted: Posted, given: Partial<typeof subject> = {}) => {
  const result = await postTo({ ...subject, ...given }, posted);
  return result.ok ? "taken" : result.error.reason;
};

test("another customer's events are refused, however well they are signed", async () => {
  const theirs = ["other", "ACME1", "acme1 ", "", undefined, null, ["acme1"], { acme1: 1 }];
  for (const customer_handle of theirs) {
    const alone = await post([event("hard-bounced", { customer_handle })]);
    expect(await reasonOf(alone)).toBe("bad_proof");
    const among = await post([event("delivered"), event("hard-bounced", { customer_handle })]);
    expect(await reasonOf(among)).toBe("bad_proof");
  }
  const sub = await post([event("delivered", { customer_handle: "acme1-sub" })]);
  expect(await reasonOf(sub)).toBe("taken");
});

test("who does not know our handle cannot have MailChannels asked for keys", async () => {
  const asked: string[] = [];
  const fetch = keyServer([], asked);
  const theirs = JSON.stringify([event("open", { customer_handle: "acme2" })]);
  for (const body of [theirs, "[]", "[5]", "{}", "x"]) {
    const posted = await signed(body, 0, await makeKey("made-up"));
    expect(await reasonOf(posted, { fetch }), body).toMatch(/^(bad_proof|malformed)$/);
  }
  expect(asked).toEqual([]);
});

test("without a handle the signature proves nothing; credentials do", async () => {
  const posted = await post([event("delivered")]);
  expect(await reasonOf(posted, { keys: keysOf({ signing: [KEY.publicKey] }) })).toBe(
    "not_configured",
  );
  const keys = keysOf({ basic: ["hook:sesame"], handles: ["acme1"] });
  expect(await reasonOf(posted, { keys })).toBe("missing_proof");
  const headers = { ...posted.headers, ...basic("hook:sesame") };
  expect(await reasonOf({ ...posted, headers }, { keys })).toBe("taken");
});

test("a configured key is believed without asking anybody, in base64 or PEM", async () => {
  const pem = `-----BEGIN PUBLIC KEY-----\n${KEY.publicKey}\n-----END PUBLIC KEY-----\n`;
  for (const signing of [[KEY.publicKey], [pem], ["%%%", OTHER.publicKey, KEY.publicKey]]) {
    const keys = keysOf({ handles: ["acme1"], signing });
    const fetch = () => Promise.reject(new TypeError("asked"));
    expect(await reasonOf(await post([event("open")]), { keys, fetch })).toBe("taken");
  }
  const keys = keysOf({ handles: ["acme1"], signing: [OTHER.publicKey] });
  expect(await reasonOf(await post([event("open")]), { keys })).toBe("bad_proof");
});

test("while the key cannot be had, the provider is asked to come again", async () => {
  const key = await makeKey("unheard-of");
  const posted = await signed(JSON.stringify([event("open")]), 0, key);
  const fetch = () => Promise.reject(new TypeError("unreachable"));
  expect(await reasonOf(posted, { fetch })).toBe("unavailable");
  expect(await reasonOf(posted, { fetch: keyServer([key]) })).toBe("taken");
});

test("the event that only tests a webhook is about nobody", async () => {
  const given = { event: "test", recipients: undefined, campaign_id: undefined };
  const result = await postTo(subject, await post([event("test", given)]));
  expect(result).toEqual({ ok: true, value: { events: [], unknown: [] } });
});

test("an event without recipients is still told by its message", async () => {
  for (const recipients of [undefined, null, [], "ann", [5, {}, ""]]) {
    const result = await postTo(subject, await post([event("delivered", { recipients })]));
    const read = result.ok ? result.value.events : [];
    expect(read.length).toBeGreaterThan(0);
    for (const one of read) expect(one).toMatchObject({ messageId: ID, type: "delivered" });
  }
});

test("names that every object has are unknown events", async () => {
  for (const name of ["constructor", "__proto__", ""]) {
    const result = await postTo(subject, await post([event(name)]));
    expect(result.ok && result.value.unknown).toHaveLength(1);
  }
});
