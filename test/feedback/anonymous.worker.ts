/** Events that name nothing but the provider's id, in the real database. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import type { JournalBody, JournalUnit } from "../../src/core/custody.ts";
import type { ProviderEvent } from "../../src/core/events.ts";
import { mintIds } from "../../src/core/ids.ts";
import { createSigner } from "../../src/core/signer.ts";
import { consumeJournal } from "../../src/feedback/ingest.ts";
import { journalServices } from "../../src/services.ts";
import { message } from "./journal.ts";

const SCOPE = "other~test";

async function unitOf(providerMessageId: string): Promise<JournalUnit> {
  const signer = await createSigner(env.POSTERN_SECRET);
  const random = (count: number) => crypto.getRandomValues(new Uint8Array(count));
  const [id = ""] = await mintIds({ signer, now: Date.now(), random }, SCOPE, 0, 1);
  const address = "ann@a.example";
  const terms = { stream: "transactional", lane: "transactional", createdAt: Date.now() };
  const envelope = { from: "x@other.example", fromDomain: "other.example", tags: [], ...terms };
  const addressees = [{ mailbox: address, address, domain: "a.example", hash: "h", kind: "to" }];
  const recipients = [{ state: "sent", at: Date.now(), code: "", text: "" }] as const;
  const head = JSON.stringify({ envelope, addressees });
  return {
    id,
    rev: 3,
    open: false,
    head,
    source: "cf",
    providerMessageId,
    recipients,
    timeline: [],
  };
}

test("one that comes before its message is recorded comes back, and is recorded", async () => {
  const back: { body: JournalBody; delayS: number }[] = [];
  const deps = {
    ...journalServices(env),
    isAnonymous: (source: string) => source === "cf",
    journalLater: async (body: JournalBody, delayS: number) => void back.push({ body, delayS }),
  };
  const hostile = `cf-'"\u0000${crypto.randomUUID()}`;
  const bounce: ProviderEvent = {
    ...{ account: "", messageId: "", recipientNo: null, address: "ann@a.example" },
    ...{ providerMessageId: hostile, source: "cf", type: "bounced", at: Date.now() },
    ...{ code: "5.1.1", text: "", bounce: { kind: "hard", category: "recipient" } },
  };
  const unit = await unitOf(hostile);
  const early = message({ v: 1, kind: "events", events: [bounce] });
  const outcome = message({ v: 1, kind: "units", account: SCOPE, shard: 0, units: [unit] });
  await consumeJournal([early], deps);
  await consumeJournal([outcome], deps);
  expect([early.acked, outcome.acked]).toEqual([1, 1]);
  expect(back).toEqual([
    { body: { v: 1, kind: "events", events: [bounce], tries: 1 }, delayS: 10 },
  ]);
  const again = message(back[0]?.body);
  await consumeJournal([again, again], deps);
  expect([again.acked, back.length]).toEqual([2, 1]);
  const rows = await env.DB.prepare(
    "SELECT account_id, standing FROM recipient WHERE message_id = ?",
  )
    .bind(unit.id)
    .all();
  expect(rows.results).toEqual([{ account_id: SCOPE, standing: "bounced" }]);
});
