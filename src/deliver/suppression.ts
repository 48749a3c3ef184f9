/**
 * Who is not written to, per account of a batch. The database is asked once and briefly. Without
 * its answer broadcasts wait, and transactional mail goes by the last snapshot of the list, or
 * without one: it never depends on a database.
 */
import type { Head, Lane, Peeked, SuppressedRecipient } from "../core/custody.ts";
import type { LaneDeps } from "./ports.ts";

/** A database that did not answer is not asked again for this long: the wait is for all mail. */
export const DATABASE_REST_MS = 10_000;

/** The reason given when only the snapshot is known, which holds none. */
const BY_SNAPSHOT = "suppressed";

/** Whom mail of an account's messages is about. */
export interface Asked {
  readonly account: string;
  readonly lane: Lane;
  readonly hashes: readonly string[];
}

/** What is known of one account's recipients. */
export interface Known {
  readonly rows: readonly SuppressedRecipient[];
  /** The database said so; a snapshot does not know everything. */
  readonly sure: boolean;
}

/** What is known, per account. Never rejects, and takes two short limits of time at most. */
export async function suppression(
  asked: readonly Asked[],
  deps: LaneDeps,
): Promise<ReadonlyMap<string, Known>> {
  const accounts = Map.groupBy(asked, (one) => one.account);
  const answers = [...accounts].map(async ([account, mine]): Promise<[string, Known]> => {
    const rows = await fromDatabase(account, hashesOf(mine), deps);
    if (rows !== null) return [account, { rows, sure: true }];
    const urgent = hashesOf(mine.filter((one) => one.lane === "transactional"));
    return [account, { rows: await fromSnapshot(account, urgent, deps), sure: false }];
  });
  return new Map(await Promise.all(answers));
}

const hashesOf = (asked: readonly Asked[]): string[] => [
  ...new Set(asked.flatMap((one) => one.hashes)),
];

/** Null without an answer in time. */
async function fromDatabase(
  account: string,
  hashes: readonly string[],
  deps: LaneDeps,
): Promise<readonly SuppressedRecipient[] | null> {
  if (deps.now() < deps.databaseRest.until) return null;
  const rows = await inTime(deps.suppressed(account, hashes), "suppression_unavailable", deps);
  if (rows === null) deps.databaseRest.until = deps.now() + DATABASE_REST_MS;
  return rows;
}

async function fromSnapshot(
  account: string,
  hashes: readonly string[],
  deps: LaneDeps,
): Promise<SuppressedRecipient[]> {
  if (hashes.length === 0) return [];
  const snapshot = await inTime(deps.snapshot(account), "snapshot_unavailable", deps);
  if (snapshot === null) return [];
  return hashes
    .filter((hash) => snapshot.has(hash))
    .map((hash) => ({ hash, stream: "*", lane: "*", reason: BY_SNAPSHOT }));
}

/** The value, or null, with a line in the log, when it fails or is late. */
async function inTime<T>(promise: Promise<T>, event: string, deps: LaneDeps): Promise<T | null> {
  const late = Symbol();
  const answer = await Promise.race([
    promise.catch((error: unknown) => {
      deps.log(event, { reason: String(error) });
      return null;
    }),
    deps.sleep(deps.suppressionMs).then(() => late),
  ]);
  if (typeof answer !== "symbol") return answer;
  deps.log(event, { reason: `no answer within ${deps.suppressionMs} ms` });
  return null;
}

/** The recipients of a message that are not to be written to, each with its reason. */
export function refusals(
  peeked: Pick<Peeked, "numbers">,
  { addressees, envelope }: Head,
  suppressed: readonly SuppressedRecipient[],
): { no: number; code: string }[] {
  if (suppressed.length === 0) return [];
  const applies = (one: SuppressedRecipient): boolean =>
    (one.stream === "*" || one.stream === envelope.stream) &&
    (one.lane === "*" || one.lane === envelope.lane);
  return peeked.numbers.flatMap((no) => {
    const hash = addressees[no]?.hash;
    const row = suppressed.find((one) => one.hash === hash && applies(one));
    return row === undefined ? [] : [{ no, code: row.reason }];
  });
}
