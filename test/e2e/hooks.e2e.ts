/**
 * What providers report, from outside: mail goes through an adapter to its emulator, the emulator
 * posts what came of it to `POST /hooks/SOURCE`, and the mail and the list of suppressions tell it.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient } from "../../src/cli/client.ts";
import type { Runtime } from "../../src/cli/runtime.ts";
import { makeKey, throwawaySecrets } from "../../src/cli/secrets.ts";
import type { Emulator } from "../emulator/emulator.ts";
import { type Fate, type Post, REPORTERS, type Reporter, reports } from "../emulator/events.ts";
import { EMULATORS } from "../emulator/index.ts";

const NAMES = Object.keys(REPORTERS);
const PATIENCE_MS = 60_000;
const POLL_MS = 50;

const secrets = throwawaySecrets();
const logged: string[] = [];
const emulators = new Map<string, Emulator>();
let runtime: Runtime;
let client: Client;

beforeAll(async () => {
  const sources: Record<string, unknown> = {};
  const pools: Record<string, unknown> = {};
  const streams: Record<string, unknown> = {};
  let all: Record<string, string> = {};
  for (const name of NAMES) {
    const emulated = EMULATORS[name];
    if (emulated === undefined) throw new Error(name);
    const emulator = await emulated.start();
    emulators.set(name, emulator);
    const { settings, secrets: named } = emulated.source(emulator.url);
    const { webhook, secrets: proofs } = REPORTERS[name] as Reporter;
    sources[name] = { ...settings, webhook };
    pools[name] = { sources: [name] };
    streams[name] = { kind: "transactional", pool: name };
    all = { ...all, ...named, ...proofs };
  }
  const { start } = await import("../../src/cli/runtime.ts");
  runtime = await start({
    port: 0,
    persistTo: null,
    secrets: { ...secrets, ...all },
    vars: { accounts: { default: { domains: ["example.com"] } }, sources, pools, streams },
    log: (line) => void logged.push(line),
  });
  const key = await makeKey(runtime.url, secrets.POSTERN_ADMIN_KEY, "hooks", "live");
  client = createClient(runtime.url, key, 16);
});
afterAll(async () => {
  client?.close();
  await runtime?.stop();
  await Promise.all([...emulators.values()].map((emulator) => emulator.close()));
});

interface Email {
  readonly last_event: string;
  readonly timeline: readonly { readonly type: string; readonly code?: string }[];
}

async function send(stream: string, address: string): Promise<string> {
  const answer = await client.send("POST", "/emails", {
    from: "Postern <demo@example.com>",
    to: [address],
    subject: "Hello",
    text: "Hello",
    stream,
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return (answer.body as { id: string }).id;
}

/** Reads an email until it is so; what it was last is in the error. */
async function until(id: string, so: (email: Email) => boolean): Promise<Email> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const email = (await client.send("GET", `/emails/${id}`)).body as Email;
    if (so(email)) return email;
    if (performance.now() > end) {
      throw new Error(`${JSON.stringify(email)}\n${logged.slice(-5).join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

const has = (type: string) => (email: Email) => email.timeline.some((one) => one.type === type);
const last = (event: string) => (email: Email) => email.last_event === event;

async function post(source: string, { headers, body }: Post): Promise<number> {
  const answer = await fetch(`${runtime.url}/hooks/${source}`, { method: "POST", headers, body });
  await answer.body?.cancel();
  return answer.status;
}

describe.each(NAMES)("%s", (name) => {
  const mail = { kept: `ann.${name}@example.net`, gone: `bob.${name}@example.net` };
  const angry = `eve.${name}@example.net`;
  const FATES: Readonly<Record<string, Fate>> = {
    [mail.kept]: "delivered",
    [mail.gone]: "bounced",
    [angry]: "complained",
  };

  test("reports reach the mail; a hard bounce and a complaint end mail to an address", async () => {
    const emulator = emulators.get(name) as Emulator;
    const reporter = REPORTERS[name] as Reporter;
    const ids = new Map<string, string>();
    for (const address of Object.keys(FATES)) ids.set(address, await send(name, address));
    const id = (address: string) => ids.get(address) ?? "";
    for (const one of ids.values()) await until(one, has("sent"));

    const posts = reports(reporter, emulator, (one) => FATES[one] ?? null, Date.now());
    expect(posts).toHaveLength(3);
    // Nobody believes them without their proof.
    for (const { body } of posts) {
      expect(await post(name, { headers: { "content-type": "application/json" }, body })).toBe(401);
    }
    // Providers repeat themselves.
    for (const one of [...posts, ...posts]) expect(await post(name, one)).toBe(200);

    await until(id(mail.kept), last("delivered"));
    const bounced = await until(id(mail.gone), last("bounced"));
    expect(bounced.timeline.filter(({ type }) => type === "bounced")).toHaveLength(1);
    await until(id(angry), has("complained"));

    for (const address of [mail.gone, angry]) {
      await until(await send(name, address), last("suppressed"));
    }
    await until(await send(name, mail.kept), has("sent"));
    const taken = emulator.counts().accepted.map(({ key }) => key);
    expect(taken).toHaveLength(4);
    expect(emulator.counts().doubled).toBe(0);
  });
});

test("a source that is not configured takes nothing", async () => {
  expect(await post("nobody", { headers: {}, body: "{}" })).toBe(404);
});

test("no line of the log has an address or a secret", () => {
  const log = logged.join("\n");
  // What was refused is told.
  expect(log).toContain("hook_refused");
  expect(log).not.toContain("example.net");
  const hooked = Object.values(REPORTERS).flatMap((one) => Object.values(one.secrets));
  for (const secret of [...Object.values(secrets), ...hooked]) expect(log).not.toContain(secret);
});
