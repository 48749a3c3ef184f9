/**
 * API keys: D1 table `api_key` (migrations/0001) is the truth; KV `key:<sha256>` and the isolate's
 * memory stand in front of it. Only the SHA-256 of a key is stored.
 */
import type { ApiKey, NamedApiKey } from "../core/api-key.ts";
import { sha256Hex } from "../core/signer.ts";

/** A deleted key still works this long in an isolate that knows it. */
const MEMORY_MS = 30_000;

/** Keys an isolate remembers: some hundred bytes each. */
const MEMORY_MAX = 5_000;

/** KV spares D1 a read per isolate; an entry is deleted with its key. */
const KV_TTL_S = 3_600;

/** By the token itself: it came with the request, and leaves no isolate. */
const memory = new Map<string, { readonly key: ApiKey; readonly until: number }>();

export interface KeyStores {
  readonly db: D1Database;
  readonly cache: KVNamespace;
}

/** A key this isolate has looked up a moment ago. */
export function knownApiKey(token: string, now: number): ApiKey | undefined {
  const known = memory.get(token);
  return known !== undefined && known.until > now ? known.key : undefined;
}

/** Finds a key by its SHA-256: KV, then D1. Null when there is none. */
export async function findApiKey(
  { db, cache }: KeyStores,
  token: string,
  now: number,
): Promise<ApiKey | null> {
  const hash = await sha256Hex(token);
  // The cache only spares D1 a read: without it everything works as well.
  const cached = await cache.get<ApiKey>(`key:${hash}`, "json").catch(() => null);
  const key = cached ?? (await readKey(db, hash));
  if (key === null) return null;
  if (cached === null) {
    const entry = { expirationTtl: KV_TTL_S };
    await cache.put(`key:${hash}`, JSON.stringify(key), entry).catch(() => {});
  }
  memory.delete(token);
  memory.set(token, { key, until: now + MEMORY_MS });
  const oldest = memory.keys().next().value;
  if (memory.size > MEMORY_MAX && oldest !== undefined) memory.delete(oldest);
  return key;
}

async function readKey(db: D1Database, hash: string): Promise<ApiKey | null> {
  return db
    .prepare("SELECT id, account, mode, permission FROM api_key WHERE hash = ?")
    .bind(hash)
    .first<ApiKey>();
}

/** Stores a new key under its SHA-256. */
export async function insertApiKey(db: D1Database, hash: string, key: NamedApiKey): Promise<void> {
  await db
    .prepare("INSERT INTO api_key VALUES (?, ?, ?, ?, ?, ?, ?)")
    .bind(hash, key.id, key.account, key.mode, key.permission, key.name, key.created_at)
    .run();
}

/** Keys shown in one list: more of them is a mistake somewhere. */
const LIST_MAX = 1_000;

/** Every key, newest first, without what would let anybody use it. */
export async function listApiKeys(db: D1Database): Promise<NamedApiKey[]> {
  const { results } = await db
    .prepare(
      `SELECT id, account, mode, permission, name, created_at FROM api_key
       ORDER BY created_at DESC LIMIT ?`,
    )
    .bind(LIST_MAX)
    .all<NamedApiKey>();
  return results;
}

/** Deletes a key everywhere. False when there is none of this id. */
export async function deleteApiKey({ db, cache }: KeyStores, id: string): Promise<boolean> {
  const row = await db
    .prepare("SELECT hash FROM api_key WHERE id = ?")
    .bind(id)
    .first<{ hash: string }>();
  if (row === null) return false;
  // The cache goes first: a deletion that breaks off there is repeated, and finds the row again.
  await cache.delete(`key:${row.hash}`);
  await db.prepare("DELETE FROM api_key WHERE hash = ?").bind(row.hash).run();
  for (const [token, { key }] of memory) if (key.id === id) memory.delete(token);
  return true;
}
