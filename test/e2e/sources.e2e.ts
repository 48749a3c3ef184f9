/**
 * Every provider at once, behind one Worker: mail goes through each adapter to what stands for its
 * provider, and whatever goes wrong there, nothing that is told afterwards names anyone.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient } from "../../src/cli/client.ts";
import { letter } from "../../src/cli/mix.ts";
import type { Runtime } from "../../src/cli/runtime.ts";
import { makeKey, throwawaySecrets } from "../../src/cli/secrets.ts";
import { lanesOf, type SourceSettings } from "../../src/providers/registry.ts";
import type { Emulator, Plan } from "../emulator/emulator.ts";
import { EMULATORS } from "../emulator/index.ts";
import { smtpEmulator } from "../emulator/smtp.ts";

const LETTERS = 8;
const NAMES = Object.keys(EMULATORS);
const emulatorOf = (name: string) => EMULATORS[name] ?? smtpEmulator;
/** Long enough for a loaded machine to answer, short enough to wait for. */
const TIME_LIMIT_MS = 3_000;
const PATIENCE_MS = 60_000;

const PLANTED = {
  local: "planted.recipient",
  subject: "planted-subject-7f3a",
  body: "planted-body-9c1e",
  metadata: "planted-metadata-55d0",
  filename: "planted-file-81b2.txt",
};
/** What a provider might say: everything that must not be repeated. */
const leakOf = (secrets: readonly string[]) =>
  `Cannot send to ${PLANTED.local}@leak.example or "Jane" <${PLANTED.local}@leak.example> ` +
  `with ${secrets.join(" and ")}\r\nX-Injected: yes`;

const secrets = throwawaySecrets();
const logged: string[] = [];
const emulators = new Map<string, Emulator>();
let runtime: Runtime;
let client: Client;
let apiKey = "";

const secretsOf = (name: string) =>
  Object.values(emulatorOf(name).source("http://127.0.0.1:1").secrets);
const lanes = (name: string) => lanesOf(name as SourceSettings["provider"]);

beforeAll(async () => {
  const sources: Record<string, unknown> = {};
  const pools: Record<string, unknown> = {};
  const streams: Record<string, unknown> = {};
  // Unknowns are looked up and repeated while the test goes on, and what they log is read too.
  const terms = { on_unknown: "retry", grace_ms: 200 };
  let all: Record<string, string> = {};
  for (const name of NAMES) {
    const emulator = await emulatorOf(name).start();
    emulators.set(name, emulator);
    const { settings, secrets: named } = emulatorOf(name).source(emulator.url);
    sources[name] = { ...settings, time_limit_ms: TIME_LIMIT_MS };
    pools[name] = { sources: [name] };
    for (const kind of lanes(name)) streams[`${name}-${kind}`] = { kind, pool: name, ...terms };
    all = { ...all, ...named };
  }
  // Its secret is not set: what is logged of it shows that the log is read at all.
  sources.unset = { provider: "resend", secret: "NOT_SET" };
  pools.unset = { sources: ["unset"] };
  streams.unset = { kind: "transactional", pool: "unset" };
  process.env.NODE_EXTRA_CA_CERTS = smtpEmulator.certificate;
  const { start } = await import("../../src/cli/runtime.ts");
  const beside = EMULATORS.cloudflare?.worker?.(emulators.get("cloudflare")?.url ?? "");
  runtime = await start({
    port: 0,
    persistTo: null,
    secrets: { ...secrets, ...all },
    vars: {
      accounts: { default: { domains: ["example.com"] } },
      ...{ sources, pools, streams },
    },
    log: (line) => void logged.push(line),
    ...(beside === undefined ? {} : { beside }),
  });
  apiKey = await makeKey(runtime.url, secrets.POSTERN_ADMIN_KEY, "sources", "live");
  client = createClient(runtime.url, apiKey, 16);
});
afterAll(async () => {
  client?.close();
  await runtime?.stop();
  await Promise.all([...emulators.values()].map((emulator) => emulator.close()));
});

interface Email {
  readonly last_event: string;
  readonly timeline: readonly { readonly type: string }[];
  readonly recipients: readonly object[];
}

async function post(body: object): Promise<string> {
  const answer = await client.send("POST", "/emails", body);
  expect(answer.status, JSON.stringify(answer.body)).toBe(200);
  return (answer.body as { id: string }).id;
}

const read = async (id: string) => (await client.send("GET", `/emails/${id}`)).body as Email;

/** Waits until an email has been tried and its timeline tells what came of it. */
async function told(id: string): Promise<Email> {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const email = await read(id);
    if (email.timeline.length > 1) return email;
    if (performance.now() > end) throw new Error(`nothing was told of ${id}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

describe("mail through every adapter", () => {
  test.each(NAMES)("%s takes each message once", async (name) => {
    const takes = {
      broadcasts: lanes(name).includes("broadcast"),
      inline: emulatorOf(name).inline !== false,
    };
    const ids = await Promise.all(
      Array.from({ length: LETTERS }, (_, index) => {
        const { stream = "transactional", ...body } = letter(index, takes);
        return post({ ...body, stream: `${name}-${stream}` });
      }),
    );
    for (const id of ids) {
      const { last_event, timeline } = await told(id);
      expect(last_event, JSON.stringify(timeline)).toBe("sent");
    }
    const counts = emulators.get(name)?.counts();
    expect(counts?.accepted.map(({ key }) => key).toSorted()).toEqual(ids.toSorted());
    expect(counts?.doubled).toBe(0);
  });
});

describe("whatever goes wrong at a provider, nothing told afterwards names anyone", () => {
  const forbidden = (name: string) => [
    ...secretsOf(name),
    ...Object.values(PLANTED),
    "leak.example",
    apiKey,
    ...Object.values(secrets),
  ];
  const plansOf = (name: string): Plan[] => {
    const message = leakOf(secretsOf(name));
    const refused =
      name === "smtp"
        ? ["rcpt", "mail", "data"].map((phase) => ({ status: 550, name: phase, message }))
        : [400, 401, 403, 422, 500].map((status) => ({ status, message }));
    return [
      ...refused.map((plan) => ({ mode: "error" as const, ...plan })),
      { mode: "accept_reset" },
      { mode: "malformed" },
      // One at a time: nobody answers for as long as the time limit, and the lane waits.
      ...(name === "ses" ? [{ mode: "hang" as const }] : []),
      // Last: nothing is granted to the source for a while after it.
      { mode: "throttle", message },
    ];
  };

  test.each(NAMES)("%s", async (name) => {
    const emulator = emulators.get(name);
    for (const plan of plansOf(name)) {
      emulator?.reset();
      emulator?.control(plan);
      const id = await post({
        from: "Postern <demo@example.com>",
        to: [`Jane Planted <${PLANTED.local}@leak.example>`],
        subject: PLANTED.subject,
        text: PLANTED.body,
        metadata: { planted: PLANTED.metadata },
        attachments: [{ filename: PLANTED.filename, content: "aGVsbG8=" }],
        stream: `${name}-transactional`,
      });
      const { timeline, recipients } = await told(id);
      expect(timeline.length).toBeGreaterThan(1);
      const states = recipients.map((one) => ({ ...one, email: null }));
      const text = JSON.stringify({ timeline, states });
      for (const one of forbidden(name))
        expect(text, `${plan.mode} ${plan.status}`).not.toContain(one);
      expect(text).not.toMatch(/@|\\[rn]/);
    }
    emulator?.reset();
  });

  test("no line of the log has a secret, an address, or a word of a message", async () => {
    await post({
      from: "a@example.com",
      to: "b@leak.example",
      subject: "",
      text: "",
      stream: "unset",
    });
    const said = async () => logged.join("\n").includes("source_not_usable");
    while (!(await said())) await new Promise((resolve) => setTimeout(resolve, 50));
    const log = logged.join("\n");
    for (const name of NAMES) {
      for (const one of forbidden(name)) expect(log).not.toContain(one);
    }
    expect(log).not.toContain("example.com");
    expect(log).not.toContain("example.org");
  });

  test("a planted one would be found", () => {
    expect(forbidden("ses").length).toBeGreaterThan(9);
    expect(leakOf(secretsOf("ses"))).toContain(secretsOf("ses")[0] ?? "nothing");
  });
});
