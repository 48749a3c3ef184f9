/** What the account's own mail to the address has shown. */
import { type Check, finding } from "./check.ts";

const HARD_BOUNCE = finding("known_hard_bounce", "undeliverable");
const DELIVERED = finding("known_delivered", "deliverable");

/**
 * The newest outcome counts, for as long as the rules say. A message that was delivered and bounced
 * afterwards has both at one time, and is a bounce.
 */
export const evidence: Check = ({ evidence: known }, rules, now) => {
  if (known === null) return null;
  const { lastHardAt, lastDeliveredAt } = known;
  if (lastHardAt > 0 && lastHardAt >= lastDeliveredAt) {
    return now - lastHardAt <= rules.hardMs ? HARD_BOUNCE : null;
  }
  const delivered = lastDeliveredAt > 0 && now - lastDeliveredAt <= rules.deliveredMs;
  return delivered ? DELIVERED : null;
};
