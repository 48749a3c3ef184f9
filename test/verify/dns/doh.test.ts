import { afterAll, beforeAll, expect, test } from "vitest";
import { askDoh } from "../../../src/verify/dns/doh.ts";
import { type Doh, startDoh } from "../../support/doh/server.ts";
import { FAULTS, type Fault, type Zone, type ZoneName } from "../../support/doh/zone.ts";

/** Long enough that a busy machine is not taken for a silent resolver. */
const TIME_LIMIT_MS = 5_000;
const SHORT_LIMIT_MS = 100;

const faulty = Object.fromEntries(
  FAULTS.map((fault): [string, ZoneName] => [
    `${fault.replaceAll("_", "-")}.com`,
    { mx: [[10, "mx.example.com"]], fault },
  ]),
);

const zone: Zone = {
  ...faulty,
  "mail.com": { ttl: 600, mx: [[10, "mx.mail.com"]], txt: ["v=spf1 -all", ["v=", "x"]] },
  "v6.com": { aaaa: ["2606:4700::1111"], a: ["1.1.1.1"] },
  "alias.com": { ttl: 50, cname: "alias2.com" },
  "alias2.com": { ttl: 700, cname: "mail.com" },
  "dangling.com": { ttl: 5000, cname: "gone.com" },
  "nothing.com": { soa: { ttl: 400, minimum: 500 } },
  "bare.com": { soa: null },
  "gone-quiet.com": { nxdomain: true, soa: null },
};

let doh: Doh;
beforeAll(async () => {
  doh = await startDoh(zone);
});
afterAll(() => doh.close());

const ask = (name: string, type: "MX" | "A" | "AAAA" | "TXT" = "MX", fetcher = fetch) => {
  const limitMs = name === "slow.com" ? SHORT_LIMIT_MS : TIME_LIMIT_MS;
  return askDoh(doh.url, { name, type }, fetcher, AbortSignal.timeout(limitMs));
};

test("records come with their TTL, over real HTTP", async () => {
  expect(await ask("mail.com")).toEqual({
    kind: "records",
    records: [{ host: "mx.mail.com", preference: 10 }],
    ttlS: 600,
  });
  expect(await ask("mail.com", "TXT")).toMatchObject({ records: ["v=spf1 -all", "v=x"] });
  expect(await ask("v6.com", "A")).toMatchObject({ records: ["1.1.1.1"], ttlS: 3600 });
  expect(await ask("v6.com", "AAAA")).toMatchObject({ records: ["2606:4700::1111"] });
  expect(await ask("alias.com")).toMatchObject({ kind: "records", ttlS: 50 });
  expect(doh.counts().refused).toBe(0);
});

test("what is not there says so, and how long that holds", async () => {
  expect(await ask("missing.com")).toEqual({ kind: "nxdomain", negativeTtlS: 900 });
  expect(await ask("gone-quiet.com")).toEqual({ kind: "nxdomain", negativeTtlS: null });
  expect(await ask("nothing.com")).toEqual({ kind: "nodata", negativeTtlS: 400 });
  expect(await ask("bare.com")).toEqual({ kind: "nodata", negativeTtlS: null });
  expect(await ask("dangling.com")).toEqual({ kind: "nxdomain", negativeTtlS: 900 });
});

const WHY: Record<Fault, [kind: "servfail" | "timeout", why: string]> = {
  servfail: ["servfail", "rcode"],
  refused: ["servfail", "rcode"],
  formerr: ["servfail", "rcode"],
  notimp: ["servfail", "rcode"],
  truncated: ["servfail", "truncated"],
  garbage: ["servfail", "not_an_answer"],
  empty: ["servfail", "too_short"],
  short: ["servfail", "broken_frame"],
  slow: ["timeout", "time_limit"],
  dead: ["timeout", "unreachable"],
  cut: ["timeout", "broken_off"],
  http_429: ["servfail", "http_429"],
  http_500: ["servfail", "http_500"],
  redirect: ["servfail", "http_302"],
  content_type: ["servfail", "content_type"],
  too_long: ["servfail", "too_long"],
  query_back: ["servfail", "not_an_answer"],
  wrong_name: ["servfail", "other_question"],
  wrong_type: ["servfail", "other_question"],
  wrong_id: ["servfail", "not_an_answer"],
  no_question: ["servfail", "other_question"],
  pointer_loop: ["servfail", "broken_record"],
  pointer_ahead: ["servfail", "broken_record"],
  pointer_outside: ["servfail", "broken_record"],
  huge_counts: ["servfail", "too_many_records"],
  record_overrun: ["servfail", "broken_frame"],
  record_too_long: ["servfail", "broken_record"],
  trailing_bytes: ["servfail", "broken_frame"],
  alias_loop: ["servfail", "alias_chain"],
  alias_open: ["servfail", "alias_chain"],
  referral: ["servfail", "referral"],
  nxdomain_with_records: ["servfail", "contradiction"],
};

test.each(FAULTS)("%s says nothing of the domain", async (fault) => {
  const [kind, why] = WHY[fault];
  expect(await ask(`${fault.replaceAll("_", "-")}.com`)).toEqual({ kind, why });
});

test("a redirect is not followed", async () => {
  const before = doh.counts();
  await ask("redirect.com");
  expect(doh.counts().questions).toBe(before.questions + 1);
  expect(doh.counts().refused).toBe(before.refused);
});

test("a body without end is given up at 65,535 octets", async () => {
  let taken = 0;
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      taken += 1_000;
      controller.enqueue(new Uint8Array(1_000));
    },
    cancel() {
      cancelled = true;
    },
  });
  const headers = { "content-type": "application/dns-message" };
  const answer = await ask("mail.com", "MX", async () => new Response(endless, { headers }));
  expect(answer).toEqual({ kind: "servfail", why: "too_long" });
  expect(taken).toBeLessThan(70_000);
  expect(cancelled).toBe(true);
});

test("a TTL has run while an HTTP cache kept the answer", async () => {
  const cached =
    (age: string): typeof fetch =>
    async (input, init) => {
      const { status, headers, body } = await fetch(input, init);
      return new Response(body, { status, headers: { ...Object.fromEntries(headers), age } });
    };
  expect(await ask("mail.com", "MX", cached("200"))).toMatchObject({ ttlS: 400 });
  expect(await ask("mail.com", "MX", cached("9000"))).toMatchObject({ ttlS: 0 });
  expect(await ask("mail.com", "MX", cached("-5"))).toMatchObject({ ttlS: 600 });
  expect(await ask("nothing.com", "MX", cached("100"))).toMatchObject({ negativeTtlS: 300 });
  expect(await ask("bare.com", "MX", cached("100"))).toMatchObject({ negativeTtlS: null });
});

test("a name that DNS cannot hold does not exist, without asking", async () => {
  const before = doh.counts().questions;
  expect(await ask(`${"a".repeat(64)}.com`)).toEqual({ kind: "nxdomain", negativeTtlS: 3600 });
  expect(doh.counts().questions).toBe(before);
});

test("nobody there is a timeout, at once", async () => {
  const signal = AbortSignal.timeout(5_000);
  const question = { name: "mail.com", type: "MX" } as const;
  expect(await askDoh("http://127.0.0.1:1/dns-query", question, fetch, signal)).toEqual({
    kind: "timeout",
    why: "unreachable",
  });
});
