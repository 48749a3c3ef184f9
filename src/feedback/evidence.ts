/** Happenings -> items of evidence, which the journal's transaction counts. */
import { canonicalAddress } from "../core/address.ts";
import type { Happening } from "../core/events.ts";
import type { EvidenceItem, ListTraits } from "../core/evidence.ts";
import { MARK, marksOf } from "../core/marks.ts";
import { isMagic } from "../core/sandbox.ts";

export interface EvidenceDeps {
  /** Whether an account's scope is test state. */
  readonly isTest: (account: string) => boolean;
  /** What the lists say of a domain, in A-labels, and a local part. */
  readonly traitsOf: (domain: string, local: string) => ListTraits;
  /** Whether a source tells of deliveries, and not of bounces alone. */
  readonly reportsDeliveries: (source: string) => boolean;
}

const COUNTED = MARK.delivered | MARK.hard;

/**
 * One item per recipient of a batch that took the mail or bounced for good, in any account's live
 * mail: what the sandbox makes up for test mail and magic recipients says nothing of real
 * mailboxes. Who opens or complains has the mail, as core/marks has it. The time is that of the
 * message, so that it does not matter which event is the first to tell.
 */
export function evidenceOf(happenings: readonly Happening[], deps: EvidenceDeps): EvidenceItem[] {
  const items = new Map<string, EvidenceItem>();
  for (const one of happenings) {
    const marks = countable(one);
    const { account, messageId, no, address, hash } = one;
    if (marks === 0 || hash === "" || isMagic(address) || deps.isTest(account)) continue;
    const key = `${account}/${messageId}/${no}`;
    const known = items.get(key);
    const reports = known?.reports === true || deps.reportsDeliveries(one.source);
    if (known !== undefined) {
      items.set(key, { ...known, marks: marks | known.marks, reports });
      continue;
    }
    const canonical = canonicalAddress(address);
    const end = canonical.lastIndexOf("@");
    const domain = canonical.slice(end + 1);
    const { createdAt: at = one.at } = one.envelope;
    const { disposable, role } = deps.traitsOf(domain, canonical.slice(0, end));
    const about = { account, messageId, no, at, hash, domain, disposable, role };
    items.set(key, { ...about, marks, reports });
  }
  return [...items.values()];
}

/** A bounce that a provider made of its own list never reached the mailbox. */
function countable({ type, bounce }: Happening): number {
  const kind = bounce === null || bounce.category === "provider_list" ? null : bounce.kind;
  return marksOf(type, kind) & COUNTED;
}
