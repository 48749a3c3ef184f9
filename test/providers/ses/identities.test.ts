import { afterAll, beforeAll, expect, test } from "vitest";
import { ses } from "../../../src/providers/ses/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { sesEmulator } from "../../emulator/ses.ts";

const under = { definition: ses, emulator: sesEmulator };

let emulator: Emulator;
beforeAll(async () => {
  emulator = await sesEmulator.start();
});
afterAll(() => emulator.close());

const ask = (deps = depsFor()) => makeProvider(under, emulator).identities?.(deps);

/** Answers each question with the same page, and counts. */
function always(page: unknown) {
  const urls: string[] = [];
  const answer = (url: unknown) => {
    urls.push(String(url));
    return Promise.resolve(Response.json(page));
  };
  return { urls, deps: depsFor(1000, { fetch: answer as typeof fetch }) };
}

test("the domains of all pages that may be sent from are found, lower-cased", async () => {
  expect(await ask()).toEqual({
    ok: true,
    value: ["acme.example", "mail.acme.example", "xn--bcher-kva.example"],
  });
});

test("no more pages are asked for than SES can have", async () => {
  const { urls, deps } = always({ EmailIdentities: [], NextToken: "again" });
  expect(await ask(deps)).toEqual({ ok: true, value: [] });
  expect(urls).toHaveLength(10);
  expect(urls[0]).toBe(`${emulator.url}/v2/email/identities?PageSize=1000`);
  expect(urls[9]).toBe(`${emulator.url}/v2/email/identities?PageSize=1000&NextToken=again`);
});

test("a page of a thousand long names is read whole", async () => {
  const EmailIdentities = Array.from({ length: 1000 }, (_, at) => ({
    IdentityType: "DOMAIN",
    IdentityName: `${"a".repeat(240)}${at}.example`,
    SendingEnabled: true,
    VerificationStatus: "SUCCESS",
  }));
  const found = await ask(always({ EmailIdentities }).deps);
  expect(found?.ok && found.value.length).toBe(1000);
});

test("what is no list is no answer, and what is no identity in it no domain", async () => {
  const known = { IdentityType: "DOMAIN", IdentityName: "a.example", SendingEnabled: true };
  for (const EmailIdentities of [undefined, null, "x", {}]) {
    expect(await ask(always({ EmailIdentities }).deps)).toMatchObject({ ok: false });
  }
  const list = [null, 1, { ...known, IdentityName: 1 }, { ...known, SendingEnabled: "no" }, known];
  expect(await ask(always({ EmailIdentities: list }).deps)).toEqual({
    ok: true,
    value: ["a.example"],
  });
});

test("a refused question tells the status and no secret", async () => {
  const off = depsFor(10_000, { now: () => 0 });
  expect(await ask(off)).toEqual({
    ok: false,
    error: { retryAfterMs: null, text: "SES answered 403" },
  });
});
