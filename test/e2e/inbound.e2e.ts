/**
 * Mail that comes back, from outside: it leaves through a relay under a return path of its own, and
 * what is sent to that return path tells what became of it.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Client, createClient } from "../../src/cli/client.ts";
import type { Runtime } from "../../src/cli/runtime.ts";
import { makeKey, throwawaySecrets } from "../../src/cli/secrets.ts";
import { PASSWORD, type SmtpEmulator, startSmtpEmulator, USER } from "../emulator/smtp.ts";
import * as fixtures from "../feedback/inbound/fixtures.ts";
import { until } from "../support/instance.ts";

const JANE = "jane.roe@customer.example";

const secrets = throwawaySecrets();
const logged: string[] = [];
let relay: SmtpEmulator;
let runtime: Runtime;
let client: Client;

beforeAll(async () => {
  relay = await startSmtpEmulator({ hideSTARTTLS: true, allowInsecureAuth: true });
  const source = { provider: "smtp", host: "127.0.0.1", port: relay.port, tls: "none" };
  const login = { user: USER, secret: "RELAY_PASSWORD", return_path: "bounces.example.com" };
  const { start } = await import("../../src/cli/runtime.ts");
  runtime = await start({
    port: 0,
    persistTo: null,
    takesMail: true,
    secrets: { ...secrets, RELAY_PASSWORD: PASSWORD },
    vars: {
      accounts: { default: { domains: ["example.com"] } },
      sources: { relay: { ...source, ...login } },
      pools: { relay: { sources: ["relay"] } },
      streams: { relay: { kind: "transactional", pool: "relay" } },
    },
    log: (line) => void logged.push(line),
  });
  const key = await makeKey(runtime.url, secrets.POSTERN_ADMIN_KEY, "inbound", "live");
  client = createClient(runtime.url, key, 16);
});
afterAll(async () => {
  client?.close();
  await runtime?.stop();
  await relay?.close();
});

interface Email {
  readonly last_event: string;
  readonly recipients: readonly { readonly state: string }[];
}

async function send(): Promise<string> {
  const from = "Postern <demo@example.com>";
  const mail = { from, to: [JANE], subject: "Hello", text: "Hello", stream: "relay" };
  const { status, body } = await client.send("POST", "/emails", mail);
  expect(status, JSON.stringify(body)).toBe(200);
  return (body as { id: string }).id;
}

const read = async (id: string): Promise<Email> =>
  (await client.send("GET", `/emails/${id}`)).body as Email;

const reaches = (id: string, event: string): Promise<void> =>
  until(`${id} is ${event}`, async () => (await read(id)).last_event === event);

/** Hands mail to the Worker as Cloudflare does; what it answers to the server that brings it. */
async function receive(to: string, raw: Uint8Array): Promise<object> {
  const url = new URL("/cdn-cgi/local/email", runtime.url);
  url.searchParams.set("from", "<>");
  url.searchParams.set("to", to);
  const body = `Message-ID: <r1@customer.example>\r\n${new TextDecoder().decode(raw)}`;
  const answer = await fetch(url, { method: "POST", body });
  return { status: answer.status, text: await answer.text() };
}

describe("mail through a relay", () => {
  test("that comes back to its return path is bounced, and ends mail to the address", async () => {
    const id = await send();
    await reaches(id, "sent");
    const [delivery] = relay.deliveries();
    const path = delivery?.from ?? "";
    expect(path).toMatch(/^b-[a-z2-7]{39}@bounces\.example\.com$/);
    expect(String(delivery?.bytes)).toContain(`X-Postern-Id: ${id}\r\n`);

    const other = path.replace(/.@/, (end) => (end === "a@" ? "i@" : "a@"));
    expect(await receive(other, fixtures.SENDMAIL)).toMatchObject({
      text: expect.stringContaining("5.1.1 No such address"),
    });
    expect((await read(id)).recipients).toMatchObject([{ state: "sent" }]);

    expect(await receive(path.toUpperCase(), fixtures.SENDMAIL)).toMatchObject({ status: 200 });
    await reaches(id, "bounced");
    expect((await read(id)).recipients).toMatchObject([
      { state: "bounced", code: "5.1.1", bounce: { kind: "hard", category: "recipient" } },
    ]);
    await until("the address is suppressed", async () => {
      const list = await client.send("GET", "/suppressions");
      return JSON.stringify(list.body).includes(JANE);
    });
    await reaches(await send(), "suppressed");
    expect(relay.deliveries()).toHaveLength(1);
    expect(logged.filter((line) => line.includes("report_") && line.includes("@"))).toEqual([]);
  });
});
