/**
 * All of verification over DNS, stores, evidence and a backend that fail at will: what is said
 * meanwhile is never worse than the truth, and nothing of it is left when the failures end.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseConfig } from "../../src/config.ts";
import { createHostCache } from "../../src/verify/dns/hosts.ts";
import { createResolver } from "../../src/verify/dns/resolver.ts";
import { gatherFacts } from "../../src/verify/facts.ts";
import { registrableOf } from "../../src/verify/lists.ts";
import { verify } from "../../src/verify/pipeline.ts";
import type { VerifyDeps } from "../../src/verify/ports.ts";
import { createProbe } from "../../src/verify/probe/probe.ts";
import { readAnswer } from "../../src/verify/probe/reacher.ts";
import type { Reason } from "../../src/verify/verdict.ts";
import { xorshift } from "../bench/random.ts";
import { answerTo } from "../support/doh/answer.ts";
import { FAULTS, type ZoneName } from "../support/doh/zone.ts";
import { createWorld } from "./facts-kit.ts";
import { rulesOf } from "./worlds.ts";

const START = 1_800_000_000_000;
/** What a failure has had a part in is forgotten by then; a probe's `unavailable` after 15 min. */
const CALM_MS = 16 * 60_000;

const IS_TIMELESS = FAULTS.filter((one) => one !== "slow" && one !== "cut");

/** A domain of each kind; its hosts beside it. */
const ZONE: Readonly<Record<string, ZoneName>> = {
  "fine.com": { mx: [[10, "mx.fine.com"]] },
  "mx.fine.com": { a: ["198.51.101.1"] },
  "gone.com": { nxdomain: true },
  "null-mx.com": { mx: [[0, "."]] },
  "web.com": { a: ["198.51.101.2"], txt: ["v=spf1 -all"] },
  "empty.com": { txt: ["x"] },
  "private.com": { mx: [[5, "mx.private.com"]] },
  "mx.private.com": { a: ["10.0.0.1"] },
  "big.com": { mx: [[5, "aspmx.l.google.com"]] },
};
const DOMAINS = [
  ...["fine.com", "gone.com", "null-mx.com", "web.com", "empty.com", "private.com", "big.com"],
  "never-heard-of.com",
];
const LOCALS = ["ada", "full", "nobody", "info"] as const;

/** What the backend says of a mailbox when it works. */
const MAILBOXES: Readonly<Record<string, object>> = {
  ada: { is_deliverable: true },
  full: { is_deliverable: true, has_full_inbox: true },
  nobody: { is_deliverable: false },
  info: { is_deliverable: false, is_disabled: true },
};

const takesMail = (address: string): boolean => /@(fine|web|big)\.com$/.test(address);

/** What is wrong with a mailbox at a domain that takes mail. */
function mailboxReason(address: string): Reason | null {
  const local = address.split("@")[0];
  if (!takesMail(address)) return null;
  return local === "nobody" ? "mailbox_not_found" : local === "info" ? "mailbox_disabled" : null;
}

const reacherSays = (address: string): string => {
  const local = address.split("@")[0] ?? "";
  const is_reachable = local === "nobody" || local === "info" ? "invalid" : "safe";
  const smtp = { can_connect_smtp: takesMail(address), has_full_inbox: false, is_catch_all: false };
  const rest = { is_disabled: false, ...MAILBOXES[local] };
  return JSON.stringify({ input: address, is_reachable, misc: {}, smtp: { ...smtp, ...rest } });
};

/** An installation, and whether the next thing that may fail does. */
function installation(random: () => number) {
  const state = { now: START, storm: true };
  const fails = (): boolean => state.storm && random() < 0.4;
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)] as T;
  const fetcher: typeof fetch = async (_input, init) => {
    const query = Buffer.from(init?.body as Uint8Array<ArrayBuffer>);
    const { answer } = answerTo(ZONE, query, fails() ? pick(IS_TIMELESS) : null);
    if (answer === "dead" || answer === "slow") throw new TypeError("fetch failed");
    const { status, headers } = answer;
    return new Response(Buffer.from(answer.body), { status, headers: { ...headers } });
  };
  const hosts = createHostCache();
  const world = createWorld(() => state.now);
  world.gather = (domain, ask) =>
    gatherFacts(domain, ask, {
      resolve: createResolver(
        { urls: ["http://r0/", "http://r1/"], hedgeMs: 100, timeLimitMs: 300 },
        { fetch: fetcher, after: () => () => {} },
      ),
      hosts,
      registrable: registrableOf,
      now: () => state.now,
    });
  const trouble = async (): Promise<never> => {
    throw new Error("down");
  };
  const kept = new Map<string, never>();
  const probe = createProbe({
    now: () => state.now,
    timeLimit: () => new AbortController().signal,
    take: async () => !fails(),
    backend: {
      name: "reacher",
      ask: async (address) =>
        readAnswer(fails() ? pick(["", "{}", "nonsense"]) : reacherSays(address), address),
    },
    cache: {
      read: async (keys) =>
        fails()
          ? trouble()
          : new Map(keys.flatMap((key) => (kept.has(key) ? [[key, kept.get(key)!]] : []))),
      write: async (key, value) => {
        if (fails()) await trouble();
        kept.set(key, value as never);
      },
    },
    record: async () => {},
    waitUntil: () => {},
    log: () => {},
  });
  const isolate = world.isolate();
  const deps = (): VerifyDeps => ({
    now: () => state.now,
    facts: async (domains, ask) => {
      world.broken = Object.fromEntries(
        (["readKv", "writeKv", "readD1", "writeD1"] as const).flatMap((store) =>
          fails() ? [[store, trouble]] : [],
        ),
      );
      return isolate.facts(domains, ask);
    },
    evidence: async () => null,
    probe: probe("acme"),
    rules: rulesOf(parseConfig({})),
    log: () => {},
  });
  return { state, world, deps };
}

const ASK = { policy: false, probe: true, lookup: true };
const EVERY = DOMAINS.flatMap((domain) => LOCALS.map((local) => `${local}@${domain}`));

test("a failure never makes an address undeliverable, and is never kept as an answer", async () => {
  const calm = installation(() => 1);
  const truth = new Map(
    (await verify("acme", EVERY, ASK, calm.deps())).map((one) => [one.input, one]),
  );
  const wanted = fc.subarray(EVERY, { minLength: 1 });
  await fc.assert(
    fc.asyncProperty(fc.integer(), wanted, fc.nat({ max: 3 }), async (seed, inputs, storms) => {
      const { state, world, deps } = installation(xorshift(seed));
      for (let round = 0; round <= storms; round++) {
        for (const { input, status, reason } of await verify("acme", inputs, ASK, deps())) {
          if (status !== "undeliverable") continue;
          // A mailbox that is not probed when all is well may be, and is then what it is.
          const isTrue = [truth.get(input)?.reason, mailboxReason(input)].includes(reason);
          expect([input, reason, isTrue]).toEqual([input, reason, true]);
        }
        await world.idle();
        for (const facts of [...world.kv.values(), ...world.d1.values()]) {
          expect(facts.status).toMatch(/^(noerror|nxdomain)$/);
        }
        state.now += 20_000;
      }
      Object.assign(state, { storm: false, now: state.now + CALM_MS });
      const after = await verify("acme", inputs, ASK, deps());
      expect(after.map(({ input, reason }) => [input, reason])).toEqual(
        inputs.map((input) => [input, truth.get(input)?.reason]),
      );
    }),
    { numRuns: 60 },
  );
});
