/** What a domain's TXT records say of the mail it sends: SPF (RFC 7208) and DMARC (RFC 7489). */
import type { Dmarc, Spf } from "../../core/domain-facts.ts";

/** RFC 7208 section 4.5: the version stands alone before the first space. */
const SPF = /^v=spf1(?: |$)/i;
/** RFC 7208 section 4.6.1: `exp=...`, `redirect=...` and unknown ones. */
const SPF_MODIFIER = /^[a-z][a-z0-9_.-]*=/i;

/**
 * What TXT records, each as one string, say of SPF. `reject_all` only when no sender can match: the
 * first mechanism of the only record is `-all`, so that none after it is looked at (section 5.1).
 */
export function spfOf(records: readonly string[]): Spf {
  const found = records.filter((record) => SPF.test(record));
  const [only] = found;
  if (only === undefined) return "none";
  // Several are an error that lasts (section 4.5), of which no intent can be read.
  if (found.length > 1) return "present";
  const terms = only.trim().split(/ +/).slice(1);
  const mechanism = terms.find((term) => !SPF_MODIFIER.test(term));
  return mechanism?.toLowerCase() === "-all" ? "reject_all" : "present";
}

/** RFC 7489 section 6.4: the version is the first tag; its value is written in capitals. */
const DMARC = /^v\s*=\s*DMARC1\s*(?:;|$)/;
const POLICIES: readonly string[] = ["none", "quarantine", "reject"];

/**
 * The policy of the TXT records at a `_dmarc` name; null: there is none (RFC 7489 section 6.6.3).
 *
 * @param inherited whether it is asked for a domain below the one that the records stand at
 */
export function dmarcOf(
  records: readonly string[],
  inherited: boolean,
): Exclude<Dmarc, "absent"> | null {
  const [only, ...others] = records.filter((record) => DMARC.test(record.trim()));
  if (only === undefined || others.length > 0) return null;
  const tags = new Map<string, string>();
  for (const tag of only.split(";")) {
    const [name = "", value = ""] = tag.split("=", 2);
    tags.set(name.trim().toLowerCase(), value.trim().toLowerCase());
  }
  const policy = tags.get("p") ?? "";
  const below = tags.get("sp") ?? policy;
  if (POLICIES.includes(policy) && POLICIES.includes(below)) {
    return (inherited ? below : policy) as Exclude<Dmarc, "absent">;
  }
  // Without a readable policy, who asks for reports is monitoring; others have published nothing.
  return /^mailto:/.test(tags.get("rua") ?? "") ? "none" : null;
}
