import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { ProbeAnswer } from "../../../src/verify/probe/ports.ts";
import { PROBE_BREAKER, PROBE_LIMIT_MS } from "../../../src/verify/probe/probe.ts";
import { createReacher } from "../../../src/verify/probe/reacher.ts";
import type { ProbeOutcome } from "../../../src/verify/verdict.ts";
import { type ReacherServer, startReacher } from "../../support/reacher.ts";
import { FAULT, never, told, World } from "./world.ts";

const JANE = "jane@customer.example";
let world: World;

beforeEach(() => {
  world = new World();
});

/** A backend that has failed so often that it is left alone. */
async function trip(): Promise<void> {
  const { ask } = world;
  world.ask = async () => FAULT;
  for (let n = 0; n < PROBE_BREAKER.failures; n++) await world.outcome(`fails+${n}@down.example`);
  world.ask = ask;
  world.asked.length = 0;
  world.taken.length = 0;
}

describe("over the wire", () => {
  let server: ReacherServer;
  beforeAll(async () => {
    server = await startReacher();
  });
  afterAll(() => server.close());

  test("each mailbox is asked about once, but when the backend is at fault", async () => {
    const base = {
      url: server.url,
      path: "/v1/check_email",
      secret: null,
      from: null,
      hello: null,
    };
    const backend = createReacher({ ...base, secretHeader: "authorization" }, { fetch });
    world.renew({ backend, timeLimit: AbortSignal.timeout });
    const expected: Readonly<Record<string, ProbeOutcome>> = {
      ok: "accepted",
      rejected: "mailbox_not_found",
      disabled: "mailbox_disabled",
      full: "mailbox_full",
      "catch-all": "catch_all",
      blocked: "blocked",
      unknown: "unavailable",
      "500": "unavailable",
      garbage: "unavailable",
    };
    for (const [local, outcome] of Object.entries(expected)) {
      const address = `${local}@${local}.example`;
      const before = server.calls.length;
      for (let time = 0; time < 2; time++) expect(await world.outcome(address)).toBe(outcome);
      const isFault = local === "500" || local === "garbage";
      expect(server.calls.length - before, local).toBe(isFault ? 2 : 1);
    }
  });
});

describe("one address", () => {
  test("is asked about once at a time, and all who ask get the answer", async () => {
    const answer = world.hold();
    const spellings = [JANE, "JANE@customer.example", '"jane"@customer.example', JANE];
    const probes = spellings.map((one) => world.probe(one));
    await world.waiting();
    answer(told("mailbox_not_found"));
    for (const probe of probes) expect((await probe).outcome).toBe("mailbox_not_found");
    expect([world.asked.length, world.taken.length, world.reads]).toEqual([1, 1, 1]);
  });

  test("whose asker is gone keeps others for their own time only, and is asked again", async () => {
    let askers = 0;
    // The runtime drops the work of a client that goes away: nothing ends it, no time limit either.
    const timeLimit = (ms: number) =>
      askers++ === 0 ? new AbortController().signal : world.timeLimit(ms);
    world.renew({ timeLimit });
    const { ask } = world;
    world.ask = never;
    void world.probe(JANE);
    await world.pass(1);
    const second = world.probe(JANE);
    await world.pass(PROBE_LIMIT_MS);
    expect((await second).outcome).toBe("unavailable");
    expect(world.asked).toHaveLength(1);
    world.ask = ask;
    expect(await world.outcome(JANE)).toBe("accepted");
  });

  test("is one of a thousand that are asked about at once, and no more", async () => {
    world.ask = never;
    const probes = Array.from({ length: 1_001 }, (_, n) => world.probe(`n+${n}@customer.example`));
    const last = await probes[1_000];
    expect(last?.outcome).toBe("unavailable");
    await world.pass(PROBE_LIMIT_MS);
    await Promise.all(probes);
    expect(world.asked).toHaveLength(1_000);
  });
});

describe("a backend that is at fault", () => {
  test("is asked again for the same address, and its faults are kept nowhere", async () => {
    world.answers.jane = FAULT;
    expect(await world.outcome(JANE)).toBe("unavailable");
    expect([world.kept.size, world.recorded]).toEqual([0, []]);
    world.answers.jane = told("accepted");
    expect(await world.outcome(JANE)).toBe("accepted");
  });

  test("is left alone after five faults in a minute, and that is told once", async () => {
    await trip();
    expect(await world.outcome(JANE)).toBe("unavailable");
    expect([world.asked, world.taken, world.kept.size]).toEqual([[], [], 0]);
    expect(world.logged).toEqual([["probe_backend", { backend: "reacher", breaker: "open" }]]);
  });

  test("is tried with one address after a pause, and asked as before when that works", async () => {
    await trip();
    world.now += PROBE_BREAKER.pauseMs;
    const leave = Promise.withResolvers<boolean>();
    world.take = () => leave.promise;
    const answer = world.hold();
    const addresses = Array.from({ length: 5 }, (_, n) => `n+${n}@customer.example`);
    const probes = addresses.map((one) => world.probe(one));
    await world.waiting();
    expect(world.taken).toHaveLength(5);
    leave.resolve(true);
    await world.waiting();
    expect(world.asked).toHaveLength(1);
    answer(told("accepted"));
    const outcomes = (await Promise.all(probes)).map((one) => one.outcome);
    expect(outcomes.filter((one) => one === "accepted")).toHaveLength(1);
    const closed = { backend: "reacher", breaker: "closed" };
    expect(world.logged.at(-1)).toEqual(["probe_backend", closed]);
    for (const one of addresses) expect(await world.outcome(one)).toBe("accepted");
  });

  test("does not keep what is known from being told", async () => {
    await world.outcome(JANE);
    await trip();
    expect(await world.outcome(JANE)).toBe("accepted");
    expect((await world.isolate()(JANE)).outcome).toBe("accepted");
  });

  test("is not one that honestly does not know", async () => {
    for (const outcome of ["unavailable", "blocked"] as const) {
      world.ask = async () => told(outcome);
      for (let n = 0; n < 30; n++) await world.outcome(`${outcome}+${n}@customer.example`);
    }
    expect(world.asked).toHaveLength(60);
    expect(world.logged).toEqual([]);
  });

  test.each<[string, () => Promise<ProbeAnswer>]>([
    ["rejects", () => Promise.reject(new Error("down"))],
    [
      "throws",
      () => {
        throw new Error("down");
      },
    ],
  ])("is one that %s", async (_title, ask) => {
    world.ask = ask;
    for (let n = 0; n < 9; n++) expect(await world.outcome(`n+${n}@a.example`)).toBe("unavailable");
    expect(world.asked).toHaveLength(PROBE_BREAKER.failures);
  });

  test("is one that does not answer in time, whether or not it heeds the signal", async () => {
    world.ask = never;
    for (let n = 0; n < PROBE_BREAKER.failures; n++) {
      const probe = world.probe(`n+${n}@customer.example`);
      await world.pass(PROBE_LIMIT_MS);
      expect((await probe).outcome).toBe("unavailable");
    }
    expect(world.logged).toHaveLength(1);
  });

  test("is not one whose time was used up before it was asked", async () => {
    const { read } = world;
    world.ask = never;
    for (let n = 0; n < 9; n++) {
      let go = () => {};
      world.read = async (keys) => {
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        return read(keys);
      };
      const probe = world.probe(`n+${n}@customer.example`);
      await world.pass(PROBE_LIMIT_MS - 100);
      go();
      await world.pass(100);
      expect((await probe).outcome).toBe("unavailable");
    }
    expect(world.asked).toHaveLength(9);
    expect(world.logged).toEqual([]);
  });
});

describe("the pace of a site", () => {
  test("is asked for by its name; what it refuses is no fault, and kept nowhere", async () => {
    world.take = async () => false;
    for (let n = 0; n < 9; n++) {
      expect(await world.outcome(`n+${n}@customer.example`, "google")).toBe("unavailable");
    }
    expect(world.taken).toEqual(Array(9).fill("google"));
    expect([world.asked, world.kept.size, world.recorded, world.logged]).toEqual([[], 0, [], []]);
    world.take = async () => true;
    expect(await world.outcome("n+0@customer.example")).toBe("accepted");
  });

  test("that refuses does not use up the trial", async () => {
    await trip();
    world.now += PROBE_BREAKER.pauseMs;
    world.take = async () => false;
    await world.outcome(JANE);
    world.take = async () => true;
    expect(await world.outcome(JANE)).toBe("accepted");
  });

  test("that cannot be asked for is a refusal", async () => {
    world.take = () => Promise.reject(new Error("overloaded"));
    expect(await world.outcome(JANE)).toBe("unavailable");
    world.take = never;
    const probe = world.probe(JANE);
    await world.pass(PROBE_LIMIT_MS);
    expect((await probe).outcome).toBe("unavailable");
    expect([world.asked, world.logged]).toEqual([[], []]);
  });
});

describe("what stands around a probe", () => {
  test("may be down: caches and evidence cost no answer", async () => {
    const down = () => Promise.reject(new Error("429 Too Many Requests"));
    [world.read, world.write, world.record] = [down, down, down];
    expect(await world.outcome(JANE)).toBe("accepted");
    expect(await world.outcome(JANE)).toBe("accepted");
    expect(world.asked).toHaveLength(1);
  });

  test("may hang: all of a probe has one time limit", async () => {
    world.read = never;
    const probe = world.probe(JANE);
    await world.pass(PROBE_LIMIT_MS);
    expect((await probe).outcome).toBe("unavailable");
    expect([world.taken, world.asked]).toEqual([[], []]);
    world.renew({ limitMs: 300 });
    const short = world.probe(JANE);
    await world.pass(300);
    expect((await short).outcome).toBe("unavailable");
  });
});
