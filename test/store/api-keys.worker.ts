import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { NamedApiKey } from "../../src/core/api-key.ts";
import { sha256Hex } from "../../src/core/signer.ts";
import * as keys from "../../src/store/api-keys.ts";

const NOW = 1_800_000_000_000;
const HALF_A_MINUTE_MS = 30_000;
const stores = { db: env.DB, cache: env.CACHE };
let token = "";
let taken = 0;

const key = (id: string, created_at = NOW): NamedApiKey => ({
  id,
  account: "acme",
  mode: "live",
  permission: "full_access",
  name: "server",
  created_at,
});

beforeEach(async () => {
  await env.DB.prepare("DELETE FROM api_key").run();
  taken += 1;
  token = `post_live_${taken}`;
  await keys.insertApiKey(env.DB, await sha256Hex(token), key(`id-${taken}`));
});

/** Stores whose calls are counted, or fail. */
function watched(broken: { get?: boolean; put?: boolean } = {}) {
  const counts = { d1: 0, kv: 0 };
  const cache = new Proxy(env.CACHE, {
    get(kv, name) {
      const own = Reflect.get(kv, name).bind(kv);
      if (name !== "get" && name !== "put") return own;
      return (...given: unknown[]) => {
        counts.kv += 1;
        return broken[name] ? Promise.reject(new Error("429 Too Many Requests")) : own(...given);
      };
    },
  });
  const db = new Proxy(env.DB, {
    get(d1, name) {
      if (name === "prepare") counts.d1 += 1;
      return Reflect.get(d1, name).bind(d1);
    },
  });
  return { counts, stores: { db, cache } };
}

const found = { account: "acme", mode: "live", permission: "full_access" };

describe("a key", () => {
  test("is found by its token, and stored nowhere as it is", async () => {
    expect(await keys.findApiKey(stores, token, NOW)).toMatchObject(found);
    const rows = await env.DB.prepare("SELECT * FROM api_key").all();
    const { keys: names } = await env.CACHE.list();
    expect(JSON.stringify([rows.results, names])).not.toContain(token);
  });

  test("is read from the database once, then from the cache, then from memory", async () => {
    const first = watched();
    await keys.findApiKey(first.stores, token, NOW);
    expect(first.counts.d1).toBe(1);
    const second = watched();
    expect(await keys.findApiKey(second.stores, token, NOW)).toMatchObject(found);
    expect(second.counts).toEqual({ d1: 0, kv: 1 });
    expect(keys.knownApiKey(token, NOW)).toMatchObject(found);
    expect(keys.knownApiKey(token, NOW + HALF_A_MINUTE_MS)).toBeUndefined();
  });

  test("that nobody made is null, and found as soon as it is made", async () => {
    expect(await keys.findApiKey(stores, "post_live_new", NOW)).toBe(null);
    await keys.insertApiKey(env.DB, await sha256Hex("post_live_new"), key("new"));
    expect(await keys.findApiKey(stores, "post_live_new", NOW)).toMatchObject({ id: "new" });
  });

  test("that is deleted is gone from memory, cache and database at once", async () => {
    await keys.findApiKey(stores, token, NOW);
    expect(await keys.deleteApiKey(stores, `id-${taken}`)).toBe(true);
    expect(keys.knownApiKey(token, NOW)).toBeUndefined();
    expect(await env.CACHE.get(`key:${await sha256Hex(token)}`)).toBe(null);
    expect(await keys.findApiKey(stores, token, NOW)).toBe(null);
    expect(await keys.deleteApiKey(stores, `id-${taken}`)).toBe(false);
  });

  test("is found while the cache refuses: it only spares the database a read", async () => {
    for (const broken of [{ put: true }, { get: true }]) {
      expect(await keys.findApiKey(watched(broken).stores, token, NOW)).toMatchObject(found);
    }
  });

  test("that an isolate remembers gives way to newer ones", async () => {
    const cache = watched().stores.cache;
    await keys.findApiKey(stores, token, NOW);
    const db = {
      prepare: () => ({ bind: () => ({ first: async () => ({ ...found, id: "x" }) }) }),
    } as unknown as D1Database;
    const quiet = new Proxy(cache, {
      get: (_kv, name) => (name === "get" ? async () => null : async () => undefined),
    });
    const others = Array.from({ length: 5_000 }, (_, n) => `post_live_other_${n}`);
    for (const one of others) await keys.findApiKey({ db, cache: quiet }, one, NOW);
    expect(keys.knownApiKey(token, NOW)).toBeUndefined();
    expect(keys.knownApiKey(others[4_999] ?? "", NOW)).toBeDefined();
  });
});

test("a list has every key, newest first, and nothing to use one by", async () => {
  await keys.insertApiKey(env.DB, "hash-2", key("newer", NOW + 1));
  await keys.insertApiKey(env.DB, "hash-3", key("older", NOW - 1));
  const list = await keys.listApiKeys(env.DB);
  expect(list.map((one) => one.id)).toEqual(["newer", `id-${taken}`, "older"]);
  expect(JSON.stringify(list)).not.toMatch(/hash/);
});
