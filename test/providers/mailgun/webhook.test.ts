import { describe, expect, test } from "vitest";
import { hooks, WINDOW_MS } from "../../../src/providers/mailgun/webhook.ts";
import { keysOf, type Posted, postTo, webhookContract } from "../../contract/webhook.ts";
import { inForm, inJson, KEY, proofOf } from "./signed.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const NOW = Date.UTC(2026, 10, 5, 16, 35);
const AT = Date.UTC(2026, 10, 5, 16, 33, 54, 125);
const TOKEN = "c5d2e9a1f0b34786";

const secondsAt = (ageMs: number) => String(Math.round((NOW - ageMs) / 1000));
/** Its body holds one event; of several, Mailgun makes as many requests. */
const post = (events: readonly unknown[], ageMs = 0, key = KEY, token = TOKEN): Posted =>
  inJson({
    signature: proofOf(secondsAt(ageMs), token, key),
    "event-data": events.length === 1 ? events[0] : events,
  });

const event = (given: object) => ({
  id: "ncV2XwymRUKbPek_MIM-Gw",
  timestamp: AT / 1000,
  "log-level": "info",
  recipient: "ann@example.net",
  tags: ["kind:welcome"],
  "user-variables": { postern_id: ID, postern_account: "acme", plan: "pro" },
  message: { headers: { "message-id": "m1@mg.example.com", to: "ann@example.net" } },
  ...given,
});
const about = {
  messageId: ID,
  account: "acme",
  eventId: "ncV2XwymRUKbPek_MIM-Gw",
  address: "ann@example.net",
  at: AT,
};
const status = (code: number, message: string, given = {}) => ({
  "delivery-status": { code, message, description: "", "attempt-no": 1, ...given },
});
const failed = (given: object) =>
  event({
    event: "failed",
    severity: "permanent",
    reason: "bounce",
    ...status(550, "5.1.1 none such"),
    ...given,
  });

const events = {
  "mail taken in as queued": [event({ event: "accepted" }), [{ ...about, type: "queued" }]],
  "a delivery": [
    event({ event: "delivered", ...status(250, "OK") }),
    [{ ...about, type: "delivered", code: "250", text: "OK" }],
  ],
  "a temporary failure as a deferral": [
    failed({ severity: "temporary", reason: "greylisted", ...status(450, "Greylisted") }),
    [{ ...about, type: "deferred", code: "450", text: "Greylisted" }],
  ],
  "a permanent failure as a bounce": [
    failed({}),
    [{ ...about, type: "bounced", code: "5.1.1", text: /none such/, bounce: { kind: "hard" } }],
  ],
  "a bounce whose enhanced code has a field": [
    failed(status(550, "none such", { "enhanced-code": "5.1.10" })),
    [{ ...about, type: "bounced", code: "5.1.10" }],
  ],
  "a bounce that Mailgun calls soft": [
    failed(status(552, "5.2.2 full", { "bounce-type": "soft" })),
    [{ ...about, type: "bounced", code: "5.2.2", bounce: { kind: "soft" } }],
  ],
  "a block by the mailbox's operator": [
    failed({ reason: "espblock", ...status(550, "5.7.1 listed", { "bounce-type": "hard" }) }),
    [{ ...about, type: "bounced", code: "5.7.1", bounce: { kind: "block" } }],
  ],
  "what was tried for too long as soft": [
    failed({ reason: "old", ...status(602, "Too old") }),
    [{ ...about, type: "bounced", code: "602", bounce: { kind: "soft" } }],
  ],
  "a failure without a reason of its own, left to its words": [
    failed({ reason: "generic", ...status(498, "No MX for example.net") }),
    [{ ...about, type: "bounced", code: "498", text: "No MX for example.net" }],
  ],
  ...Object.fromEntries(
    [605, 606, 607].map((code) => [
      `an address on Mailgun's own list, ${code}`,
      [
        failed({ reason: "generic", ...status(code, "") }),
        [
          {
            ...about,
            type: "suppressed" as const,
            code: String(code),
            bounce: { category: "provider_list" },
          },
        ],
      ] as const,
    ]),
  ),
  "an address on Mailgun's own list, by the reason": [
    failed({ reason: "suppress-bounce", ...status(0, "") }),
    [{ ...about, type: "suppressed" }],
  ],
  "a rejection, by the To field": [
    event({
      event: "rejected",
      recipient: undefined,
      reject: { reason: "Sandbox", description: "" },
    }),
    [{ ...about, type: "rejected", text: "Sandbox" }],
  ],
  "a spam complaint": [event({ event: "complained" }), [{ ...about, type: "complained" }]],
  "an unsubscription": [event({ event: "unsubscribed" }), [{ ...about, type: "unsubscribed" }]],
  "an open": [event({ event: "opened" }), [{ ...about, type: "opened" }]],
  "a click, with its link": [
    event({ event: "clicked", url: "https://example.com/a?b=c" }),
    [{ ...about, type: "clicked", url: "https://example.com/a?b=c" }],
  ],
} as const;

const proved = (body: object): Posted =>
  inJson({ ...body, signature: proofOf(secondsAt(0), TOKEN) });
const stripped = ({ headers, body }: Posted): Posted => {
  const { signature: _, ...rest } = JSON.parse(String(body));
  return { headers, body: JSON.stringify(rest) };
};

const subject = {
  hooks,
  keys: keysOf({ signing: [KEY] }),
  now: NOW,
  post: (all: readonly unknown[]) => post(all),
  postAged: (all: readonly unknown[], ageMs: number) => post(all, ageMs),
  windowMs: WINDOW_MS,
  events,
  several: [
    ["ann@example.net", "bob@example.net"].map((recipient) => failed({ recipient })),
    ["ann@example.net", "bob@example.net"].map((address) => ({
      type: "bounced" as const,
      address,
    })),
  ] as const,
  batches: false,
  unknown: event({ event: "stored" }),
  malformed: [
    ...[{}, { "event-data": null }, { "event-data": [] }, { "event-data": { event: null } }],
    ...[{ "event-data": { event: "" } }, { "event-data": "delivered" }],
  ].map(proved),
  proofHeaders: [],
  stripProof: stripped,
  forge: (all: readonly unknown[]) => post(all, 0, "another key"),
  tamper: null,
  once: true,
};

webhookContract("Mailgun", subject);

const reasonOf = async (posted: Posted, given: Partial<typeof subject> = {}) => {
  const result = await postTo({ ...subject, ...given }, posted);
  return result.ok ? "taken" : result.error.reason;
};

describe("Mailgun's proof", () => {
  const one = events["a delivery"][0];
  const withProof = (proof: unknown) => inJson({ signature: proof, "event-data": one });

  test("each of its parts has to be there, and be one of Mailgun's", async () => {
    const good = proofOf(secondsAt(0), TOKEN);
    for (const name of ["timestamp", "token", "signature"]) {
      for (const value of [undefined, null, "", {}, []]) {
        expect(await reasonOf(withProof({ ...good, [name]: value }))).toBe("missing_proof");
      }
      for (const value of ["x", "%", "\u0000", "zz".repeat(32), "1".repeat(9_000), -1, 1e300]) {
        expect(await reasonOf(withProof({ ...good, [name]: value }))).toBe("bad_proof");
      }
    }
    for (const proof of [null, 5, "x", [], [good]]) {
      expect(await reasonOf(withProof(proof))).toBe("missing_proof");
    }
    const long = proofOf(secondsAt(0), "t".repeat(9_000));
    expect(await reasonOf(withProof(long))).toBe("bad_proof");
  });

  test("what cannot be read is not proved, so that nobody ends Mailgun's repeats", async () => {
    for (const body of ["", "null", "{", "[".repeat(40_000), '"text"', "\ufeff"]) {
      expect(await reasonOf({ ...inJson({}), body })).toBe("missing_proof");
    }
    expect(hooks.stopStatus).toBe(406);
  });

  test("is by any of the keys, in either case", async () => {
    const keys = keysOf({ signing: ["", "an older key", KEY] });
    expect(await reasonOf(post([one]), { keys })).toBe("taken");
    const { signature, ...rest } = proofOf(secondsAt(0), TOKEN);
    const upper = { ...rest, signature: signature.toUpperCase() };
    expect(await reasonOf(withProof(upper))).toBe("taken");
    expect(await reasonOf(post([one]), { keys: keysOf({ signing: [""] }) })).toBe("bad_proof");
  });

  test("is not parted elsewhere into another timestamp and token", async () => {
    const { timestamp, token, signature } = proofOf(secondsAt(0), `00${TOKEN}`);
    const parts = [
      [timestamp.slice(0, -1), `${timestamp.at(-1)}${token}`],
      [`${timestamp}0`, token.slice(1)],
      [timestamp.slice(0, 1), timestamp.slice(1) + token],
    ];
    for (const [begin, rest] of parts) {
      const parted = withProof({ timestamp: begin, token: rest, signature });
      expect(await reasonOf(parted)).toBe("bad_proof");
    }
  });

  test("is remembered until it is too old, and a token is as long as its window", async () => {
    const asked: [string, number][] = [];
    const remembering = async (ageMs: number, answer: () => Promise<boolean>) => {
      const { headers, body } = post([one], ageMs);
      const request = {
        headers: new Headers(headers),
        body: new TextEncoder().encode(String(body)),
      };
      return hooks.prove?.(request, subject.keys, {
        now: () => NOW,
        fetch,
        once: (token, _digest, forMs) => {
          asked.push([token, forMs]);
          return answer();
        },
      });
    };
    await remembering(0, async () => true);
    await remembering(WINDOW_MS - 1_000, async () => true);
    await remembering(WINDOW_MS + 1_000, async () => true);
    expect(asked).toHaveLength(2);
    expect(asked[0]?.[0]).toContain(TOKEN);
    expect(asked[0]?.[1]).toBeGreaterThan(WINDOW_MS);
    expect(asked[1]?.[1]).toBeGreaterThan(1_000);
    expect(asked[1]?.[1]).toBeLessThan(180_000);
    const unknown = await remembering(0, () => Promise.reject(new Error("no answer")));
    expect(unknown).toMatchObject({ ok: false, error: { reason: "unavailable" } });
  });

  test("is good for one body, in whichever form the other comes", async () => {
    const seen = new Map<string, string>();
    expect((await postTo(subject, post([one]), seen)).ok).toBe(true);
    const proof = Object.entries(proofOf(secondsAt(0), TOKEN));
    const other = inForm([["event", "bounced"], ["recipient", "x@example.net"], ...proof]);
    expect(await postTo(subject, other, seen)).toMatchObject({ error: { reason: "replayed" } });
    expect((await postTo(subject, post([one]), seen)).ok).toBe(true);
  });
});

describe("Mailgun's events", () => {
  const readOf = async (given: object) => {
    const result = await postTo(subject, post([event(given)]));
    if (!result.ok) throw new Error(result.error.reason);
    return result.value;
  };

  test("the Message-ID is told where the event has no id of ours, as Outcome has it", async () => {
    const message = { headers: { "message-id": "<m1@mg.example.com>" } };
    const foreign = await readOf({ event: "opened", "user-variables": {}, message });
    expect(foreign.events[0]).toMatchObject({ providerMessageId: "m1@mg.example.com" });
    const ours = await readOf({ event: "opened" });
    expect(ours.events[0]?.providerMessageId).toBeUndefined();
  });

  test("a rejection concerns each of the To field; one without recipient is kept", async () => {
    const message = { headers: { to: "Ann <ann@example.net>, bob@example.net" } };
    const both = await readOf({ event: "rejected", recipient: undefined, message });
    expect(both.events.map(({ address }) => address)).toEqual([
      "ann@example.net",
      "bob@example.net",
    ]);
    const none = await readOf({
      event: "delivered",
      recipient: null,
      message: null,
      timestamp: {},
    });
    expect(none.events).toMatchObject([{ type: "delivered", address: "", at: 0 }]);
  });

  test("an event without an id has the token's", async () => {
    expect((await readOf({ event: "opened", id: undefined })).events[0]?.eventId).toBe(TOKEN);
  });

  test("names that every object has are unknown types and no reasons", async () => {
    for (const name of ["constructor", "__proto__", "toString"]) {
      expect((await readOf({ event: name })).unknown).toHaveLength(1);
      const given = { event: "failed", reason: name, ...status(1, "", { "bounce-type": name }) };
      const { events: read } = await readOf(given);
      expect(read[0]).toMatchObject({ type: "bounced" });
      expect(read[0]?.bounce).toBeUndefined();
    }
  });
});
