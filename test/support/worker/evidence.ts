/** Evidence as the journal's transaction writes it. */
import { env } from "cloudflare:workers";
import type { EvidenceItem } from "../../../src/core/evidence.ts";
import { MARK } from "../../../src/core/marks.ts";
import { evidenceStatements } from "../../../src/store/evidence.ts";

const DAY_MS = 86_400_000;

/** When the tests read. */
export const NOW = Date.UTC(2026, 9, 1);

/** Empties the tables that evidence is made of. */
export const clearEvidence = (): Promise<unknown> =>
  env.DB.batch(
    ["recipient", "evidence", "domain_facts"].map((name) => env.DB.prepare(`DELETE FROM ${name}`)),
  );

/** A delivery of yesterday. */
export const evidenceItem = (given: Partial<EvidenceItem> = {}): EvidenceItem => ({
  ...{ account: "a", messageId: "m", no: 0, marks: MARK.delivered, at: NOW - DAY_MS, hash: "h" },
  ...{ domain: "d.example", disposable: false, role: false, reports: true },
  ...given,
});

/** The transaction of the journal: evidence, then marks into the rows. */
export async function recordEvidence(
  items: readonly EvidenceItem[],
  shared = false,
): Promise<D1Meta[]> {
  const united = new Map<string, EvidenceItem>();
  for (const one of items) {
    const key = `${one.account}/${one.messageId}/${one.no}`;
    const known = united.get(key);
    const reports = one.reports || known?.reports === true;
    united.set(key, { ...one, marks: one.marks | (known?.marks ?? 0), reports });
  }
  const statements = evidenceStatements(env.DB, [...united.values()], shared);
  const results = await env.DB.batch([
    ...statements,
    ...items.map(({ account, messageId, no, marks }) =>
      env.DB.prepare(
        `INSERT INTO recipient (account_id, message_id, recipient_no, state, rank, state_at, marks)
         VALUES (?1, ?2, ?3, 'sent', 4, 1, ?4)
         ON CONFLICT DO UPDATE SET marks = marks | excluded.marks`,
      ).bind(account, messageId, no, marks),
    ),
  ]);
  return results.slice(0, statements.length).map(({ meta }) => meta);
}

/** What is known of a domain from now on. */
export const learnFacts = (domain: string, mxType: string | null, provider: string | null) =>
  env.DB.prepare(
    `INSERT INTO domain_facts (domain, mx_type, provider) VALUES (?1, ?2, ?3)
     ON CONFLICT DO UPDATE SET mx_type = excluded.mx_type, provider = excluded.provider`,
  )
    .bind(domain, mxType, provider)
    .run();
