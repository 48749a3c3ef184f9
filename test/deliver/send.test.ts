import { describe, expect, test } from "vitest";
import type { Claimed } from "../../src/core/custody.ts";
import { err, ok } from "../../src/core/result.ts";
import type { LaneDeps } from "../../src/deliver/ports.ts";
import { sendCall } from "../../src/deliver/send.ts";
import { createSlots } from "../../src/deliver/slots.ts";
import type { Outcome, OutgoingMessage, Provider } from "../../src/providers/provider.ts";
import { addressee, claimOf, headOf, PLAIN } from "./messages.ts";

const REF = { account: "acme", shard: 0 };
const accepted = (id: string): Outcome => ({
  kind: "accepted",
  providerMessageId: id,
  refused: [],
});

/** Sends claims through a provider with these faculties; tells what it was asked. */
async function sent(given: Partial<Provider>, claims: readonly Partial<Claimed>[]) {
  const asked = { sends: 0, batches: [] as { key: string; ids: string[] }[] };
  const logged: string[] = [];
  const provider: Provider = {
    capabilities: PLAIN,
    timeLimitMs: 1_000,
    send: async () => {
      asked.sends += 1;
      return accepted("sent");
    },
    sendBatch: async (messages: readonly OutgoingMessage[], key) => {
      asked.batches.push({ key, ids: messages.map(({ id }) => id) });
      return messages.map(({ id }) => accepted(id));
    },
    ...given,
  };
  const deps = {
    now: () => 1_000,
    fetch,
    provider: () => provider,
    content: async () => null,
    log: (event: string) => void logged.push(event),
  } as unknown as LaneDeps;
  const head = headOf([addressee("to", "ann")]);
  const all = claims.map((claim) => ({ head, claimed: claimOf([0], claim) }));
  const outcomes = await sendCall(REF, "s1", all, createSlots(), deps);
  return { outcomes, asked, logged };
}

describe("an unknown that is about to be repeated", () => {
  const unknown = [{ unknownSince: 500 }];

  test("is not sent again when the source's records show it", async () => {
    const lookup: Provider["lookup"] = async ({ id, messageId, createdAt }) => {
      expect({ id, messageId, createdAt }).toEqual({
        id: "m1",
        messageId: "m1@acme.example",
        createdAt: 1_000,
      });
      return ok({ kind: "accepted", providerMessageId: "found" });
    };
    const { outcomes, asked } = await sent({ lookup }, unknown);
    expect(outcomes).toEqual([accepted("found")]);
    expect(asked.sends).toBe(0);
  });

  test.each<[string, Provider["lookup"]]>([
    ["have no such message", async () => ok({ kind: "none" })],
    ["cannot be asked", async () => err({ retryAfterMs: null, text: "503" })],
    ["fail", () => Promise.reject(new TypeError("broken"))],
  ])("is sent when the records %s", async (_, lookup) => {
    const { outcomes, asked } = await sent({ lookup } as Partial<Provider>, unknown);
    expect(outcomes).toEqual([accepted("sent")]);
    expect(asked.sends).toBe(1);
  });

  test("is not asked for before a first attempt", async () => {
    const lookup = () => Promise.reject(new Error("asked"));
    expect((await sent({ lookup }, unknown)).logged).toEqual(["lookup_failed"]);
    expect((await sent({ lookup }, [{}])).logged).toEqual([]);
  });
});

describe("a call of several", () => {
  const two = [
    { id: "m1", batch: "k1" },
    { id: "m2", batch: "k1" },
  ];

  test("is one call under its key, with an outcome each", async () => {
    const { outcomes, asked } = await sent({}, two);
    expect(asked).toEqual({ sends: 0, batches: [{ key: "k1", ids: ["m1", "m2"] }] });
    expect(outcomes).toEqual([accepted("m1"), accepted("m2")]);
  });

  test("is all unknown when its adapter throws, and as far as it says nothing", async () => {
    const ambiguous = { kind: "ambiguous" };
    const broken = await sent({ sendBatch: () => Promise.reject(new TypeError()) }, two);
    expect(broken.outcomes).toMatchObject([ambiguous, ambiguous]);
    const short = await sent({ sendBatch: async () => [accepted("m1")] }, two);
    expect(short.outcomes).toMatchObject([{ kind: "accepted" }, ambiguous]);
  });

  test("stays unknown while its source makes no such calls", async () => {
    const { sendBatch: _, ...given } = { sendBatch: 0, capabilities: PLAIN };
    const { outcomes, asked } = await sent({ ...given, sendBatch: undefined } as never, two);
    expect(outcomes).toMatchObject([{ kind: "ambiguous" }, { kind: "ambiguous" }]);
    expect(asked.sends).toBe(0);
  });

  test("is not made without the content of every member", async () => {
    const { outcomes, asked } = await sent({}, [
      two[0] ?? {},
      { ...two[1], content: { key: "x" } },
    ]);
    expect(outcomes).toMatchObject([{ code: "content_unavailable" }, { kind: "failed" }]);
    expect(asked.batches).toEqual([]);
  });

  test("is not begun under a lease that is nearly over for one of them", async () => {
    const { outcomes, asked } = await sent({}, [two[0] ?? {}, { ...two[1], leaseUntil: 2_500 }]);
    expect(outcomes).toBeNull();
    expect(asked.batches).toEqual([]);
  });
});
