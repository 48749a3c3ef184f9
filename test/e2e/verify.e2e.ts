import { afterAll, afterEach, expect, test } from "vitest";
import type { Verification } from "../../src/verify/verdict.ts";
import { type Doh, startDoh } from "../support/doh/server.ts";
import { call, freePort, type Instance, postern, stateFolder } from "../support/instance.ts";

const folder = stateFolder();
const started: Instance[] = [];
let doh: Doh | undefined;

async function start(resolver: string): Promise<string> {
  const env = { POSTERN_STATE: folder.path, PORT: String(await freePort()) };
  const instance = postern(["start", "--resolver", resolver], env);
  started.push(instance);
  await instance.ready();
  return instance.stdout();
}

const verify = (email: string): Promise<Verification> =>
  call<Verification>(folder.dev(), "POST", "/verifications", { email });

afterEach(async () => {
  for (const { child, exited } of started.splice(0)) {
    if (child.exitCode === null) child.kill("SIGTERM");
    await exited;
  }
});

afterAll(async () => {
  await doh?.close();
  folder.remove();
});

test("without internet it starts, says that lookups answer unknown, and they do", async () => {
  // RFC 6761 section 6.4: this name is nowhere.
  const printed = await start("https://resolver.invalid/dns-query");
  expect(started[0]?.stderr()).not.toContain("ffi.rs");
  expect(printed).toMatch(/delivered .* ms\n/);
  expect(printed).toMatch(/Note: DNS does not answer \(timeout\).*verification answers\n`unknown`/);
  expect(await verify("ada@example.net")).toMatchObject({
    ...{ status: "unknown", reason: "dns_timeout", recommendation: "review" },
  });
});

test("with a resolver it says so, and an address is looked up", async () => {
  doh = await startDoh({
    "example.com": { mx: [[0, "."]] },
    "example.net": { mx: [[10, "mx.example.net"]] },
    "mx.example.net": { a: ["198.51.101.1"] },
  });
  expect(await start(doh.url)).toMatch(/DNS answers: POST \/verifications/);
  const verdict = await verify("ada@example.net");
  expect(verdict).toMatchObject({ status: "unknown", reason: "domain_takes_mail" });
  expect(doh.counts().asked["example.net MX"]).toBe(1);
});
