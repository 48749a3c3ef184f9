/**
 * `npm run check:corpora`: recorded webhook requests of outside projects, through `receive`. Prints
 * what was compared and each deviation with its reason; exits 1 on one that is not listed, or on a
 * listed one that no longer deviates.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ok } from "../../src/core/result.ts";
import type { HookDeps, Hooks } from "../../src/providers/hooks.ts";
import { hooks as mailgun } from "../../src/providers/mailgun/webhook.ts";
import { hooks as postmark } from "../../src/providers/postmark/webhook.ts";
import { receive } from "../../src/providers/receive.ts";
import { hooks as resend } from "../../src/providers/resend/webhook.ts";
import { hooks as sendgrid } from "../../src/providers/sendgrid/webhook.ts";
import { corpora } from "../bench/classification.ts";
import { deviations, keysOf, type Recorded, requestOf, timeOf } from "./compare.ts";
import { REASONS } from "./reasons.ts";

const PROVIDERS: Readonly<Record<string, Hooks>> = { mailgun, postmark, resend, sendgrid };

const folder = join(corpora(), "webhooks");
if (!existsSync(folder)) {
  console.error(`nothing to check against: ${folder} is absent`);
  process.exit(2);
}

/** No request may need the network to be proved. */
const deps = (now: number): HookDeps => ({
  now: () => now,
  fetch: () => Promise.reject(new Error("no network here")),
  once: () => Promise.resolve(true),
});

interface Difference {
  readonly name: string;
  readonly what: string;
}

async function check(provider: string, hooks: Hooks, lines: Recorded[]): Promise<Difference[]> {
  const found: Difference[] = [];
  const times = new Map<string, number>();
  for (const line of lines) {
    const test = line.test.split(".").slice(-2).join(".");
    const nth = (times.get(test) ?? 0) + 1;
    times.set(test, nth);
    const name = `${provider} ${test}${nth > 1 ? ` ${nth}` : ""}`;
    const { settings } = line;
    const outcome = await receive(hooks, keysOf(settings), requestOf(line), deps(timeOf(line)));
    found.push(...deviations(line, outcome).map((what) => ({ name, what })));
  }
  console.log(`${provider.padEnd(16)} ${String(lines.length).padStart(4)} requests`);
  return found;
}

/** Twilio's own vectors: proved with the key, and refused with one byte more. */
async function vectors(): Promise<Difference[]> {
  interface Vector {
    readonly name: string;
    readonly publicKey: string;
    readonly signature: string;
    readonly timestamp: string;
    readonly payload: string;
  }
  const path = join(folder, "sendgrid-eventwebhook.json");
  const { vectors: all } = JSON.parse(readFileSync(path, "utf8")) as { vectors: Vector[] };
  const lines = all.flatMap(({ name, publicKey, signature, timestamp, payload }): Recorded[] => {
    const line = {
      headers: {
        "x-twilio-email-event-webhook-signature": signature,
        "x-twilio-email-event-webhook-timestamp": timestamp,
      },
      body_encoding: "utf8" as const,
      settings: { ANYMAIL: { VERIFICATION_KEY: publicKey } },
      expected_events: null,
    };
    return [
      { ...line, test: `vector.${name}`, body: payload, expected_status: 200 },
      { ...line, test: `changed.${name}`, body: `${payload} `, expected_status: 400 },
    ];
  });
  const bare: Hooks = { ...sendgrid, read: () => ok({ events: [], unknown: [] }) };
  return check("sendgrid-vectors", bare, lines);
}

/** The specification's vector, by the verification that Resend's webhooks have. */
async function standard(): Promise<Difference[]> {
  interface Vector {
    readonly secret: string;
    readonly id: string;
    readonly timestamp: number;
    readonly payload: string;
    readonly signature: string;
  }
  const path = join(folder, "standard-webhooks.json");
  const vector = JSON.parse(readFileSync(path, "utf8")) as Vector;
  const line = {
    headers: {
      "webhook-id": vector.id,
      "webhook-timestamp": String(vector.timestamp),
      "webhook-signature": vector.signature,
    },
    body_encoding: "utf8" as const,
    settings: { ANYMAIL_RESEND_SIGNING_SECRET: vector.secret },
    expected_events: null,
  };
  const bare: Hooks = { ...resend, read: () => ok({ events: [], unknown: [] }) };
  return check("standard-vectors", bare, [
    { ...line, test: "vector.go", body: vector.payload, expected_status: 200 },
    { ...line, test: "changed.go", body: `${vector.payload} `, expected_status: 400 },
  ]);
}

const found: Difference[] = [];
for (const [provider, hooks] of Object.entries(PROVIDERS)) {
  const path = join(folder, `${provider}_webhooks.jsonl`);
  if (!existsSync(path)) continue;
  const lines = readFileSync(path, "utf8").split("\n");
  const recorded = lines.filter((text) => text !== "").map((text) => JSON.parse(text) as Recorded);
  found.push(...(await check(provider, hooks, recorded)));
}
if (existsSync(join(folder, "sendgrid-eventwebhook.json"))) found.push(...(await vectors()));
if (existsSync(join(folder, "standard-webhooks.json"))) found.push(...(await standard()));

console.log();
const unlisted = found.filter(({ name, what }) => REASONS[`${name}: ${what}`] === undefined);
const seen = new Set(found.map(({ name, what }) => `${name}: ${what}`));
const stale = Object.keys(REASONS).filter((key) => !seen.has(key));
for (const [key, reason] of Object.entries(REASONS)) {
  if (seen.has(key)) console.log(`differs on purpose  ${key}\n                    ${reason}`);
}
for (const { name, what } of unlisted) console.log(`DIFFERS             ${name}: ${what}`);
for (const key of stale) console.log(`NO LONGER DIFFERS   ${key}`);
console.log(`${found.length} deviations, ${unlisted.length} without a reason`);
process.exit(unlisted.length + stale.length > 0 ? 1 : 0);
