/** Rows of the table `suppression`, as the journal writes them. */
import { env } from "cloudflare:workers";
import { canonicalAddress } from "../../../src/core/address.ts";
import { recipientHash } from "../../../src/core/recipient-hash.ts";
import {
  blankChange,
  type SuppressionChange,
  type SuppressionPolicy,
} from "../../../src/core/suppression.ts";
import { suppressionStatements } from "../../../src/store/suppressions.ts";

const DAY_MS = 86_400_000;

/** As the configuration has it when nothing is said. */
export const POLICY: SuppressionPolicy = {
  hardMs: 365 * DAY_MS,
  softMessages: 3,
  softWindowMs: 7 * DAY_MS,
  softMs: 30 * DAY_MS,
};

/** A change of one address; without facts it adds nothing. */
export async function changeOf(
  account: string,
  address: string,
  given: Partial<SuppressionChange>,
): Promise<SuppressionChange> {
  const hash = await recipientHash(address);
  const { hardAt = 0, complainedAt = 0, unsubscribedAt = 0, manualAt = 0, listedAt = 0 } = given;
  const times = [hardAt, complainedAt, unsubscribedAt, manualAt, listedAt];
  const all = [...times, ...Object.values(given.soft ?? {})].filter((at) => at > 0);
  const seen = all.length === 0 ? {} : { firstAt: Math.min(...all), lastAt: Math.max(...all) };
  const blank = blankChange({ account, hash, stream: "*", address: canonicalAddress(address) });
  return { ...blank, ...seen, ...given };
}

/** Writes changes in one transaction. */
export async function write(
  changes: readonly SuppressionChange[],
  now = Date.now(),
): Promise<D1Result[]> {
  return env.DB.batch(suppressionStatements(env.DB, changes, POLICY, now));
}

/** Suppresses an address; a hard bounce of now when nothing is given. Answers its hash. */
export async function suppressed(
  account: string,
  address: string,
  given: Partial<SuppressionChange> = { hardAt: Date.now() },
): Promise<string> {
  const change = await changeOf(account, address, given);
  await write([change]);
  return change.hash;
}
