/// <reference path="./lists/role-list.d.ts" />
/**
 * What lists say of a domain or a local part: flags, which never change syntax. The sets are built
 * when they are first asked for, once per isolate.
 */
import burners from "disposable-email-domains-js/dist/dict/disposable_email_blocklist.json" with {
  type: "json",
};
import freeList from "email-providers/all.json" with { type: "json" };
import roleList from "role-based-email-addresses";
import { getDomain } from "tldts";
import type { ListTraits } from "../core/evidence.ts";
import { FREE_OPERATORS, MAILBOX_OPERATORS } from "./lists/operators.ts";
import { RELAY_DOMAINS } from "./lists/relay-domains.ts";
import { TYPO_DOMAINS } from "./lists/typo-domains.ts";

/**
 * Names the lists in force: what was derived from them is looked up under it. Versions of the
 * packages and a hash of the lists beside this file, which the tests hold against their content.
 */
export const LIST_VERSION =
  "disposable-1.26.0_free-2.26.0_role-3.1.0_suffix-7.6.0_spell-1.12.0_own-dd16c5976e0765f0";

/** Private suffixes, e.g. github.io, part registrants as others do. The rest saves work. */
const SUFFIX_OPTIONS = {
  allowPrivateDomains: true,
  extractHostname: false,
  validateHostname: false,
  detectIp: false,
};

/**
 * The part of a domain that somebody has registered, by the Public Suffix List with its private
 * part; null: it is a public suffix, or no name. Takes A-labels and U-labels, lower-cased.
 */
export function registrableOf(domain: string): string | null {
  return domain.startsWith(".") ? null : getDomain(domain, SUFFIX_OPTIONS);
}

const lazily = <T>(build: () => T): (() => T) => {
  let built: T | undefined;
  return () => {
    built ??= build();
    return built;
  };
};

const typos = lazily(() => {
  const meant = new Map<string, string>();
  for (const [domain, misspelt] of Object.entries(TYPO_DOMAINS)) {
    for (const one of misspelt.split(" ")) meant.set(one, domain);
  }
  return meant;
});

const relays = lazily(() => new Set(RELAY_DOMAINS));
const roles = lazily(() => new Set<string>(roleList));

/** `false`: its users stay, whatever the list says. */
const disposables = lazily(() => {
  const domains = new Map<string, boolean>();
  for (const one of burners) domains.set(one, true);
  for (const one of [...MAILBOX_OPERATORS, ...RELAY_DOMAINS]) domains.set(one, false);
  // A misspelt gmail.com is a mistake and no wish to stay unknown.
  for (const one of typos().keys()) domains.delete(one);
  return domains;
});

const frees = lazily(() => {
  const domains = new Set<string>(freeList);
  for (const one of FREE_OPERATORS) domains.add(one);
  return domains;
});

/** The entry of the domain or of the nearest domain above it that has one. */
function nearest<T>(domain: string, entryOf: (name: string) => T | undefined): T | undefined {
  for (let from = 0; ; ) {
    const name = from === 0 ? domain : domain.slice(from);
    const entry = entryOf(name);
    // A suffix that is listed says nothing of those who registered below it.
    if (entry !== undefined && registrableOf(name) !== null) return entry;
    const dot = domain.indexOf(".", from);
    if (dot < 0) return undefined;
    from = dot + 1;
  }
}

/** Whether addresses there are made to be thrown away; subdomains of a listed domain count. */
export function isDisposable(domain: string): boolean {
  const domains = disposables();
  return nearest(domain, (name) => domains.get(name)) === true;
}

/** Whether anybody can have a mailbox there for nothing; no disposable one counts. */
export function isFree(domain: string): boolean {
  return (
    frees().has(domain) &&
    !typos().has(domain) &&
    !isDisposable(domain) &&
    registrableOf(domain) !== null
  );
}

/** Whether the address stands for another one that its owner keeps to themselves. */
export function isRelayAlias(domain: string): boolean {
  const domains = relays();
  return nearest(domain, (name) => (domains.has(name) ? true : undefined)) === true;
}

/** Whether a local part names a task rather than a person; what follows "+" does not count. */
export function isRole(local: string): boolean {
  const plus = local.indexOf("+");
  return roles().has((plus < 0 ? local : local.slice(0, plus)).toLowerCase());
}

/** The domain that a listed misspelling stands for. */
export function typoOf(domain: string): string | undefined {
  return typos().get(domain);
}

/** What tells like addresses from others, for counting them; the domain in A-labels. */
export function traitsOf(domain: string, local: string): ListTraits {
  return { disposable: isDisposable(domain), role: isRole(local) };
}
