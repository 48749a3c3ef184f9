import { describe, expect, test } from "vitest";
import type { EventType } from "../../../src/core/delivery-state.ts";
import { hooks } from "../../../src/providers/sparkpost/webhook.ts";
import { basic, keysOf, type Posted, postTo, webhookContract } from "../../contract/webhook.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const NOW = Date.UTC(2026, 10, 5, 16, 35);
const AT = Date.UTC(2026, 10, 5, 16, 33, 54);
const TRANSMISSION = "66515443134567728";

const KINDS: Readonly<Record<string, string>> = {
  open: "track_event",
  initial_open: "track_event",
  amp_open: "track_event",
  click: "track_event",
  amp_click: "track_event",
  list_unsubscribe: "unsubscribe_event",
  link_unsubscribe: "unsubscribe_event",
  generation_failure: "gen_event",
  generation_rejection: "gen_event",
};

/** An event in its envelope. */
const event = (type: string, given: object = {}) => ({
  msys: {
    [KINDS[type] ?? "message_event"]: {
      type,
      event_id: "92356927693813856",
      timestamp: String(AT / 1000),
      transmission_id: TRANSMISSION,
      message_id: "000443ee14578172be22",
      rcpt_to: "ann@example.net",
      raw_rcpt_to: "Ann@example.net",
      rcpt_meta: { postern_id: ID, postern_account: "acme", plan: "pro" },
      rcpt_tags: ["kind:welcome"],
      subject: "Welcome",
      ...given,
    },
  },
});
const about = {
  messageId: ID,
  account: "acme",
  providerMessageId: TRANSMISSION,
  eventId: "92356927693813856",
  address: "Ann@example.net",
  at: AT,
};
const bounce = (bounce_class: string, given: object = {}) =>
  event("bounce", {
    bounce_class,
    error_code: "550",
    reason: "550 [internal] none such",
    raw_reason: "550 5.1.1 none such",
    ...given,
  });
const suppressed = { raw_reason: "554 5.7.1 [internal] recipient is on the suppression list" };

const events = {
  "mail taken in as queued": [event("injection"), [{ ...about, type: "queued" }]],
  "a delivery": [event("delivery"), [{ ...about, type: "delivered", code: "" }]],
  "a delay as a deferral": [
    event("delay", { bounce_class: "21", error_code: "454", raw_reason: "454 4.4.4 no route" }),
    [{ ...about, type: "deferred", code: "4.4.4", text: "454 4.4.4 no route" }],
  ],
  "a hard bounce, with what the other server said": [
    bounce("10"),
    [
      {
        ...about,
        type: "bounced",
        code: "5.1.1",
        text: "550 5.1.1 none such",
        bounce: { kind: "hard", category: "recipient" },
      },
    ],
  ],
  "a bounce without an enhanced code": [
    bounce("51", { raw_reason: "550 listed", error_code: "550" }),
    [{ ...about, type: "bounced", code: "550", bounce: { kind: "block" } }],
  ],
  "a bounce without any reply": [
    bounce("1", { raw_reason: "", reason: "", error_code: null }),
    [{ ...about, type: "bounced", code: "1", text: "" }],
  ],
  "a bounce that came later": [
    event("out_of_band", { bounce_class: "30", reason: "550 unknown" }),
    [{ ...about, type: "bounced", code: "550", bounce: { kind: "hard" } }],
  ],
  "an address on SparkPost's own list": [
    bounce("25", suppressed),
    [{ ...about, type: "suppressed", bounce: { category: "provider_list" } }],
  ],
  "what SparkPost stops for another reason": [
    bounce("25", { raw_reason: "554 5.7.1 message expired" }),
    [{ ...about, type: "rejected", code: "5.7.1" }],
  ],
  "a refusal by policy": [
    event("policy_rejection", { error_code: "550", reason: "550 5.7.1 no such customer" }),
    [{ ...about, type: "rejected", code: "5.7.1" }],
  ],
  "a refusal by policy for its own list": [
    event("policy_rejection", suppressed),
    [{ ...about, type: "suppressed" }],
  ],
  "a failed generation": [
    event("generation_failure", { reason: "substitution failed" }),
    [{ ...about, type: "rejected", code: "generation_failure", text: "substitution failed" }],
  ],
  "a refused generation": [event("generation_rejection"), [{ ...about, type: "rejected" }]],
  "a spam complaint": [event("spam_complaint"), [{ ...about, type: "complained" }]],
  "an unsubscription by the header": [
    event("list_unsubscribe"),
    [{ ...about, type: "unsubscribed" }],
  ],
  "an unsubscription by a link": [event("link_unsubscribe"), [{ ...about, type: "unsubscribed" }]],
  "an open": [event("open"), [{ ...about, type: "opened" }]],
  "a first open": [event("initial_open"), [{ ...about, type: "opened" }]],
  "an open of AMP mail": [event("amp_open"), [{ ...about, type: "opened" }]],
  "a click, with its link": [
    event("click", { target_link_url: "https://example.com/a?b=c" }),
    [{ ...about, type: "clicked", url: "https://example.com/a?b=c" }],
  ],
} as const;

const post = (all: readonly unknown[], credentials = "hook:sesame") => ({
  headers: {
    ...basic(credentials),
    "content-type": "application/json",
    "x-messagesystems-batch-id": "2d8b7b0e-1c3e-4f0e-9a3f-0b0f0c0d0e0f",
  },
  body: JSON.stringify(all),
});

const subject = {
  hooks,
  keys: keysOf({ basic: ["hook:sesame"] }),
  now: NOW,
  post: (all: readonly unknown[]) => post(all),
  events,
  several: [
    ["ann@example.net", "bob@example.net"].map((raw_rcpt_to) => bounce("10", { raw_rcpt_to })),
    ["ann@example.net", "bob@example.net"].map((address) => ({
      type: "bounced" as const,
      address,
    })),
  ] as const,
  batches: true,
  unknown: { msys: { relay_event: { type: "relay_injection", rcpt_to: "ann@example.net" } } },
  malformed: [
    ...["", "null", "{}", "5", '"text"', "[", '{"msys":{}}', "[".repeat(40_000)],
    new Uint8Array([0x5b, 0xff, 0xfe, 0x5d]),
  ].map((body): Posted => ({ ...post([]), body })),
  proofHeaders: ["authorization"],
  forge: (all: readonly unknown[]) => post(all, "hook:other"),
  tamper: null,
};

webhookContract("SparkPost", subject);

describe("SparkPost's webhooks", () => {
  const readOf = async (posted: Posted) => {
    const result = await postTo(subject, posted);
    if (!result.ok) throw new Error(result.error.reason);
    return result.value;
  };

  test("the request that tests the address is taken, and so is an empty one", async () => {
    for (const body of ['[{"msys":{}}]', "[]", '[{"msys":{}},{"msys":{}}]']) {
      expect(await readOf({ ...post([]), body })).toEqual({ events: [], unknown: [] });
    }
  });

  test("a bearer's token is as good as a password, where it is configured", async () => {
    const keys = keysOf({ bearer: ["t0ken"] });
    const { body } = post([events["a delivery"][0]]);
    const given = (authorization: string) =>
      postTo({ ...subject, keys }, { headers: { authorization }, body });
    expect((await given("Bearer t0ken")).ok).toBe(true);
    expect((await given("Bearer other")).ok).toBe(false);
  });

  test("350 events, each as long as may be, are within the size that is taken", async () => {
    const long = event("click", {
      target_link_url: `https://example.com/${"x".repeat(4_000)}`,
      user_agent: "x".repeat(500),
      rcpt_meta: { postern_id: ID, postern_account: "acme", more: "x".repeat(1_000) },
      rcpt_tags: Array(10).fill("x".repeat(128)),
      geo_ip: { country: "US", region: "MD", city: "Columbia", latitude: 39.1, longitude: -76.8 },
      subject: "x".repeat(998),
    });
    const posted = post(Array.from({ length: 350 }, () => long));
    expect(posted.body.length).toBeLessThan(hooks.bytesMax);
    expect((await readOf(posted)).events).toHaveLength(350);
  });

  const classes: readonly (readonly [string, EventType | null, object | undefined])[] = [
    ["1", "bounced", undefined],
    ["10", "bounced", { kind: "hard", category: "recipient" }],
    ["20", "bounced", { kind: "soft" }],
    ["21", "bounced", { kind: "soft", category: "network" }],
    ["22", "bounced", { kind: "soft", category: "mailbox_full" }],
    ["23", "bounced", { kind: "soft", category: "too_large" }],
    ["24", "bounced", { kind: "soft", category: "network" }],
    ["25", "rejected", undefined],
    ["26", "suppressed", { category: "provider_list" }],
    ["30", "bounced", { kind: "hard", category: "recipient" }],
    ["40", "bounced", { kind: "soft" }],
    ["50", "bounced", { kind: "block" }],
    ["51", "bounced", { kind: "block", category: "reputation" }],
    ["52", "bounced", { kind: "block", category: "content" }],
    ["53", "bounced", { kind: "block", category: "content" }],
    ["54", "bounced", { kind: "block", category: "policy" }],
    ["60", "delivered", undefined],
    ["70", "deferred", undefined],
    ["80", null, undefined],
    ["90", "bounced", { kind: "hard", category: "recipient" }],
    ["100", "deferred", undefined],
    ["999", "bounced", undefined],
    ["constructor", "bounced", undefined],
    ["__proto__", "bounced", undefined],
  ];
  test.each(classes)("a bounce of class %s is %s", async (name, type, hint) => {
    for (const given of [name, Number.isNaN(Number(name)) ? name : Number(name)]) {
      for (const kind of ["bounce", "out_of_band"]) {
        const posted = post([event(kind, { bounce_class: given, raw_reason: "550 no" })]);
        const { events: read, unknown } = await readOf(posted);
        expect(unknown).toHaveLength(type === null ? 1 : 0);
        expect(read.map((one) => [one.type, one.bounce])).toEqual(
          type === null ? [] : [[type, hint]],
        );
      }
    }
  });

  test("an id that came as a number has lost its end, and is not told", async () => {
    const body = post([events["a delivery"][0]]).body.replace(`"${TRANSMISSION}"`, TRANSMISSION);
    const { events: read } = await readOf({ ...post([]), body });
    expect(read[0]?.providerMessageId).toBeUndefined();
  });

  test("an event without what it should have is read as far as it goes", async () => {
    const bare = { msys: { message_event: { type: "bounce" } } };
    const odd = event("delivery", {
      rcpt_meta: [],
      raw_rcpt_to: null,
      rcpt_to: "ann@example.net",
      timestamp: "soon",
      transmission_id: {},
    });
    expect((await readOf(post([bare, odd]))).events).toMatchObject([
      { type: "bounced", messageId: "", address: "", at: 0 },
      { type: "delivered", messageId: "", address: "ann@example.net", at: 0 },
    ]);
  });

  test("what is no event is unknown", async () => {
    const odd = [null, 5, "x", [], {}, { msys: null }, { msys: [] }, { msys: { relay_event: 7 } }];
    const names = ["constructor", "__proto__", "toString"].map((name) => event(name));
    const { events: read, unknown } = await readOf(post([...odd, ...names]));
    expect(read).toEqual([]);
    expect(unknown).toHaveLength(odd.length + names.length);
  });
});
