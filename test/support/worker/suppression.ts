/** Rows of the table `suppression`, as what writes them will have them. */
import { env } from "cloudflare:workers";
import { recipientHash } from "../../../src/deliver/accept.ts";

export async function suppressed(
  account: string,
  address: string,
  given: { stream?: string; expiresAt?: number; reason?: string } = {},
): Promise<string> {
  const { stream = "*", expiresAt = null, reason = "bounced" } = given;
  const hash = await recipientHash(address);
  await env.DB.prepare(
    `INSERT INTO suppression (account_id, recipient_hash, stream, address, reason, first_seen_at,
       last_seen_at, expires_at) VALUES (?, ?, ?, ?, ?, 1, 1, ?)`,
  )
    .bind(account, hash, stream, address, reason, expiresAt)
    .run();
  return hash;
}
