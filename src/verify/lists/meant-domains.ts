/** Domains that a misspelling is measured against: those that most addresses are at. */
import { POPULAR_DOMAINS } from "@zootools/email-spell-checker";

/** Words with no operator behind them, or other names than the ones meant (it is pm.me). */
const MISTAKEN = new Set(["mailw.com", "pm.com", "titan.email"]);

/** Complete domains. */
export const MEANT_DOMAINS: string[] = [
  ...new Set([
    ...POPULAR_DOMAINS.filter((domain) => !MISTAKEN.has(domain)),
    "yahoo.com",
    "yahoo.co.uk",
    "yahoo.co.jp",
    "ymail.com",
    "hotmail.com",
    "hotmail.co.uk",
    "outlook.com",
    "live.com",
    "live.co.uk",
    "mail.com",
    "gmx.com",
    "gmx.de",
    "gmx.net",
    "t-online.de",
    "freenet.de",
    "orange.fr",
    "wanadoo.fr",
    "laposte.net",
    "libero.it",
    "mail.ru",
    "yandex.ru",
    "rambler.ru",
    "naver.com",
    "hanmail.net",
    "rediffmail.com",
    "bigpond.com",
    "tutanota.com",
    "fastmail.com",
    "163.com",
    "126.com",
  ]),
];

/** Names that the same operator has under many countries' domains. */
export const MEANT_NAMES: string[] = ["yahoo", "hotmail", "outlook"];

/** Ends of domains that mistyped ones are taken for, the most frequent first. */
export const MEANT_ENDS: string[] = [
  "com",
  "net",
  "org",
  "edu",
  "co.uk",
  "de",
  "fr",
  "it",
  "es",
  "ca",
  "nl",
  "be",
  "ch",
  "at",
  "com.au",
  "com.br",
  "co.in",
  "co.jp",
];
