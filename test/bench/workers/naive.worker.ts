/**
 * What people write first: the API key is looked up in D1 by its hash, the email is one D1 insert
 * and one Queue message, and the consumer works through its batch row by row.
 */
import { Hono } from "hono";
import { z } from "zod";

interface Env {
  readonly DB: D1Database;
  readonly EMAILS: Queue<{ readonly id: string }>;
  /** The provider; without one an email counts as sent once it is read. */
  readonly PROVIDER_URL?: string;
}

const addresses = z.union([z.string(), z.array(z.string()).min(1).max(50)]);
const email = z.object({
  from: z.string(),
  to: addresses,
  cc: addresses.optional(),
  bcc: addresses.optional(),
  reply_to: addresses.optional(),
  subject: z.string().max(998),
  html: z.string().optional(),
  text: z.string().optional(),
});

async function sha256(value: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const app = new Hono<{ Bindings: Env }>();

app.post("/emails", async (c) => {
  const token = c.req.header("authorization")?.replace(/^Bearer /, "");
  if (!token) return c.json({ message: "Missing API key" }, 401);
  const key = await c.env.DB.prepare("SELECT account FROM api_keys WHERE hash = ?")
    .bind(await sha256(token))
    .first<{ account: string }>();
  if (!key) return c.json({ message: "Invalid API key" }, 403);
  const parsed = email.safeParse(await c.req.json());
  if (!parsed.success) return c.json({ message: "Invalid email" }, 422);
  const { from, to, subject, html, text } = parsed.data;
  const id = crypto.randomUUID();
  await c.env.DB.prepare(
    `INSERT INTO emails (id, account, sender, recipients, subject, html, text, status, created_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, 'queued', ?)`,
  )
    .bind(
      id,
      key.account,
      from,
      JSON.stringify(to),
      subject,
      html ?? null,
      text ?? null,
      Date.now(),
    )
    .run();
  await c.env.EMAILS.send({ id });
  return c.json({ id });
});

export default {
  fetch: app.fetch,
  async queue(batch: MessageBatch<{ id: string }>, env: Env): Promise<void> {
    for (const message of batch.messages) {
      const row = await env.DB.prepare("SELECT * FROM emails WHERE id = ?")
        .bind(message.body.id)
        .first();
      if (row && env.PROVIDER_URL) {
        await fetch(env.PROVIDER_URL, { method: "POST", body: JSON.stringify(row) });
      }
      await env.DB.prepare("UPDATE emails SET status = 'sent' WHERE id = ?")
        .bind(message.body.id)
        .run();
      message.ack();
    }
  },
} satisfies ExportedHandler<Env, { id: string }>;
