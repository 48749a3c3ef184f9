/**
 * FNV-1a, 64 bits, over UTF-8, as 16 hex digits: tells texts apart where nobody gains by a
 * collision (http://www.isthe.com/chongo/tech/comp/fnv/).
 */
export function fnv64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, "0");
}
