import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ses } from "../../../src/providers/ses/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL, outgoing } from "../../contract/messages.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { sesEmulator } from "../../emulator/ses.ts";

const under = { definition: ses, emulator: sesEmulator };
const NOW = Date.UTC(2026, 0, 31, 23, 59, 59, 999);

describe("signatures of SES calls", () => {
  let emulator: Emulator;
  beforeAll(async () => {
    emulator = await sesEmulator.start();
  });
  beforeEach(() => emulator.reset());
  afterAll(() => emulator.close());

  /** Sends with what `change` makes of the request on its way. */
  async function sentWith(
    change: (headers: Headers, init: RequestInit) => RequestInit | undefined,
  ) {
    const changing = (url: unknown, init: RequestInit = {}) => {
      const headers = new Headers(init.headers);
      return fetch(String(url), { ...init, headers, ...change(headers, init) });
    };
    const deps = depsFor(10_000, { fetch: changing as typeof fetch });
    return makeProvider(under, emulator).send(FULL, deps);
  }

  test("an untouched request is accepted", async () => {
    expect(await sentWith(() => undefined)).toMatchObject({ kind: "accepted" });
  });

  test("a changed request is refused, whatever was changed", async () => {
    const edit = (name: string, from: string | RegExp, to: string) => (headers: Headers) => {
      headers.set(name, (headers.get(name) ?? "").replace(from, to));
      return undefined;
    };
    const changes = [
      (_: Headers, { body }: RequestInit) => ({
        body: new TextDecoder().decode(body as Uint8Array).replace("jane", "june"),
      }),
      edit("authorization", /[0-9a-f]{64}$/, "0".repeat(64)),
      edit("authorization", "eu-west-1", "us-east-1"),
      edit("authorization", "/ses/", "/s3/"),
      edit("authorization", "host;", ""),
      edit("authorization", /^AWS4.*$/, ""),
      edit("authorization", /, Signature=.*$/, ""),
      edit("authorization", "AKIA", "AKIB"),
      edit("x-amz-date", /Z$/, ""),
      edit("x-amz-date", /\d\dZ$/, "61Z"),
      edit("x-amz-meta", /^$/, "unsigned"),
      edit("x-amz-security-token", /^$/, "unknown"),
      edit("x-amz-content-sha256", /^$/, "0".repeat(64)),
    ];
    for (const [index, change] of changes.entries()) {
      const outcome = await sentWith(change);
      expect(outcome, `change ${index}`).toMatchObject({ kind: "rejected", fault: "account" });
    }
    expect(emulator.counts()).toMatchObject({ requests: changes.length, acceptances: 0 });
  });

  test("the time of a signature is the time that is given, to the second", async () => {
    let date = "";
    const recording = (_: unknown, init: RequestInit = {}) => {
      date = new Headers(init.headers).get("x-amz-date") ?? "";
      return Promise.resolve(Response.json({ MessageId: "1" }));
    };
    const deps = depsFor(1000, { now: () => NOW, fetch: recording as typeof fetch });
    await makeProvider(under, emulator).send(outgoing(), deps);
    expect(date).toBe("20260131T235959Z");
  });

  test("a clock that is off by minutes is the account's, and told", async () => {
    for (const offMs of [-6 * 60_000, 6 * 60_000]) {
      const deps = depsFor(10_000, { now: () => Date.now() + offMs });
      expect(await makeProvider(under, emulator).send(outgoing(), deps)).toMatchObject({
        kind: "rejected",
        fault: "account",
        text: expect.stringContaining("Signature expired"),
      });
    }
    const deps = depsFor(10_000, { now: () => Date.now() - 4 * 60_000 });
    expect(await makeProvider(under, emulator).send(outgoing(), deps)).toMatchObject({
      kind: "accepted",
    });
  });

  test("a source that has signed yesterday signs today", async () => {
    const provider = makeProvider(under, emulator);
    const day = 24 * 3_600_000;
    for (const at of [Date.now() - day, Date.now()]) {
      await provider.send(outgoing(), depsFor(10_000, { now: () => at }));
    }
    expect(emulator.counts().acceptances).toBe(1);
  });
});
