/** Tokens of webhooks: remembered for their time, and then not kept. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";

const MINUTE_MS = 60_000;

/** More than one sweep takes. */
const MANY = 25_000;

interface Tokens {
  witness(token: string, digest: string, forMs: number): boolean;
}

test("more tokens than one sweep takes are gone after a few, and fresh ones are not", async () => {
  const stub = env.SOURCE.getByName("tokens");
  await runInDurableObject(stub, (object, { storage: { sql } }) => {
    const source = object as unknown as Tokens;
    sql.exec(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${MANY})
       INSERT INTO token SELECT 'old' || i, 'd', 1 FROM n`,
    );
    const count = () => sql.exec<{ n: number }>("SELECT count(*) AS n FROM token").one().n;
    for (const token of ["a", "b", "c", "d"]) {
      expect(source.witness(token, "d", MINUTE_MS)).toBe(true);
    }
    expect(count()).toBe(4);
    for (const token of ["a", "b", "c", "d"]) {
      expect(source.witness(token, "d", MINUTE_MS)).toBe(true);
      expect(source.witness(token, "other", MINUTE_MS)).toBe(false);
    }
    expect(source.witness("old1", "other", MINUTE_MS)).toBe(true);
  });
});
