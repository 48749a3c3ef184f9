/**
 * `GET /ledger`: the account's books in recipients. Accepted is counted where mail is accepted,
 * the states where they are recorded; that the two agree is what `conserved` says.
 */
import { Hono } from "hono";
import { authenticate } from "../edge/authenticate.ts";
import type { AppEnv } from "../edge/context.ts";
import { fail } from "../edge/errors.ts";
import { readable } from "../edge/readable.ts";
import { ledgerOf } from "../observe/ledger.ts";

export const ledger = new Hono<AppEnv>();

ledger.get("/", authenticate("full_access"), async (c) => {
  const services = c.get("services");
  const { account, mode, scope } = c.get("caller");
  // The shards are asked first: what they confirmed by then must be in the database.
  const books = async () => {
    const shards = await services.shardLedgers(account, scope);
    return { shards, recorded: await services.countRecorded(scope) };
  };
  const read = await readable(services, books);
  if (!read.ok) return fail(c, read.error);
  const { shards, recorded } = read.value;
  return c.json({ object: "ledger", account, mode, ...ledgerOf(shards, recorded), shards });
});
