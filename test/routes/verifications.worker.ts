import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { recipientHash } from "../../src/core/recipient-hash.ts";
import type { Verification } from "../../src/verify/verdict.ts";
import { Client, refused, request, until } from "../support/worker/client.ts";

let live: Client;
let sandbox: Client;

beforeAll(async () => {
  live = await Client.make({ mode: "live" });
  sandbox = await Client.make();
});

async function verified(email: string, client = live, more = {}): Promise<Verification> {
  const response = await client.post("/verifications", { email, ...more });
  expect(response.status).toBe(200);
  return response.json();
}

describe("POST /verifications", () => {
  test("a live domain's mailbox is unknown, and may be sent to", async () => {
    const verdict = await verified("Ada@Takes-Mail.com");
    expect(verdict).toMatchObject({
      ...{ object: "verification", input: "Ada@Takes-Mail.com", normalized: "Ada@takes-mail.com" },
      ...{ status: "unknown", recommendation: "send", reason: "domain_takes_mail" },
      syntax: { valid: true, form: "dot_atom", smtputf8: false, ascii_domain: "takes-mail.com" },
      domain: {
        ...{ registrable: "takes-mail.com", mx_type: "mx", resolver_status: "noerror" },
        ...{ mx: [{ host: "mx.takes-mail.com", preference: 10 }], spf: "none", dmarc: "absent" },
      },
      confidence: { p: null, basis: "none" },
      evidence: { delivered: 0, hard_bounced: 0, last_at: null },
      ...{ probe: null, suggestion: null },
    });
  });

  test.each([
    ["a@nowhere-at-all.com", "undeliverable", "block", "domain_not_found"],
    ["a@null-mx.com", "undeliverable", "block", "null_mx"],
    ["a@no-host.com", "undeliverable", "block", "no_mail_host"],
    ["a@private.com", "undeliverable", "block", "mx_unroutable"],
    ["a@intranet.local", "undeliverable", "block", "special_use_domain"],
    ["a@sandbox.test", "undeliverable", "block", "special_use_domain"],
    ["no address", "undeliverable", "block", "syntax_no_at"],
    ["", "undeliverable", "block", "syntax_empty"],
    ["a@web-only.com", "unknown", "send", "domain_takes_mail"],
    ["a@failing.com", "unknown", "review", "dns_servfail"],
    ["a@silent.com", "unknown", "review", "dns_timeout"],
    ["a@mailinator.com", "risky", "review", "disposable"],
  ])("%s is %s (%s): %s", async (email, status, recommendation, reason) => {
    expect(await verified(email)).toMatchObject({ status, recommendation, reason });
  });

  test("a mistyped domain that takes no mail comes with a suggestion", async () => {
    const { reason, reasons, suggestion } = await verified("ada@gmial.com");
    expect({ reason, suggestion }).toEqual({ reason: "null_mx", suggestion: "ada@gmail.com" });
    expect(reasons).toContain("typo_suspected");
  });

  test("facts are looked up once, and come from memory after that", async () => {
    const first = await verified("a@gmail.com");
    const again = await verified("b@gmail.com");
    expect([first.cache.layer, again.cache.layer]).toEqual(["dns", "memory"]);
    expect(again.domain).toEqual(first.domain);
    expect(first.domain?.provider).toBe("google");
  });

  test("what is learnt is kept in D1, and what could not be is not", async () => {
    await verified("a@null-mx.com");
    await verified("a@silent.com");
    const rows = () => env.DB.prepare("SELECT domain FROM domain_facts").all<{ domain: string }>();
    const { results } = await until(rows, (one) =>
      one.results.some(({ domain }) => domain === "null-mx.com"),
    );
    expect(results.map(({ domain }) => domain)).not.toContain("silent.com");
    expect(await env.CACHE.get("facts:1:silent.com")).toBeNull();
  });

  test("what the account's own mail has shown decides, and is no other account's", async () => {
    const email = "gone@takes-mail.com";
    await env.DB.prepare(
      `INSERT INTO evidence (account_id, key, bad, hard, first_hard_at, last_hard_at)
       VALUES ('default', ?, 1, 1, ?2, ?2)`,
    )
      .bind(`a/${await recipientHash(email)}`, Date.now() - 1_000)
      .run();
    expect(await verified(email)).toMatchObject({
      ...{ status: "undeliverable", reason: "known_hard_bounce" },
      evidence: { delivered: 0, hard_bounced: 1 },
    });
    const other = await Client.make({ mode: "live", account: "other" });
    expect(await verified(email, other)).toMatchObject({ status: "unknown" });
  });

  test("the body is checked, and the key", async () => {
    const post = (body: unknown) => live.post("/verifications", body);
    await refused(await post({}), 422, "missing_required_field", /`email`/);
    await refused(await post({ email: 1 }), 400, "validation_error", /`email`/);
    await refused(await post({ email: "a".repeat(2_000) }), 400, "validation_error", /`email`/);
    await refused(await post({ email: "a@b.co", smtp: true }), 422, "invalid_parameter", /`smtp`/);
    await refused(await post("{"), 400, "validation_error", /JSON/);
    const sending = await Client.make({ mode: "live", permission: "sending_access" });
    const restricted = await sending.post("/verifications", { email: "a@gmail.com" });
    await refused(restricted, 401, "restricted_api_key", /only send/);
    const keyless = await request("/verifications", { method: "POST" });
    await refused(keyless, 401, "missing_api_key", /Authorization/);
  });
});

/** What people, programs and attackers type where an address is wanted. */
const HOSTILE = [
  ...[
    "@",
    "@@",
    ".@.",
    "a@",
    "@b.com",
    "a@b@c.com",
    "a@b..com",
    "a@-b.com",
    "a@b-.com",
    "<a@b.com>",
  ],
  ...["a@\u0000.com", "a\r\nbcc: x@y.com", "a@b.com\u0000", "\ud800@b.com", "a@\udfff.com"],
  ...["a@xn--.com", "a@xn--a.com", "a@xn--\u00e9.com", "a@\u202ecom.evil", "\u200b@b.com"],
  ...['"', '"@b.com', '"a"b@c.com', '"\\"@b.com', `"${"\\".repeat(300)}"@b.com`],
  ...["a@[", "a@[]", "a@[IPv6:]", "a@[127.0.0.1]", "a@127.0.0.1", "a@0x7f.1", "a@[IPv6:::1]"],
  ...[
    "a@localhost",
    "a@__proto__",
    "constructor@prototype.com",
    "a@../../etc/passwd",
    "a@b.com/../x",
  ],
  ...[`${"a".repeat(600)}@b.com`, `a@${"b.".repeat(400)}com`, `a@${"b".repeat(300)}.com`],
  ...["a@b.com'; DROP TABLE evidence;--", "a@%00.com", "a@b.com?x=1", "a@b.com#x", "a@b.com:25"],
];

describe("POST /verifications/batch", () => {
  test("whatever stands there is a verdict", async () => {
    for (const client of [live, sandbox]) {
      const response = await client.post("/verifications/batch", { emails: HOSTILE });
      expect(response.status).toBe(200);
      const { data } = await response.json<{ data: Verification[] }>();
      // Written as JSON, for what reports a failure cannot carry a lone surrogate.
      const said = data.map(({ input, status, recommendation }) =>
        JSON.stringify([input, status, recommendation]),
      );
      const wanted = HOSTILE.map((one) => JSON.stringify([one, "undeliverable", "block"]));
      expect(said).toEqual(wanted);
    }
  });

  test("answers in the order asked, each time an address stands there", async () => {
    const emails = ["a@gmail.com", "b@null-mx.com", "a@gmail.com", "?"];
    const response = await live.post("/verifications/batch", { emails, policy: false });
    expect(response.status).toBe(200);
    const { object, data } = await response.json<{ object: string; data: Verification[] }>();
    expect(object).toBe("list");
    expect(data.map(({ input, status }) => [input, status])).toEqual([
      ["a@gmail.com", "unknown"],
      ["b@null-mx.com", "undeliverable"],
      ["a@gmail.com", "unknown"],
      ["?", "undeliverable"],
    ]);
  });

  test("takes 1 to 100 addresses", async () => {
    const post = (emails: unknown) => live.post("/verifications/batch", { emails });
    const hundred = Array.from({ length: 100 }, (_, n) => `a${n}@gmail.com`);
    expect((await post(hundred)).status).toBe(200);
    await refused(await post([...hundred, "b@b.co"]), 400, "validation_error", /`emails`/);
    await refused(await post([]), 400, "validation_error", /`emails`/);
    await refused(await post("a@b.co"), 400, "validation_error", /`emails`/);
  });
});

describe("test keys", () => {
  test.each([
    ["delivered", "deliverable", "probe_accepted"],
    ["bounced+signup", "undeliverable", "mailbox_not_found"],
    ["deferred", "unknown", "probe_unavailable"],
    ["timeout", "unknown", "probe_unavailable"],
  ])("%s@sandbox.test is %s: %s", async (local, status, reason) => {
    const verdict = await verified(`${local}@sandbox.test`, sandbox);
    expect(verdict.status).toBe(status);
    expect(verdict.reasons).toContain(reason);
  });

  test("see every other domain as it is", async () => {
    expect(await verified("a@null-mx.com", sandbox)).toMatchObject({ reason: "null_mx" });
  });
});
