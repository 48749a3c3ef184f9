import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ProbeAnswer } from "../../../src/verify/probe/ports.ts";
import { createReacher, readAnswer } from "../../../src/verify/probe/reacher.ts";

const ADDRESS = "jane.roe@customer.example";
const SETTINGS = {
  url: "https://reacher.example",
  path: "/v1/check_email",
  secret: null,
  secretHeader: "x-reacher-secret",
  from: null,
  hello: null,
} as const;

const clear = (outcome: string) => ({ outcome, smtp_code: null, enhanced: null, fault: false });
const FAULT = { ...clear("unavailable"), fault: true };

const REPLY = {
  can_connect_smtp: true,
  has_full_inbox: false,
  is_catch_all: false,
  is_deliverable: false,
  is_disabled: false,
};
const whole = (given: object) => ({
  input: ADDRESS,
  is_reachable: "invalid",
  misc: { is_disposable: false, is_role_account: false },
  mx: { accepts_mail: true, records: [] },
  smtp: REPLY,
  syntax: {},
  ...given,
});
const read = (given: object) => readAnswer(JSON.stringify(whole(given)), ADDRESS);

describe("an error of SMTP", () => {
  const told = (message: unknown, description?: string | null, type = "AsyncSmtpError") =>
    read({ is_reachable: "unknown", smtp: { error: { type, message }, description } });

  test.each([
    "permanent: 550 5.7.606 access from [192.0.2.7] is not allowed",
    "permanent: ESMTP service not available; IP address is block listed.",
    "permanent: host 192.0.2.7 found on one or more DNSBLs",
    "permanent: https://www.spamhaus.org/query/ip/192.0.2.7",
    "transient: you have no reverse DNS entry",
    "permanent: bad DNS PTR resource record",
    "transient: your server has a poor reputation",
  ])("is a block where it says that this client is not talked to: %s", (message) => {
    expect(told(message).outcome).toBe("blocked");
  });

  test.each([
    "io: incomplete",
    "future has timed out",
    "transient: 4.7.1 greylisted, come back in five minutes",
    "transient: 452 4.5.3 too many recipients",
    "permanent: 5.5.1 bad sequence of commands",
  ])("is nothing that is known otherwise: %s", (message) => {
    expect(told(message)).toMatchObject({ outcome: "unavailable", fault: false });
  });

  test("is a block where the backend calls it one, whatever the mail host's words", () => {
    for (const description of ["IpBlacklisted", "NeedsRDNS"]) {
      expect(told("permanent: go away", description).outcome).toBe("blocked");
    }
    expect(told("permanent: go away", "SomethingElse").outcome).toBe("unavailable");
  });

  test("keeps the codes of its text, and nothing else of it", () => {
    expect(told("transient: 452 4.5.3 <jane.roe@customer.example>: too many")).toEqual({
      outcome: "unavailable",
      smtp_code: 452,
      enhanced: "4.5.3",
      fault: false,
    });
  });

  test("is read when its message is nested, missing, or where its API's document has it", () => {
    const nested = { type: "ReqwestError", message: "blocked by 5.7.1 policy" };
    expect(told(nested, null, "YahooError")).toMatchObject({ outcome: "blocked" });
    expect(told(undefined)).toMatchObject({ outcome: "unavailable", fault: false });
    const bare = { type: "AsyncSmtpError", message: "permanent: 5.7.1 go away" };
    expect(read({ is_reachable: "unknown", smtp: bare })).toMatchObject({ outcome: "blocked" });
  });
});

describe("an answer that contradicts itself says nothing", () => {
  test.each([
    ["invalid and deliverable", { smtp: { ...REPLY, is_deliverable: true } }],
    ["safe and not deliverable", { is_reachable: "safe" }],
    ["unknown and not deliverable", { is_reachable: "unknown" }],
    [
      "unknown and deliverable",
      { is_reachable: "unknown", smtp: { ...REPLY, is_deliverable: true } },
    ],
    ["unknown and full", { is_reachable: "unknown", smtp: { ...REPLY, has_full_inbox: true } }],
    ["risky without a reason, and not deliverable", { is_reachable: "risky" }],
    ["risky, and nothing of the reason is readable", { is_reachable: "risky", misc: null }],
    ["refused without a connection", { smtp: { ...REPLY, can_connect_smtp: false } }],
    [
      "accepted without a connection",
      { is_reachable: "safe", smtp: { ...REPLY, can_connect_smtp: false, is_deliverable: true } },
    ],
    [
      "disabled and deliverable",
      { is_reachable: "safe", smtp: { ...REPLY, is_disabled: true, is_deliverable: true } },
    ],
    ["full and disabled", { smtp: { ...REPLY, is_disabled: true, has_full_inbox: true } }],
    ["refused, with an error", { smtp: { ...REPLY, error: { type: "x", message: "y" } } }],
    ["refused, with an error that is none", { smtp: { ...REPLY, error: null } }],
    ["about somebody else", { input: "other@customer.example" }],
    ["about nobody", { input: undefined }],
    ["refused, half of it missing", { smtp: { can_connect_smtp: true, is_deliverable: false } }],
    ["refused in words", { smtp: { ...REPLY, is_deliverable: "false" } }],
  ])("%s", (_title, given) => {
    expect(read(given)).toMatchObject({ outcome: "unavailable" });
  });

  test("any local part that is taken says more than what this one got", () => {
    for (const given of [{}, { is_deliverable: true }, { is_disabled: true }]) {
      const smtp = { ...REPLY, ...given, is_catch_all: true };
      expect(read({ is_reachable: "risky", smtp })).toEqual(clear("catch_all"));
    }
  });
});

/** By an account of its own: on which answers may a mailbox be said to be missing? */
function saysMissing(value: unknown): boolean {
  const { input, is_reachable, smtp, misc } = Object(value);
  const { error, ...reply } = Object(smtp);
  const isRefusal =
    error === undefined &&
    reply.can_connect_smtp === true &&
    reply.is_deliverable === false &&
    reply.is_catch_all === false &&
    reply.has_full_inbox === false &&
    typeof reply.is_disabled === "boolean";
  const flagged = Object(misc);
  const flags = [flagged.is_disposable, flagged.is_role_account];
  const isOutranked = flags.every((one) => typeof one === "boolean") && flags.includes(true);
  return (
    isRefusal &&
    String(input).toLowerCase() === ADDRESS &&
    (is_reachable === "invalid" || (is_reachable === "risky" && isOutranked))
  );
}

const isNegative = ({ outcome }: ProbeAnswer): boolean =>
  outcome === "mailbox_not_found" || outcome === "mailbox_disabled";

describe("a mailbox is said to be missing only on a clear refusal", () => {
  const odd = fc.constantFrom<unknown>(null, undefined, "true", 0, {}, []);
  const flag = fc.oneof({ arbitrary: fc.boolean(), weight: 5 }, { arbitrary: odd, weight: 1 });
  const often = <T>(usual: T, other: fc.Arbitrary<unknown>) =>
    fc.oneof(
      { arbitrary: fc.constant<unknown>(usual), weight: 5 },
      { arbitrary: other, weight: 1 },
    );
  const reply = fc.record({
    can_connect_smtp: often(true, flag),
    has_full_inbox: often(false, flag),
    is_catch_all: often(false, flag),
    is_deliverable: often(false, flag),
    is_disabled: flag,
  });
  const failure = fc.record({
    error: fc.oneof(odd, fc.record({ type: fc.string(), message: fc.anything() })),
    description: fc.constantFrom("IpBlacklisted", "NeedsRDNS", undefined),
  });
  const smtp = fc.oneof(
    { arbitrary: reply, weight: 6 },
    { arbitrary: failure, weight: 1 },
    { arbitrary: fc.tuple(reply, failure).map(([a, b]) => ({ ...a, ...b })), weight: 1 },
    { arbitrary: fc.anything(), weight: 1 },
  );
  const answers = fc.record(
    {
      input: often(ADDRESS, fc.string()),
      is_reachable: fc.constantFrom<unknown>("safe", "risky", "invalid", "unknown", "", null),
      misc: fc.oneof(fc.record({ is_disposable: flag, is_role_account: flag }), odd),
      mx: fc.anything(),
      smtp,
    },
    { requiredKeys: ["input", "is_reachable", "smtp"] },
  );

  test("whatever the fields of an answer hold", () => {
    let missing = 0;
    fc.assert(
      fc.property(answers, (given) => {
        const text = JSON.stringify(given);
        const expected = saysMissing(JSON.parse(text));
        expect(isNegative(readAnswer(text, ADDRESS))).toBe(expected);
        missing += expected ? 1 : 0;
      }),
      { numRuns: 3_000 },
    );
    expect(missing).toBeGreaterThan(20);
  });

  test("whatever text a server sends", () => {
    const refusal = JSON.stringify(whole({}));
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc.nat(refusal.length - 1).map((end) => refusal.slice(0, end)),
      fc.nat(refusal.length - 1).map((start) => refusal.slice(start + 1)),
    );
    fc.assert(
      fc.property(text, (given) => {
        expect(readAnswer(given, ADDRESS)).toEqual(FAULT);
      }),
      { numRuns: 500 },
    );
  });

  test("whatever the status, though the body be a refusal", async () => {
    const body = JSON.stringify(whole({}));
    const status = fc
      .integer({ min: 200, max: 599 })
      .filter((one) => ![204, 205, 304].includes(one));
    await fc.assert(
      fc.asyncProperty(status, async (given) => {
        const answering = async () => new Response(body, { status: given });
        const backend = createReacher(SETTINGS, { fetch: answering });
        const answer = await backend.ask(ADDRESS, AbortSignal.timeout(1_000));
        expect(isNegative(answer)).toBe(given === 200);
      }),
    );
  });
});
