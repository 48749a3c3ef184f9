import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import type { JournalBody } from "../../src/core/custody.ts";
import { recipientHash } from "../../src/core/recipient-hash.ts";
import { consumeJournal } from "../../src/feedback/ingest.ts";
import type { JournalMessage } from "../../src/feedback/ports.ts";
import { journalServices } from "../../src/services.ts";
import { readEvidence } from "../../src/store/evidence.ts";
import { Client, until } from "../support/worker/client.ts";

let live: Client;
beforeAll(async () => {
  live = await Client.make({ mode: "live" });
});

const found = async (scope: string, address: string) => {
  const hash = await recipientHash(address);
  const domain = address.slice(address.indexOf("@") + 1);
  const all = await readEvidence(env.DB, scope, [{ hash, domain }], Date.now(), false);
  return { ...all, address: all.addresses.get(hash), domain: all.domains.get(domain) };
};

const hardBounce = (messageId: string): JournalMessage => {
  const at = Date.now();
  const bounce = { kind: "hard", category: "recipient" } as const;
  const about = { account: live.scope, messageId, recipientNo: 0, source: "sandbox" };
  const event = {
    ...about,
    type: "bounced",
    at,
    code: "5.1.1",
    text: "no such user",
    bounce,
  } as const;
  const body: JournalBody = { v: 1, kind: "events", events: [event] };
  const message = { body, id: crypto.randomUUID(), timestamp: new Date(), attempts: 1 };
  return { ...message, ack: () => {}, retry: () => {} };
};

const rows = async (scope: string): Promise<number> => {
  const counted = env.DB.prepare("SELECT count(*) AS n FROM evidence WHERE account_id = ?");
  return (await counted.bind(scope).first<{ n: number }>())?.n ?? -1;
};

describe("live mail", () => {
  test("that is delivered is evidence of its address, its domain and their kind", async () => {
    const to = "Ann@Company.Example";
    await live.when(await live.send({ to }), "delivered");
    const known = await until(
      () => found(live.scope, "ann@company.example"),
      (one) => one.address !== undefined,
    );
    expect(known.address).toMatchObject({ delivered: 1, hardBounced: 0, last: "delivered" });
    expect(known.domain).toMatchObject({ delivered: 1, good: expect.closeTo(1, 3), bad: 0 });
    expect([...known.buckets.keys()]).toEqual(["unknown/other/lasting/person/none"]);
    expect(known.global.good).toBeCloseTo(1, 3);
  });

  test("that bounces for good counts once, however often that is told", async () => {
    const id = await live.send({ to: "info@mailinator.com" });
    await live.when(id, "delivered");
    const told = (): Promise<void> =>
      consumeJournal([hardBounce(id), hardBounce(id)], journalServices(env));
    await told();
    await told();
    const known = await found(live.scope, "info@mailinator.com");
    expect(known.address).toMatchObject({ delivered: 0, hardBounced: 1, last: "bounced" });
    expect(known.domain).toMatchObject({ delivered: 0, hardBounced: 1, bad: expect.closeTo(1, 3) });
    expect([...known.buckets.keys()]).toContain("unknown/other/disposable/role/none");
  });
});

test("test mail and magic recipients leave no evidence", async () => {
  const rehearsing = await Client.make();
  const before = await rows(live.scope);
  await rehearsing.when(await rehearsing.send({ to: "ann@company.example" }), "delivered");
  await live.when(await live.send({ to: "delivered@sandbox.test" }), "delivered");
  expect([await rows(rehearsing.scope), await rows(live.scope)]).toEqual([0, before]);
});
