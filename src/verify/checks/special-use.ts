/** Names that are set aside, where no mail can go whatever DNS says. */
import { type Check, finding } from "./check.ts";

const SPECIAL = finding("special_use_domain", "undeliverable");

/** Undeliverable, and no question of DNS. */
export const specialUse: Check = (subject) => (subject.specialUse ? SPECIAL : null);
