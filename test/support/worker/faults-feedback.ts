/** A story that providers tell about an account's mail, and what has to become of it. */
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { JournalBody } from "../../../src/core/custody.ts";
import type { ProviderEvent } from "../../../src/core/events.ts";
import { mintIds } from "../../../src/core/ids.ts";
import { createSigner } from "../../../src/core/signer.ts";
import { type Fault, makeScript, scriptOf } from "./faults.ts";
import { type Email, pause, type Scenario, scenario, until } from "./faults-kit.ts";

/** A scenario whose faults begin when they are armed. */
export interface Armed {
  readonly one: Scenario;
  readonly arm: (faults: readonly Fault[]) => void;
}

/** The next unused account, without faults for now. */
export async function armed(): Promise<Armed> {
  let { strike } = scriptOf([]);
  const one = await scenario(
    makeScript(
      (point) => strike(point),
      () => false,
    ),
  );
  return {
    one,
    arm(faults) {
      strike = scriptOf(faults).strike;
    },
  };
}

/** An event of the sandbox's about the only recipient of a message. */
export const eventOf = (
  { scope }: Pick<Scenario, "scope">,
  messageId: string,
  given: Pick<ProviderEvent, "type" | "at"> & Partial<ProviderEvent>,
): ProviderEvent => ({
  account: scope,
  messageId,
  recipientNo: null,
  address: "whoever@faults.test",
  source: "plain",
  code: "",
  text: "",
  ...given,
});

/** A bounce as it is understood. */
export const hard = { kind: "hard", category: "recipient" } as const;
const full = { kind: "soft", category: "mailbox_full" } as const;

/** Puts bodies on the journal. */
export async function tell(bodies: readonly (readonly ProviderEvent[])[]): Promise<void> {
  const all = bodies.map((events) => ({
    body: { v: 1, kind: "events", events } satisfies JournalBody,
    contentType: "json" as const,
  }));
  for (let from = 0; from < all.length; from += QUEUE_BATCH_MAX) {
    await env.JOURNAL.sendBatch(all.slice(from, from + QUEUE_BATCH_MAX));
  }
}

/** A queue takes as many messages in one call. */
const QUEUE_BATCH_MAX = 100;

/** Times that each event is told. */
const COPIES = 10;

/** Every event ten times, in any order, in bodies of `size`. */
export function tenfold(events: readonly ProviderEvent[], size: number): ProviderEvent[][] {
  const all = events.flatMap((event) => Array.from({ length: COPIES }, () => event));
  const shuffled = all
    .map((event) => ({ event, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ event }) => event);
  return Array.from({ length: Math.ceil(all.length / size) }, (_, place) =>
    shuffled.slice(place * size, (place + 1) * size),
  );
}

/** Names of the addressees of a story's seven messages; `full` gets three of them. */
const TO = ["gone", "angry", "reader", "full", "full", "full", "left"] as const;

export interface Told {
  readonly ids: readonly string[];
  readonly endpoint: string;
  readonly events: readonly ProviderEvent[];
}

/** Registers an endpoint that is told everything; answers its id. */
export async function makeEndpoint(one: Scenario): Promise<string> {
  const body = JSON.stringify({ endpoint: "https://hooks.acme.com/faults" });
  const response = await one.request("/webhooks", { method: "POST", body });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

/** Sends a story's mail, and says what its readers and their providers will report. */
export async function sendStory(one: Scenario): Promise<Told> {
  const endpoint = await makeEndpoint(one);
  const ids = await Promise.all(
    TO.map((name) => one.post({ stream: "plain", to: `${name}@faults.test` })),
  );
  await one.counts({ delivered: TO.length });
  await pause(FACTS_MS);
  const end = Date.now();
  let place = 0;
  // All after the deliveries, each at a time of its own.
  const event = (no: number, given: Omit<Parameters<typeof eventOf>[2], "at">): ProviderEvent =>
    eventOf(one, ids[no] ?? "", { ...given, at: end - FACTS_MS + ++place });
  const events = [
    event(0, { type: "bounced", bounce: hard, raw: '{"why":"gone"}' }),
    event(1, { type: "complained" }),
    ...[1, 2, 3].map(() => event(2, { type: "opened" })),
    event(2, { type: "clicked", url: "https://a.example/" }),
    event(2, { type: "clicked", url: "https://b.example/" }),
    ...[3, 4, 5].map((no) => event(no, { type: "bounced", bounce: full })),
    event(6, { type: "unsubscribed" }),
  ];
  return { ids, endpoint, events };
}

/** Milliseconds in which a story's events happen. */
const FACTS_MS = 50;

/** What has to become of a story. */
export const EXPECTED = {
  emails: [
    { state: "bounced" },
    { state: "delivered", complained: true },
    { state: "delivered", opens: 3, clicks: 2 },
    { state: "bounced" },
    { state: "bounced" },
    { state: "bounced" },
    { state: "delivered", unsubscribed: true },
  ],
  suppressed: [
    { address: "angry@faults.test", stream: "*", reason: "complaint" },
    { address: "full@faults.test", stream: "*", reason: "soft_bounce of 3" },
    { address: "gone@faults.test", stream: "*", reason: "hard_bounce" },
    { address: "left@faults.test", stream: "plain", reason: "unsubscribe" },
  ],
  counted: { sent: 7, delivered: 7, hard: 1, soft: 3, block: 0, complained: 0, elsewhere: 1 },
  webhooks: {
    "email.bounced": 4,
    "email.clicked": 2,
    "email.complained": 1,
    "email.delivered": 7,
    "email.opened": 3,
    "email.sent": 7,
    "email.unsubscribed": 1,
    "suppression.added": 3,
  },
  raws: 1,
  ledger: { accepted: 7, delivered: 3, bounced: 4, complained: 1, conserved: true },
};

type Read = Email["recipients"][number] & {
  readonly complained?: true;
  readonly unsubscribed?: true;
  readonly opens?: number;
  readonly clicks?: number;
};

const SUPPRESSED = `SELECT address, stream, CASE WHEN complained_at > 0 THEN 'complaint'
  WHEN hard_at > 0 THEN 'hard_bounce' WHEN unsubscribed_at > 0 THEN 'unsubscribe'
  WHEN soft_at > 0 THEN 'soft_bounce of ' || (SELECT count(*) FROM json_each(soft))
  ELSE 'nothing' END AS reason FROM suppression WHERE account_id = ? ORDER BY address`;

const COUNTED = `SELECT sum(sent) AS sent, sum(delivered) AS delivered, sum(hard) AS hard,
  sum(soft) AS soft, sum(block) AS block, sum(complained) AS complained,
  sum(complained_other) AS elsewhere
  FROM reputation WHERE scope LIKE 'stream/' || ? || '/%'`;

/** Rows of an account's query. */
async function rows<T>(sql: string, ...values: string[]): Promise<T[]> {
  const { results } = await env.DB.prepare(sql)
    .bind(...values)
    .all<T>();
  return results;
}

/** What has become of an account's mail, wherever it shows. */
export async function standing(one: Scenario, { ids, endpoint }: Omit<Told, "events">) {
  const emails = await Promise.all(ids.map((id) => one.read(id)));
  const { accepted, delivered, bounced, complained, conserved } = await one.ledger();
  const webhooks = await rows<{ type: string; count: number }>(
    "SELECT type, count(*) AS count FROM webhook_delivery WHERE endpoint_id = ? GROUP BY type",
    endpoint,
  );
  return {
    emails: emails.map(({ recipients }) => {
      const { state, opens, clicks, ...rest } = recipients[0] as Read;
      return {
        state,
        ...(rest.complained ? { complained: true } : {}),
        ...(rest.unsubscribed ? { unsubscribed: true } : {}),
        ...(opens ? { opens } : {}),
        ...(clicks ? { clicks } : {}),
      };
    }),
    suppressed: await rows(SUPPRESSED, one.scope),
    counted: (await rows(COUNTED, one.scope))[0],
    webhooks: Object.fromEntries(webhooks.map(({ type, count }) => [type, count])),
    raws: (await rows("SELECT id FROM raw_event WHERE account_id = ?", one.scope)).length,
    ledger: { accepted, delivered, bounced, complained, conserved },
  };
}

function equals(value: unknown, expected: unknown): boolean {
  try {
    expect(value).toEqual(expected);
    return true;
  } catch {
    return false;
  }
}

/** A while in which whatever counts twice would show. */
const AFTER_MS = 1_500;

/** Waits until a story has become what it has to, and sees that it stays so. */
export async function becomes(
  one: Scenario,
  told: Omit<Told, "events">,
  expected: unknown,
  patienceMs?: number,
): Promise<void> {
  await until(
    () => standing(one, told),
    (now) => equals(now, expected),
    patienceMs,
  ).catch(() => {});
  await pause(AFTER_MS);
  expect(await standing(one, told)).toEqual(expected);
}

/** What is kept aside about an account. */
export async function kept(where: string, { scope }: Scenario): Promise<string[]> {
  const { objects } = await env.CONTENT.list({ prefix: `${where}/` });
  const bodies = await Promise.all(
    objects.map(async ({ key }) => (await env.CONTENT.get(key))?.text()),
  );
  return bodies.filter((body) => body !== undefined).filter((body) => body.includes(scope));
}

/** The row of a message's only recipient. */
export const rowOf = (id: string) =>
  env.DB.prepare("SELECT * FROM recipient WHERE message_id = ?")
    .bind(id)
    .first<Record<string, string | number | null>>();

/** An id as the account's next message might have it. */
export async function mintedId(scope: string): Promise<string> {
  const signer = await createSigner(env.POSTERN_SECRET);
  const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
  const [id = ""] = await mintIds({ signer, now: Date.now(), random }, scope, 0, 1);
  return id;
}
