/** The cheapest durable acceptance: Hono and one Durable Object call that inserts one row. */
import { DurableObject } from "cloudflare:workers";
import { Hono } from "hono";

interface Env {
  readonly ROWS: DurableObjectNamespace<Rows>;
}

export class Rows extends DurableObject<Env> {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, body TEXT) WITHOUT ROWID",
    );
  }

  insert(id: string, body: string): void {
    this.ctx.storage.sql.exec("INSERT INTO rows (id, body) VALUES (?, ?)", id, body);
  }
}

const app = new Hono<{ Bindings: Env }>();
app.post("/emails", async (c) => {
  const id = crypto.randomUUID();
  await c.env.ROWS.getByName("0").insert(id, await c.req.text());
  return c.json({ id });
});

export default app;
