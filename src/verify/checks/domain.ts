/** What DNS says of the domain. */
import { isGloballyRoutable } from "../../core/ip.ts";
import { isParkedHost } from "../../core/mail-operators.ts";
import { type Check, finding } from "./check.ts";

const NOT_LOOKED_UP = finding("not_looked_up", "unknown");
const TIMEOUT = finding("dns_timeout", "unknown");
const SERVFAIL = finding("dns_servfail", "unknown");
const NOT_FOUND = finding("domain_not_found", "undeliverable");
const NULL_MX = finding("null_mx", "undeliverable");
const NO_HOST = finding("no_mail_host", "undeliverable");
const UNROUTABLE = finding("mx_unroutable", "undeliverable");
const PARKED = finding("parked_mx", "risky");
const SENDS_NONE = finding("spf_reject_all_no_mx", "risky");
const TAKES_MAIL = finding("domain_takes_mail", "unknown");

/**
 * A question that failed says nothing of the domain: it is asked about first, so that whatever else
 * the facts hold is never read as an answer. A domain that takes mail says nothing of a mailbox.
 */
export const domain: Check = ({ parsed, facts }) => {
  const literal = parsed?.literal ?? null;
  if (literal !== null && !isGloballyRoutable(literal.address)) return UNROUTABLE;
  if (facts === null) return NOT_LOOKED_UP;
  const { status, mxType, reach } = facts;
  if (status === "timeout") return TIMEOUT;
  if (status === "servfail") return SERVFAIL;
  if (status === "nxdomain") return NOT_FOUND;
  if (mxType === null) return SERVFAIL;
  if (mxType === "null") return NULL_MX;
  if (mxType === "none" || reach === "no_address") return NO_HOST;
  if (reach === "unroutable") return UNROUTABLE;
  if (mxType !== "mx") return facts.spf === "reject_all" ? SENDS_NONE : TAKES_MAIL;
  for (const { host } of facts.mx) if (!isParkedHost(host)) return TAKES_MAIL;
  return facts.mx.length === 0 ? TAKES_MAIL : PARKED;
};
