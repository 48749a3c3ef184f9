/** Endpoints under test: the SDK against the Worker, and a receiver in the place of the network. */
import { env, exports } from "cloudflare:workers";
import { Resend } from "resend";
import { Webhook } from "standardwebhooks";
import { vi } from "vitest";
import type { OutEvent } from "../../../src/core/webhook.ts";
import { deliveriesOf } from "../../../src/feedback/webhooks-out/deliveries.ts";
import { eventsOf } from "../../../src/feedback/webhooks-out/events.ts";
import { insertDeliveries } from "../../../src/store/webhook-deliveries.ts";
import { readEndpoints } from "../../../src/store/webhook-endpoints.ts";
import { happening } from "../../feedback/webhooks-out/world.ts";

const ORIGIN = "http://postern.test";

export interface Posted {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/**
 * Puts a receiver in the place of everything outside; the Worker itself is reached under its
 * origin. `answer` may be changed at any time.
 */
export function receiver() {
  const posted: Posted[] = [];
  const world = { posted, answer: (_: Posted): Response => new Response("ok") };
  vi.stubGlobal("fetch", async (input: string | URL | Request, init?: RequestInit) => {
    const request = new Request(input, init);
    if (request.url.startsWith(ORIGIN)) return exports.default.fetch(request);
    const one = {
      url: request.url,
      headers: Object.fromEntries(request.headers),
      body: await request.text(),
    };
    posted.push(one);
    return world.answer(one);
  });
  return world;
}

/** The official client, against the Worker under test. */
export const sdk = (token: string): Resend => new Resend(token, { baseUrl: ORIGIN });

/** The value of an answer of the SDK, which must not be an error. */
export function value<T>(answer: { data: T | null; error: unknown }): T {
  if (answer.data === null) throw new Error(JSON.stringify(answer.error));
  return answer.data;
}

/** An event of an account at `at`, as the journal makes it. */
export async function delivered(account: string, at = Date.now(), no = 0): Promise<OutEvent> {
  const [event] = await eventsOf([happening({ account, at, no })]);
  if (event === undefined) throw new Error("a delivery is an event");
  return event;
}

/** Writes what the account's endpoints are to be told, without a hint. */
export async function write(events: readonly OutEvent[], now = Date.now()) {
  const accounts = [...new Set(events.map(({ account }) => account))];
  const endpoints = await readEndpoints(env.DB, accounts);
  return insertDeliveries(env.DB, deliveriesOf(events, endpoints, now));
}

let serial = 0;

/** A webhook of a URL of its own, and what is posted there. */
export async function makeWebhook(
  world: ReturnType<typeof receiver>,
  resend: Resend,
  events: Parameters<Resend["webhooks"]["create"]>[0]["events"] = [],
) {
  serial += 1;
  const url = `https://hooks.acme.com/${serial}`;
  const { id, signing_secret } = value(await resend.webhooks.create({ endpoint: url, events }));
  const posted = (): Posted[] => world.posted.filter((one) => one.url === url);
  return { id, url, secret: signing_secret, posted };
}

/** What was posted, once the standard's own library has taken it. */
export const verify = (secret: string, { body, headers }: Posted) =>
  new Webhook(secret).verify(body, headers) as { type: string; data: Record<string, unknown> };
