import { beforeEach, describe, expect, test } from "vitest";
import { recipientHash } from "../../../src/core/recipient-hash.ts";
import { PROBE_TTL_MS } from "../../../src/verify/probe/answers.ts";
import type { ProbeAnswer } from "../../../src/verify/probe/ports.ts";
import type { ProbeOutcome } from "../../../src/verify/verdict.ts";
import { NOW, told, World } from "./world.ts";

const OUTCOMES = Object.keys(PROBE_TTL_MS) as ProbeOutcome[];
const JANE = "jane@customer.example";
let world: World;

beforeEach(() => {
  world = new World();
});

describe("an answer that is known", () => {
  test.each(OUTCOMES)(
    "%s holds for its time, in memory and for other isolates",
    async (outcome) => {
      const ttlMs = PROBE_TTL_MS[outcome];
      world.answers.jane = told(outcome, { smtp_code: 250, enhanced: "2.1.5" });
      const first = await world.probe(JANE);
      expect(first).toEqual({
        backend: "reacher",
        outcome,
        smtp_code: 250,
        enhanced: "2.1.5",
        at: NOW,
      });
      await world.settled();
      expect([...world.kept.values()].map((one) => one.ttlMs)).toEqual([ttlMs]);
      world.now += ttlMs - 1;
      expect(await world.probe(JANE)).toEqual(first);
      expect(await world.isolate()(JANE)).toEqual(first);
      expect(world.asked).toHaveLength(1);
      world.now += 1;
      expect(await world.isolate()(JANE)).toMatchObject({ at: world.now });
      expect(await world.probe(JANE)).toMatchObject({ at: world.now });
      expect(world.asked).toHaveLength(2);
    },
  );

  test("of nothing certain is forgotten within a quarter of an hour, a no within a day", () => {
    const { unavailable, blocked, mailbox_not_found, mailbox_disabled } = PROBE_TTL_MS;
    expect(Math.max(unavailable, blocked)).toBeLessThanOrEqual(15 * 60_000);
    expect(Math.max(mailbox_not_found, mailbox_disabled)).toBeLessThanOrEqual(86_400_000);
  });

  test("is read from what all share once, then from memory", async () => {
    await world.outcome(JANE);
    world.renew();
    world.reads = 0;
    for (let time = 0; time < 3; time++) await world.outcome(JANE);
    expect([world.reads, world.asked.length]).toEqual([1, 1]);
  });

  test("is one for all spellings of an address, and nothing that is kept names it", async () => {
    await world.outcome(JANE);
    await world.outcome("Jane@CUSTOMER.example");
    expect(world.asked).toEqual([JANE]);
    expect(world.recorded).toEqual([["acme", await recipientHash(JANE), "accepted"]]);
    const text = JSON.stringify([[...world.kept], world.recorded, world.logged]);
    expect(text).not.toMatch(/jane/i);
  });

  test("in words that are not known is asked for again", async () => {
    await world.outcome(JANE);
    for (const { probe } of world.kept.values()) Object.assign(probe, { outcome: "toString" });
    expect((await world.isolate()(JANE)).outcome).toBe("accepted");
    expect(world.asked).toHaveLength(2);
  });

  test("gives way in memory to newer ones", async () => {
    const local = (n: number) => `m+${n}@customer.example`;
    world.write = async () => {};
    for (let n = 0; n <= 5_000; n++) await world.probe(local(n));
    await world.settled();
    world.asked.length = 0;
    await world.probe(local(5_000));
    await world.probe(local(1));
    expect(world.asked).toEqual([]);
    await world.probe(local(0));
    expect(world.asked).toEqual([local(0)]);
  });
});

describe("a domain that takes any local part", () => {
  beforeEach(async () => {
    world.answers.any = told("catch_all");
    await world.outcome("any@all.example");
    world.asked.length = 0;
    world.recorded.length = 0;
  });

  test("is asked about once, whatever the address; other domains are not it", async () => {
    expect(await world.outcome("joe@all.example")).toBe("catch_all");
    expect(await world.outcome("joe@ALL.example")).toBe("catch_all");
    expect((await world.isolate()("sue@all.example")).outcome).toBe("catch_all");
    expect(world.asked).toEqual([]);
    expect(await world.outcome("joe@sub.all.example")).toBe("accepted");
  });

  test("tells evidence of each address once", async () => {
    for (let time = 0; time < 3; time++) await world.outcome("joe@all.example");
    expect(world.recorded).toEqual([["acme", await recipientHash("joe@all.example"), "catch_all"]]);
  });

  test("is kept once, however many of its addresses are asked about at once", async () => {
    let writes = 0;
    world.write = async () => {
      writes += 1;
    };
    const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
    world.ask = () => promise;
    const addresses = Array.from({ length: 20 }, (_, n) => `any+${n}@other.example`);
    const probes = addresses.map((one) => world.probe(one));
    await world.waiting();
    expect(world.asked).toHaveLength(20);
    resolve(told("catch_all"));
    await Promise.all(probes);
    await world.settled();
    expect(writes).toBe(1);
  });

  test("says more of an address than what that was told before, and less than after", async () => {
    world.answers.joe = told("mailbox_full");
    world.answers.all = told("catch_all");
    const other = world.isolate();
    for (const later of [0, 1]) {
      const domain = `late${later}.example`;
      const own = () => other(`joe@${domain}`);
      const shared = () => world.outcome(`all@${domain}`);
      // Neither isolate knows of the other's before it asks.
      const { read } = world;
      world.read = async () => new Map();
      for (const ask of later === 0 ? [own, shared] : [shared, own]) {
        await ask();
        world.now += 1;
      }
      await world.settled();
      world.read = read;
      const { outcome } = await world.isolate()(`joe@${domain}`);
      expect(outcome).toBe(later === 0 ? "catch_all" : "mailbox_full");
    }
  });
});
