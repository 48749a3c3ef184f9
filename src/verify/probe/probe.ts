/**
 * Asking a mailbox:
 *
 *   memory -> KV -> breaker -> pace of the site -> backend -> memory, KV, evidence
 *
 * A step that fails, refuses or takes too long ends in `unavailable`, which is nobody's fault and
 * makes no verdict worse than unknown.
 */
import { canonicalAddress } from "../../core/address.ts";
import {
  BREAKER_CLOSED,
  type BreakerLimits,
  type BreakerOutcome,
  breakerAdmit,
  breakerAllows,
  breakerSettle,
} from "../../core/breaker.ts";
import type { ProbeClass } from "../../core/evidence.ts";
import { recipientHash } from "../../core/recipient-hash.ts";
import { PROBE_CLASSES } from "../probe-class.ts";
import type { Probe } from "../verdict.ts";
import { createAnswers } from "./answers.ts";
import type { ProbeAnswer, ProbeDeps } from "./ports.ts";

/** All of a probe: greylisting and tarpits are slow, and whoever waits is a person. */
export const PROBE_LIMIT_MS = 10_000;

/** Probes under way in an isolate: each holds a request of somebody. */
const IN_FLIGHT_MAX = 1_000;

/** What an isolate remembers to have told evidence: some hundred bytes each. */
const RECORDED_MAX = 5_000;

/** When the backend is left alone. */
export const PROBE_BREAKER: BreakerLimits = {
  windowMs: 60_000,
  /** One deploy or one slow mailbox operator is not yet a backend that is down. */
  failures: 5,
  /** A busy backend may lose a few calls; one that loses half of them is of no use. */
  rate: 0.5,
  pauseMs: 15_000,
  /** How long it may go unnoticed that the backend is back. */
  pauseMaxMs: 300_000,
  /** The probe's time limit comes on top. */
  trialMs: 5_000,
};

/** An answer, and whether it is one about the mailbox. */
interface Found {
  readonly probe: Probe;
  /** False: the backend failed, or was not asked, which says nothing. */
  readonly clear: boolean;
}

interface InFlight {
  readonly found: Promise<Found>;
  /** Unix ms; after that whoever began it is gone, and it never ends. */
  readonly until: number;
}

const UNANSWERED: ProbeAnswer = {
  outcome: "unavailable",
  smtp_code: null,
  enhanced: null,
  fault: true,
};

/**
 * Makes the ports of one isolate, which share the breaker, the memory and what is in flight: what a
 * mailbox answers is the same for all accounts, and only the evidence it adds to is an account's
 * own. An address is asked about once at a time; whoever asks meanwhile gets the same answer.
 */
export function createProbe(
  deps: ProbeDeps,
): (account: string) => (address: string, site: string) => Promise<Probe> {
  const { now, backend, limitMs = PROBE_LIMIT_MS } = deps;
  const limits = { ...PROBE_BREAKER, trialMs: PROBE_BREAKER.trialMs + limitMs };
  const answers = createAnswers(deps.cache, now);
  const inFlight = new Map<string, InFlight>();
  const recorded = new Map<string, ProbeClass>();
  let breaker = BREAKER_CLOSED;

  function foundFrom({ outcome, smtp_code, enhanced, fault }: ProbeAnswer): Found {
    const probe = { backend: backend.name, outcome, smtp_code, enhanced, at: now() };
    return { probe, clear: !fault };
  }

  /** Work that may fail without harm, and goes on after the answer. */
  function apart(begin: () => Promise<unknown>): void {
    deps.waitUntil(attempt(begin));
  }

  function settle(permit: number, outcome: BreakerOutcome): void {
    const { phase } = breaker;
    breaker = breakerSettle(limits, breaker, permit, outcome, now());
    if (breaker.phase === phase) return;
    deps.log("probe_backend", { backend: backend.name, breaker: breaker.phase });
  }

  /** Asks the backend, if it and the site may be asked now. */
  async function ask(address: string, site: string, limit: Limit): Promise<ProbeAnswer> {
    if (limit.signal.aborted || !breakerAllows(breaker, now())) return UNANSWERED;
    if ((await limit.of(() => deps.take(site))) !== true) return UNANSWERED;
    const admission = breakerAdmit(limits, breaker, now());
    breaker = admission.state;
    if (!admission.allowed) return UNANSWERED;
    const began = now();
    const answer = (await limit.of(() => backend.ask(address, limit.signal))) ?? UNANSWERED;
    // The time was up because the steps before took it.
    const rushed = limit.signal.aborted && now() - began < limitMs / 2;
    settle(admission.permit, rushed ? "void" : answer.fault ? "failed" : "ok");
    return answer;
  }

  async function find(hash: string, address: string, site: string, limit: Limit): Promise<Found> {
    const domain = domainOf(address);
    const known = await limit.of(() => answers.find(hash, domain));
    if (known !== null) return { probe: known, clear: true };
    const found = foundFrom(await ask(address, site, limit));
    if (found.clear) apart(() => answers.keep(hash, domain, found.probe));
    return found;
  }

  async function findOnce(hash: string, address: string, site: string): Promise<Found> {
    const limit = limitOf(deps.timeLimit(limitMs));
    const running = inFlight.get(hash);
    if (running !== undefined && now() < running.until) {
      return (await limit.of(() => running.found)) ?? foundFrom(UNANSWERED);
    }
    if (!makeRoom(inFlight, now())) return foundFrom(UNANSWERED);
    const found = find(hash, address, site, limit);
    inFlight.set(hash, { found, until: now() + limitMs });
    try {
      return await found;
    } finally {
      if (inFlight.get(hash)?.found === found) inFlight.delete(hash);
    }
  }

  /** Tells an account's evidence, once as long as it is remembered that it was told. */
  function record(account: string, hash: string, { outcome }: Probe): void {
    const shown = PROBE_CLASSES[outcome];
    const key = `${hash}/${account}`;
    if (recorded.get(key) === shown) return;
    recorded.delete(key);
    recorded.set(key, shown);
    const oldest = recorded.keys().next().value;
    if (recorded.size > RECORDED_MAX && oldest !== undefined) recorded.delete(oldest);
    apart(() => deps.record(account, hash, shown));
  }

  return (account) => async (address, site) => {
    const hash = await recipientHash(address);
    const known = answers.recall(hash, domainOf(address));
    const found =
      known === null ? await findOnce(hash, address, site) : { probe: known, clear: true };
    if (found.clear) record(account, hash, found.probe);
    return found.probe;
  };
}

/** Whether one more may be in flight; lets go of those whose requests are gone. */
function makeRoom(inFlight: Map<string, InFlight>, now: number): boolean {
  if (inFlight.size < IN_FLIGHT_MAX) return true;
  for (const [hash, { until }] of inFlight) if (now >= until) inFlight.delete(hash);
  return inFlight.size < IN_FLIGHT_MAX;
}

/** In A-labels. */
function domainOf(address: string): string {
  const canonical = canonicalAddress(address);
  return canonical.slice(canonical.lastIndexOf("@") + 1);
}

interface Limit {
  readonly signal: AbortSignal;
  /** The value of what `begin` begins; null: it fails, or the time is over first. */
  of<T>(begin: () => Promise<T>): Promise<T | null>;
}

/** A time limit that several steps share, kept also for work that does not heed the signal. */
function limitOf(signal: AbortSignal): Limit {
  const over = new Promise<null>((resolve) => {
    if (signal.aborted) resolve(null);
    else signal.addEventListener("abort", () => resolve(null), { once: true });
  });
  return {
    signal,
    of: (begin) => Promise.race([attempt(begin), over]),
  };
}

async function attempt<T>(begin: () => Promise<T>): Promise<T | null> {
  try {
    return await begin();
  } catch {
    return null;
  }
}
