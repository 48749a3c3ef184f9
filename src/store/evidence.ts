/**
 * The D1 table `evidence` (migrations/0007): what an account's mail has shown of addresses, domains
 * and buckets, and how it is summed up is told by core/evidence; `share` says the same in SQL.
 *
 * A recipient's outcome counts when its mark first appears: the statement compares with the row of
 * `recipient` as it was, and has to run before the upsert of the same transaction. A hard bounce
 * after a delivery of the same message takes the delivery back: the message was not accepted. What
 * an address adds to its domain and bucket is taken out and put in anew whenever it changes, also
 * when the bucket is another one by then: facts about the domain are learnt, or change.
 */
import {
  type AddressEvidence,
  addressEvidence,
  type DomainEvidence,
  type EvidenceFound,
  type EvidenceItem,
  type EvidenceKey,
  faded,
  HALF_LIFE_MS,
  LANDMARK_MS,
  listWords,
  MONTHS_PER_WEIGHT,
  NO_RATES,
  OTHER_PROVIDER,
  type ProbeClass,
  type Rates,
  UNKNOWN_MX,
} from "../core/evidence.ts";
import { MARK } from "../core/marks.ts";
import { portionsOf } from "./portions.ts";

/** The account that shared sums are kept under; none can have this name. */
const SHARED = "*";

const COUNTED = MARK.delivered | MARK.hard;

/** `weightAt` of a column. */
const weight = (at: string): string => `pow(2.0, (${at} - ${LANDMARK_MS}) / ${HALF_LIFE_MS}.0)`;

/** `shareOf` of four columns, null where there is none, as four columns; 0 without `counts`. */
function share(prefix: string): string {
  const [first, last] = [`${prefix}first_delivered_at`, `${prefix}last_delivered_at`];
  const [firstHard, lastHard] = [`${prefix}first_hard_at`, `${prefix}last_hard_at`];
  const refused = `coalesce(${firstHard} <= ${first}, ${firstHard} IS NOT NULL)`;
  const gone = `coalesce(${lastHard} >= ${last} AND ${lastHard} > ${first}, 0)`;
  const months = `${MONTHS_PER_WEIGHT} * (${weight(last)} - ${weight(first)}
    + CASE WHEN ${gone} THEN (${weight(lastHard)} - ${weight(last)}) / 2 ELSE 0 END)`;
  const when = (condition: string, value: string, name: string): string =>
    `CASE WHEN ${prefix}counts AND ${condition} THEN ${value} ELSE 0.0 END AS ${prefix}${name}`;
  return [
    when(`${first} IS NOT NULL AND NOT ${refused}`, weight(first), "good"),
    when(refused, weight(firstHard), "bad"),
    when(`${first} IS NOT NULL`, months, "kept"),
    when(gone, weight(lastHard), "lost"),
  ].join(",\n    ");
}

const TIMES = ["first_delivered_at", "last_delivered_at", "first_hard_at", "last_hard_at"] as const;

/** The earlier of two times, or the later one, whichever there are. */
const merged = (time: string, a: string, b: string): string =>
  `coalesce(${time.startsWith("first") ? "min" : "max"}(${a}, ${b}), ${a}, ${b})`;

const timeOf = (time: (typeof TIMES)[number]): string => {
  const [end, what] = time.split("_");
  const mark = what === "hard" ? MARK.hard : MARK.delivered;
  return `${end === "first" ? "min" : "max"}(CASE WHEN fresh & ${mark} THEN at END) AS ${time}`;
};

const SUMS = ["good", "bad", "kept", "lost", "delivered", "hard"] as const;

const added = SUMS.map((name) => `${name} = evidence.${name} + excluded.${name}`);

const widened = TIMES.map(
  (time) => `${time} = ${merged(time, `evidence.${time}`, `excluded.${time}`)}`,
);

/** Words of `bucketKey`, the middle ones in the item. */
const BUCKET = `coalesce(facts.mx_type, '${UNKNOWN_MX}') || '/'
  || coalesce(facts.provider, '${OTHER_PROVIDER}') || '/' || own.lists || '/'
  || coalesce(old.probe, 'none')`;

/** ?1: items; ?2: whether domains and buckets are shared. */
const COUNT = `
WITH item AS (
  SELECT value ->> 0 AS account, value ->> 4 AS at, value ->> 5 AS hash, value ->> 6 AS domain,
    value ->> 7 AS lists, value ->> 8 AS reports,
    coalesce(row.marks, 0) & ${COUNTED} AS known,
    (value ->> 3 | coalesce(row.marks, 0)) & ${COUNTED} AS marks,
    value ->> 3 & ${COUNTED} & ~coalesce(row.marks, 0) AS fresh
  FROM json_each(?1) LEFT JOIN recipient AS row
    ON row.account_id = value ->> 0 AND row.message_id = value ->> 1
      AND row.recipient_no = value ->> 2),
outcome AS (
  SELECT *, (marks = ${MARK.delivered}) - (known = ${MARK.delivered}) AS delivered,
    (marks & ${MARK.hard} <> 0) - (known & ${MARK.hard} <> 0) AS hard, ${weight("at")} AS weight
  FROM item),
own AS (
  SELECT account, hash, domain, lists, max(reports) AS reports, sum(fresh) AS news,
    sum(delivered * weight) AS good, sum(hard * weight) AS bad,
    sum(delivered) AS delivered, sum(hard) AS hard, ${TIMES.map(timeOf).join(", ")}
  FROM outcome GROUP BY account, hash),
address AS (
  SELECT own.account, own.hash, own.domain, own.good AS own_good, own.bad AS own_bad,
    own.delivered AS own_delivered, own.hard AS own_hard,
    own.delivered + coalesce(old.delivered, 0) AS delivered,
    own.hard + coalesce(old.hard, 0) AS hard,
    ${TIMES.map((time) => `own.${time} AS seen_${time}`).join(", ")},
    CASE WHEN ?2 THEN '${SHARED}' ELSE own.account END AS owner, ${BUCKET} AS bucket,
    max(own.reports, coalesce(old.counts, 0)) AS counts,
    ${TIMES.map((time) => `${merged(time, `old.${time}`, `own.${time}`)} AS ${time}`).join(", ")},
    coalesce(old.counts, 0) AS old_counts, old.owner AS old_owner, old.bucket AS old_bucket,
    old.delivered AS old_delivered, old.hard AS old_hard,
    ${TIMES.map((time) => `old.${time} AS old_${time}`).join(", ")}
  FROM own
    LEFT JOIN evidence AS old ON old.account_id = own.account AND old.key = 'a/' || own.hash
    LEFT JOIN domain_facts AS facts ON facts.domain = own.domain
  WHERE own.news > 0 OR own.reports > old.counts),
shares AS MATERIALIZED (
  SELECT *,
    ${share("")},
    ${share("old_")}
  FROM address),
change AS (
  SELECT owner, domain, bucket, good, bad, kept, lost, delivered, hard,
    last_delivered_at, last_hard_at
  FROM shares WHERE counts
  UNION ALL
  SELECT old_owner, domain, old_bucket, -old_good, -old_bad, -old_kept, -old_lost,
    -old_delivered, -old_hard, NULL, NULL
  FROM shares WHERE old_counts)
INSERT INTO evidence (account_id, key, good, bad, kept, lost, delivered, hard, ${TIMES.join(", ")},
  counts, owner, bucket)
SELECT * FROM (
  SELECT account, 'a/' || hash, own_good, own_bad, 0, 0, own_delivered, own_hard,
    ${TIMES.map((time) => `seen_${time}`).join(", ")}, counts,
    CASE WHEN counts THEN owner END, CASE WHEN counts THEN bucket END
  FROM shares
  UNION ALL
  SELECT owner, 'd/' || domain, sum(good), sum(bad), sum(kept), sum(lost), sum(delivered),
    sum(hard), NULL, max(last_delivered_at), NULL, max(last_hard_at), 0, NULL, NULL
  FROM change GROUP BY owner, domain
  UNION ALL
  SELECT owner, 'b/' || bucket, sum(good), sum(bad), sum(kept), sum(lost), 0, 0,
    NULL, NULL, NULL, NULL, 0, NULL, NULL
  FROM change GROUP BY owner, bucket)
WHERE true
ON CONFLICT (account_id, key) DO UPDATE SET ${[...added, ...widened].join(", ")},
  counts = excluded.counts, owner = excluded.owner, bucket = excluded.bucket`;

/**
 * Statements that count what is new in the items, for the transaction that merges the same facts
 * into `recipient`, and before that merge. Each recipient stands in one item at most; those of one
 * transaction may come in any number of transactions again, and count once.
 *
 * Writes a row for each address, domain and bucket touched, one more for each bucket that an
 * address leaves, and none when nothing is new.
 *
 * @param shared whether accounts learn about domains from one another's mail
 */
export function evidenceStatements(
  db: D1Database,
  items: readonly EvidenceItem[],
  shared: boolean,
): D1PreparedStatement[] {
  const rows = items.map((item) => {
    const { account, messageId, no, marks, at, hash, domain, reports } = item;
    const told = [account, messageId, no, marks, Math.floor(at), hash, domain];
    return JSON.stringify([...told, listWords(item), reports ? 1 : 0]);
  });
  return portionsOf(rows).map((portion) => db.prepare(COUNT).bind(portion, shared ? 1 : 0));
}

/**
 * Says what a probe has found of addresses, by hash; a later answer stands for the earlier one,
 * unless it is `unknown`. What an address has added to a bucket moves with its next outcome.
 */
export async function recordProbes(
  db: D1Database,
  account: string,
  probes: readonly { readonly hash: string; readonly probe: ProbeClass }[],
): Promise<void> {
  const told = probes.filter(({ probe }) => probe !== "none");
  const statements = portionsOf(told.map(({ hash, probe }) => JSON.stringify([hash, probe]))).map(
    (portion) =>
      db
        .prepare(
          `INSERT INTO evidence (account_id, key, probe)
           SELECT ?1, 'a/' || (value ->> 0), value ->> 1 FROM json_each(?2) WHERE true
           ON CONFLICT (account_id, key) DO UPDATE SET probe = excluded.probe
           WHERE probe <> excluded.probe AND (probe = 'none' OR excluded.probe <> 'unknown')`,
        )
        .bind(account, portion),
  );
  if (statements.length > 0) await db.batch(statements);
}

/** Addresses that are asked for at a time: their keys are well within what D1 binds. */
export const EVIDENCE_KEYS_MAX = 1_000;

interface Row {
  readonly key: string;
  readonly good: number;
  readonly bad: number;
  readonly kept: number;
  readonly lost: number;
  readonly delivered: number;
  readonly hard: number;
  readonly first_delivered_at: number | null;
  readonly last_delivered_at: number | null;
  readonly first_hard_at: number | null;
  readonly last_hard_at: number | null;
}

const READ = `SELECT key, ${SUMS.join(", ")}, ${TIMES.join(", ")} FROM evidence`;

/** Buckets are all read: some dozens. '0' is the character after '/'. */
const FIND = `
${READ} WHERE account_id = ?1 AND key IN (SELECT 'a/' || value FROM json_each(?3))
UNION ALL
${READ} WHERE account_id = ?2 AND key IN (SELECT 'd/' || value FROM json_each(?4))
UNION ALL
${READ} WHERE account_id = ?2 AND key > 'b/' AND key < 'b0'`;

/**
 * What is known of up to `EVIDENCE_KEYS_MAX` addresses, as of `now` (Unix ms), in one query.
 *
 * @param shared as for `evidenceStatements`
 */
export async function readEvidence(
  db: D1Database,
  account: string,
  keys: readonly EvidenceKey[],
  now: number,
  shared: boolean,
): Promise<EvidenceFound> {
  if (keys.length > EVIDENCE_KEYS_MAX) throw new RangeError(`${keys.length} addresses at a time`);
  const hashes = JSON.stringify(keys.map(({ hash }) => hash));
  const domainNames = JSON.stringify([...new Set(keys.map(({ domain }) => domain))]);
  const owner = shared ? SHARED : account;
  const { results } = await db.prepare(FIND).bind(account, owner, hashes, domainNames).all<Row>();
  const addresses = new Map<string, AddressEvidence>();
  const domains = new Map<string, DomainEvidence>();
  const buckets = new Map<string, Rates>();
  const all = { ...NO_RATES };
  for (const row of results) {
    const name = row.key.slice(2);
    if (row.key.startsWith("a")) {
      const address = addressOf(row, now);
      if (address !== null) addresses.set(name, address);
      continue;
    }
    const rates = faded(row, now);
    if (row.key.startsWith("d")) domains.set(name, { ...rates, ...messagesOf(row) });
    else {
      buckets.set(name, rates);
      all.good += rates.good;
      all.bad += rates.bad;
      all.kept += rates.kept;
      all.lost += rates.lost;
    }
  }
  return { addresses, domains, buckets, global: all };
}

const messagesOf = (row: Row) => ({
  delivered: row.delivered,
  hardBounced: row.hard,
  lastDeliveredAt: row.last_delivered_at ?? 0,
  lastHardAt: row.last_hard_at ?? 0,
});

function addressOf(row: Row, now: number): AddressEvidence | null {
  const history = {
    firstDeliveredAt: row.first_delivered_at ?? 0,
    firstHardAt: row.first_hard_at ?? 0,
    ...messagesOf(row),
  };
  return addressEvidence(history, { good: row.good, bad: row.bad, ...messagesOf(row) }, now);
}
