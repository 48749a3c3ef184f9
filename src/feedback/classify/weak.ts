/**
 * Single words that keep a code from being believed: "550 5.1.1 blocked" is not about the address.
 * They hold where no phrase does.
 */
import { type Rule, rule } from "./match.ts";

/** In the order in which they hold. */
export const WEAK_RULES: readonly Rule[] = [
  rule("content", [
    "\\S*(?:spam|virus|malware|phish|malicious|suspicious)\\S*",
    "contents?",
    "ube",
  ]),
  rule("authentication", ["auth\\w*", "unauth\\w*", "credentials?", "certificate"]),
  rule("reputation", ["black\\w*", "block\\w*", "bann\\w*", "bl", "ip", "ips", "trust\\w*"]),
  rule("rate", ["rate", "frequency", "quickly", "limit\\w*", "connections?"]),
  rule("too_large", ["size", "length", "large"]),
  rule("policy", [
    "polic\\w+",
    "denied",
    "prohibit\\w*",
    "forbid\\w*",
    "sender",
    "senders",
    "from",
    "tls",
    "ssl",
    "violat\\w+",
    "restrict\\w*",
    "permi\\w+",
    "allowed",
    "firewall",
    "filter\\w*",
    "unwanted",
    "client",
  ]),
];
