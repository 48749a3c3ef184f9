/** The cheapest thing that people call a cached check: Hono and one KV get. */
import { Hono } from "hono";

interface Env {
  readonly CACHE: KVNamespace;
}

const app = new Hono<{ Bindings: Env }>();

app.post("/verifications", async (c) => {
  const { email } = await c.req.json<{ email: string }>();
  const domain = email.slice(email.lastIndexOf("@") + 1);
  return c.json({ email, facts: await c.env.CACHE.get(domain, "json") });
});

export default app;
