import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createReacher, type ReacherSettings } from "../../../src/verify/probe/reacher.ts";
import { type ReacherServer, startReacher } from "../../support/reacher.ts";

const SECRET = "a-secret-of-the-backend";
let server: ReacherServer;

beforeAll(async () => {
  server = await startReacher({ secret: SECRET, slowMs: 2_000 });
});
afterAll(() => server.close());

function settings(given: Partial<ReacherSettings> = {}): ReacherSettings {
  return {
    url: server.url,
    path: "/v1/check_email",
    secret: SECRET,
    secretHeader: "x-reacher-secret",
    from: null,
    hello: null,
    ...given,
  };
}

function ask(address: string, given: Partial<ReacherSettings> = {}, limitMs = 5_000) {
  const signal = AbortSignal.timeout(limitMs);
  return createReacher(settings(given), { fetch }).ask(address, signal);
}

const clear = (outcome: string) => ({ outcome, smtp_code: null, enhanced: null, fault: false });
const FAULT = { ...clear("unavailable"), fault: true };

describe("what a mail host has replied", () => {
  test.each([
    ["ok", clear("accepted")],
    ["rejected", clear("mailbox_not_found")],
    ["info", clear("mailbox_not_found")],
    ["catch-all", clear("catch_all")],
    ["full", clear("mailbox_full")],
    ["disabled", clear("mailbox_disabled")],
    ["blocked", { ...clear("blocked"), enhanced: "5.7.1" }],
    ["rdns", { ...clear("blocked"), enhanced: "4.7.25" }],
    ["unknown", { ...clear("unavailable"), enhanced: "4.3.2" }],
    ["unread", clear("unavailable")],
  ])("%s@ is read as what it is", async (local, expected) => {
    expect(await ask(`${local}@customer.example`)).toEqual(expected);
  });
});

describe("a backend that fails is at fault, and says nothing of the mailbox", () => {
  test.each(["proxy", "dead", "cut", "500", "throttled", "moved", "garbage", "huge", "mixed-up"])(
    "%s@",
    async (local) => {
      const before = server.calls.length;
      expect(await ask(`${local}@customer.example`)).toEqual(FAULT);
      expect(server.calls.length).toBe(before + 1);
    },
  );

  test("when it is slower than the time limit, which ends the call", async () => {
    const began = performance.now();
    expect(await ask("slow@customer.example", {}, 100)).toEqual(FAULT);
    expect(performance.now() - began).toBeLessThan(1_000);
  });

  test.each<[string, Partial<ReacherSettings>]>([
    ["nobody listens there", { url: "http://127.0.0.1:1" }],
    ["the URL is none", { url: "reacher" }],
    ["the path is another", { path: "/v2/check_email" }],
    ["the secret is missing", { secret: null }],
    ["the secret is wrong", { secret: "another" }],
    ["the secret is no header value", { secret: "a\nb" }],
  ])("when %s", async (_title, given) => {
    expect(await ask("ok@customer.example", given)).toEqual(FAULT);
  });
});

describe("what goes over the wire", () => {
  test("is the address, what the prober shall say, and the secret in one header", async () => {
    await ask("ok@customer.example", { from: "probe@example.com", hello: "probe.example.com" });
    const call = server.calls.at(-1);
    expect(call).toMatchObject({ method: "POST", path: "/v1/check_email" });
    expect(call?.headers).toMatchObject({
      "content-type": "application/json",
      "x-reacher-secret": SECRET,
    });
    expect(call?.headers.authorization).toBeUndefined();
    expect(call?.body).toEqual({
      to_email: "ok@customer.example",
      from_email: "probe@example.com",
      hello_name: "probe.example.com",
    });
  });

  test("leaves to the server what is not configured", async () => {
    const answer = await ask("ok@customer.example", {
      url: `${server.url}/`,
      path: "/v0/check_email",
      secretHeader: "authorization",
    });
    expect(answer).toEqual(clear("accepted"));
    const call = server.calls.at(-1);
    expect(call?.path).toBe("/v0/check_email");
    expect(call?.headers.authorization).toBe(SECRET);
    expect(call?.headers["x-reacher-secret"]).toBeUndefined();
    expect(call?.body).toEqual({ to_email: "ok@customer.example" });
  });
});
