/**
 * R2 keys. `content/<account>/<id>`: content above the inline limit, until its message is recorded.
 * `dead/`: journal messages that ran out of retries. `poison/`: what D1 refuses for good, with the
 * reason. `orphans/`: events of messages that nobody knows. `unknown/`: events of types that no
 * table has.
 */

/** Where the content of one message lies. */
export const contentKey = (account: string, id: string): string => `content/${account}/${id}`;

/** Stores content; durable when it resolves. */
export async function putContent(bucket: R2Bucket, key: string, content: string): Promise<void> {
  await bucket.put(key, content);
}

/** The content under a key, null when there is none. */
export async function readContent(bucket: R2Bucket, key: string): Promise<string | null> {
  const object = await bucket.get(key);
  return object === null ? null : object.text();
}

/** Keys deleted in one call to R2. */
const DELETE_MAX = 1_000;

/** Deletes keys; one that does not exist is no error. */
export async function deleteContent(bucket: R2Bucket, keys: readonly string[]): Promise<void> {
  for (let from = 0; from < keys.length; from += DELETE_MAX) {
    await bucket.delete(keys.slice(from, from + DELETE_MAX));
  }
}

const DEAD = "dead/";

/** Keeps a dead journal message under a name in order of time. */
export async function keepDead(
  bucket: R2Bucket,
  body: unknown,
  name: { readonly at: number; readonly id: string },
): Promise<void> {
  await bucket.put(`${DEAD}${name.at}-${name.id}`, JSON.stringify(body));
}

/** Keeps what cannot be recorded under a folder of its own, with the reason as metadata. */
export async function keepAside(
  bucket: R2Bucket,
  where: "poison" | "orphans" | "unknown",
  body: unknown,
  reason: string,
  name: { readonly at: number; readonly id: string },
): Promise<void> {
  const customMetadata = { reason };
  await bucket.put(`${where}/${name.at}-${name.id}`, JSON.stringify(body), { customMetadata });
}

/** Up to `limit` kept dead letters, oldest first. */
export async function listDead(
  bucket: R2Bucket,
  limit: number,
): Promise<{ key: string; body: unknown }[]> {
  const { objects } = await bucket.list({ prefix: DEAD, limit });
  const letters: { key: string; body: unknown }[] = [];
  for (const { key } of objects) {
    const object = await bucket.get(key);
    if (object !== null) letters.push({ key, body: await object.json() });
  }
  return letters;
}
