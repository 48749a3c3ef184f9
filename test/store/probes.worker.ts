import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { recipientHash } from "../../src/core/recipient-hash.ts";
import { readProbes, writeProbe } from "../../src/store/probes.ts";
import type { ProbeAnswer } from "../../src/verify/probe/ports.ts";
import { createProbe } from "../../src/verify/probe/probe.ts";
import type { ProbeOutcome } from "../../src/verify/verdict.ts";

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;
const PROBE = {
  backend: "reacher",
  outcome: "mailbox_full",
  smtp_code: 452,
  enhanced: "4.2.2",
  at: NOW,
};
let taken = 0;
const newKey = () => `key-${taken++}`;

/** Seconds that KV says an entry has left, by its name. */
async function leftS(name: string): Promise<number> {
  const { keys } = await env.CACHE.list({ prefix: name });
  const expiration = keys.find((one) => one.name === name)?.expiration ?? 0;
  return expiration - Date.now() / 1_000;
}

describe("an entry", () => {
  test("comes back as it was, beside those that are not there", async () => {
    const [one, bare, missing] = [newKey(), newKey(), newKey()];
    const quiet = { ...PROBE, smtp_code: null, enhanced: null };
    await writeProbe(env.CACHE, one, PROBE, DAY_MS);
    await writeProbe(env.CACHE, bare, quiet, DAY_MS);
    const found = await readProbes(env.CACHE, [one, bare, missing]);
    expect([...found]).toEqual([
      [one, PROBE],
      [bare, quiet],
    ]);
  });

  test("goes by itself when its time is over, and has a minute at least", async () => {
    const [long, short] = [newKey(), newKey()];
    await writeProbe(env.CACHE, long, PROBE, DAY_MS);
    await writeProbe(env.CACHE, short, PROBE, 1);
    expect(Math.abs((await leftS(`probe:${long}`)) - 86_400)).toBeLessThan(30);
    expect(Math.abs((await leftS(`probe:${short}`)) - 60)).toBeLessThan(30);
  });

  test("that is not of this form is not there, and spoils no other", async () => {
    const good = newKey();
    await writeProbe(env.CACHE, good, PROBE, DAY_MS);
    const lacking = Object.keys(PROBE)
      .filter((one) => one !== "smtp_code" && one !== "enhanced")
      .map((one) => JSON.stringify({ ...PROBE, [one]: undefined }));
    const texts = ["", "{", "null", "[]", "7", '"x"', ...lacking];
    const bad = await Promise.all(
      texts.map(async (text) => {
        const key = newKey();
        await env.CACHE.put(`probe:${key}`, text);
        return key;
      }),
    );
    expect([...(await readProbes(env.CACHE, [...bad, good])).keys()]).toEqual([good]);
  });

  test("holds nothing but its own fields", async () => {
    const key = newKey();
    await writeProbe(env.CACHE, key, { ...PROBE, address: "jane@a.example" } as never, DAY_MS);
    expect(await env.CACHE.get(`probe:${key}`)).not.toContain("jane");
  });
});

describe("probes of several isolates", () => {
  function isolate(outcome: ProbeOutcome, asked: string[]) {
    const answer: ProbeAnswer = { outcome, smtp_code: null, enhanced: null, fault: false };
    const apart: Promise<unknown>[] = [];
    const probe = createProbe({
      now: () => NOW,
      timeLimit: (ms) => AbortSignal.timeout(ms),
      backend: {
        name: "reacher",
        ask: async (address) => {
          asked.push(address);
          return answer;
        },
      },
      take: async () => true,
      cache: {
        read: (keys) => readProbes(env.CACHE, keys),
        write: (key, one, ttlMs) => writeProbe(env.CACHE, key, one, ttlMs),
      },
      record: async () => {},
      waitUntil: (work) => apart.push(work),
      log: () => {},
    });
    return async (address: string) => {
      const { outcome: told } = await probe("acme")(address, "google");
      await Promise.all(apart.splice(0));
      return told;
    };
  }

  test("share what one has found out, under a hash", async () => {
    const asked: string[] = [];
    const address = "jane@shared.example";
    expect(await isolate("mailbox_not_found", asked)(address)).toBe("mailbox_not_found");
    expect(await isolate("accepted", asked)("JANE@shared.example")).toBe("mailbox_not_found");
    expect(asked).toEqual([address]);
    const { keys } = await env.CACHE.list({ prefix: "probe:" });
    const names = keys.map((one) => one.name);
    expect(names).toContain(`probe:${await recipientHash(address)}`);
    expect(names.join()).not.toContain("jane");
  });

  test("share that a domain takes any local part", async () => {
    const asked: string[] = [];
    expect(await isolate("catch_all", asked)("one@all.example")).toBe("catch_all");
    expect(await isolate("accepted", asked)("two@all.example")).toBe("catch_all");
    expect(asked).toEqual(["one@all.example"]);
  });
});
