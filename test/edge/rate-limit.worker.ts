import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { Client, email, refused } from "../support/worker/client.ts";

const headersOf = (response: Response) => ({
  limit: response.headers.get("ratelimit-limit"),
  remaining: response.headers.get("ratelimit-remaining"),
  reset: Number(response.headers.get("ratelimit-reset")),
});

test("an account over its rate gets 429 with when to come back, and nothing more", async () => {
  // Three at once, and one in a hundred seconds.
  const limited = await Client.make({ account: "limited" });
  for (const remaining of ["2", "1", "0"]) {
    const response = await limited.post("/emails", email());
    expect(response.status).toBe(200);
    expect(headersOf(response)).toMatchObject({ limit: "3", remaining });
    expect(response.headers.get("RateLimit")).toMatch(`r=${remaining};t=`);
    expect(response.headers.get("RateLimit-Policy")).toMatch(/"account";q=3;w=\d+/);
  }
  for (const [path, body] of [
    ["/emails", email()],
    ["/emails/batch", [email()]],
  ] as const) {
    const response = await limited.post(path, body);
    const { limit, remaining, reset } = headersOf(response);
    expect([limit, remaining]).toEqual(["3", "0"]);
    expect(reset).toBeGreaterThan(200);
    const retry = Number(response.headers.get("retry-after"));
    expect(retry).toBeGreaterThan(90);
    expect(retry).toBeLessThanOrEqual(100);
    await refused(response, 429, "rate_limit_exceeded", /Too many requests/);
  }
  expect(await limited.ledger()).toMatchObject({ accepted: 3 });
});

test("live and test mode, and other accounts, have allowances of their own", async () => {
  const limiter = env.LIMITER.getByName("limited~test");
  await limiter.take({ periodMs: 1_000, count: 0.01, burst: 1 });
  const live = await Client.make({ account: "limited", mode: "live" });
  await live.send();
  const other = await Client.make({ account: "other" });
  for (let i = 0; i < 5; i++) await other.send();
});

test("reading is not counted: a client that polls can still send", async () => {
  const reader = await Client.make({ account: "limited", mode: "live" });
  for (let i = 0; i < 10; i++) await reader.list();
  await reader.send();
});
