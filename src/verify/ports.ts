/** What verification needs from outside. */
import type { KnownFacts } from "../core/domain-facts.ts";
import type { EvidenceFound, EvidenceKey } from "../core/evidence.ts";
import type { Probe, Reason, Recommendation } from "./verdict.ts";

/** What is asked about domains. */
export interface FactsAsk {
  /** Also SPF and DMARC, which say nothing about receiving: two questions more per domain. */
  readonly policy: boolean;
  /** False: what no cache has is not looked up, and is missing from the answer. */
  readonly lookup: boolean;
}

/** Domain facts by domain (A-labels). Never rejects: a failure is a fact with its status. */
export type FactsPort = (
  domains: readonly string[],
  ask: FactsAsk,
) => Promise<ReadonlyMap<string, KnownFacts>>;

/**
 * Asks a mailbox. Never rejects: a failure is an outcome, `unavailable` or `blocked`. Null: there
 * is nobody to ask about this address, as if no backend were configured.
 */
export type ProbePort = (address: string, site: string) => Promise<Probe | null>;

/** Rules by which findings become advice, as configured. */
export interface VerifyRules {
  /** Forms that are taken beside plain dot-atoms. */
  readonly forms: {
    readonly quoted: boolean;
    readonly literal: boolean;
    readonly smtputf8: boolean;
  };
  /** Advice that a reason asks for; the strictest of all reasons counts. */
  readonly advice: Readonly<Partial<Record<Reason, Recommendation>>>;
  /** Below this confidence an address is to be reviewed, below `blockBelow` blocked; 0 to 1. */
  readonly reviewBelow: number;
  readonly blockBelow: number;
  /** A hard bounce of our own counts this long, milliseconds. */
  readonly hardMs: number;
  /** A delivery of our own counts as proof this long, milliseconds. */
  readonly deliveredMs: number;
}

export interface VerifyDeps {
  readonly now: () => number;
  readonly facts: FactsPort;
  /** It answers null when evidence cannot be read at the moment. Null: it is not to be read. */
  readonly evidence:
    | ((account: string, keys: readonly EvidenceKey[]) => Promise<EvidenceFound | null>)
    | null;
  /** Null: no backend is configured. */
  readonly probe: ProbePort | null;
  /** A special-use domain (A-labels) that is taken for an ordinary one: the sandbox's. */
  readonly exempt?: string;
  readonly rules: VerifyRules;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}
