/**
 * Message ids: UUIDv7 (RFC 9562 section 5.7) that say which Outbox shard has the message and prove
 * that they were made here for that account, so that a forged or foreign id costs no lookup.
 *
 *   unix_ms 48 | version 4 | shard 6, random 6 | variant 2 | tag 24 | random 28 | index 10
 *
 * The tag covers the account and every bit but itself and the index: the ids of a batch are one
 * base with the index counted up, under one tag, and sort in the batch's order.
 */
import type { Signer } from "./signer.ts";

/** Shards of one account: what 6 bits can name. */
export const SHARDS_MAX = 64;

/** Half of the index space, so that even the largest batch starts at one of 513 places. */
export const MAX_IDS_PER_BASE = 512;

const INDEX_SPACE = 1024;
const TIME_MAX_MS = 2 ** 48 - 1;
const SHAPE = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const LABEL = "message-id";

/** What minting needs: the installation's signer, Unix milliseconds, and a source of bytes. */
export interface MintDeps {
  readonly signer: Signer;
  readonly now: number;
  readonly random: (n: number) => Uint8Array;
}

/**
 * Mints `count` (1..512) ids for one account and shard (0..63), ascending. A single id has 44
 * random bits beside its millisecond. Throws on arguments out of range.
 */
export async function mintIds(
  deps: MintDeps,
  account: string,
  shard: number,
  count: number,
): Promise<string[]> {
  assertInteger("shard", shard, 0, SHARDS_MAX - 1);
  assertInteger("count", count, 1, MAX_IDS_PER_BASE);
  const now = Math.floor(deps.now);
  assertInteger("now", now, 0, TIME_MAX_MS);

  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const drawn = deps.random(9);
  const random = new DataView(drawn.buffer, drawn.byteOffset, 9);
  view.setUint16(0, Math.floor(now / 2 ** 32));
  view.setUint32(2, now % 2 ** 32);
  view.setUint16(6, 0x7000 | (shard << 6) | (random.getUint8(0) & 0x3f));
  view.setUint8(8, 0x80);
  view.setUint32(11, (random.getUint32(1) & 0x0fffffff) << 2);
  writeTag(view, await tagOf(deps.signer, account, bytes));

  // 32 bits modulo at most 1,024: exact for a single id, a bias below 2^-21 for a batch.
  const base = random.getUint32(5) % (INDEX_SPACE + 1 - count);
  const head = view.getUint8(14) & 0xfc;
  const ids: string[] = [];
  for (let index = base; index < base + count; index++) {
    view.setUint16(14, (head << 8) | index);
    ids.push(toText(bytes));
  }
  return ids;
}

/**
 * Reads an id: the shard that has it and its Unix milliseconds. Null when it is malformed, not of
 * this layout, not made under this secret, or made for another account (chance of a guess 2^-24).
 */
export async function readId(
  signer: Signer,
  account: string,
  id: string,
): Promise<{ shard: number; createdAt: number } | null> {
  if (!SHAPE.test(id)) return null;
  const bytes = toBytes(id);
  const view = new DataView(bytes.buffer);
  const tag = readTag(view);
  writeTag(view, 0);
  view.setUint16(14, view.getUint16(14) & 0xfc00);
  if ((await tagOf(signer, account, bytes)) !== tag) return null;
  return {
    shard: (view.getUint16(6) >> 6) & 0x3f,
    createdAt: view.getUint16(0) * 2 ** 32 + view.getUint32(2),
  };
}

/** When an id says that it was made, Unix milliseconds; `id` is a UUIDv7, which proves nothing. */
export function mintedAt(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

/** The 24-bit tag over account, 0x00 and an id whose tag and index bits are zero. */
async function tagOf(signer: Signer, account: string, bytes: Uint8Array): Promise<number> {
  const name = new TextEncoder().encode(account);
  const data = new Uint8Array(name.length + 1 + bytes.length);
  data.set(name);
  data.set(bytes, name.length + 1);
  const mac = await signer.tag(LABEL, data);
  return ((mac[0] ?? 0) << 16) | ((mac[1] ?? 0) << 8) | (mac[2] ?? 0);
}

/** The tag fills the low 6 bits of byte 8, bytes 9 and 10, and the high 2 bits of byte 11. */
function readTag(view: DataView): number {
  return (view.getUint32(8) >>> 6) & 0xffffff;
}

function writeTag(view: DataView, tag: number): void {
  view.setUint32(8, (view.getUint32(8) & ~(0xffffff << 6)) | (tag << 6));
}

function toText(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  const part = (from: number, to: number): string => hex.slice(from, to);
  return `${part(0, 8)}-${part(8, 12)}-${part(12, 16)}-${part(16, 20)}-${part(20, 32)}`;
}

function toBytes(id: string): Uint8Array<ArrayBuffer> {
  const hex = id.replaceAll("-", "");
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

function assertInteger(name: string, value: number, min: number, max: number): void {
  if (Number.isInteger(value) && value >= min && value <= max) return;
  throw new RangeError(`${name} must be an integer from ${min} to ${max}`);
}
