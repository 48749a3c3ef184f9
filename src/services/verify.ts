/** What verification may use: resolvers, caches, evidence, and a backend that probes. */
import { waitUntil } from "cloudflare:workers";
import type { EvidenceFound } from "../core/evidence.ts";
import type { GcraLimit, RateGrant } from "../core/gcra.ts";
import type { VerifyServices } from "../edge/verify.ts";
import * as facts from "../store/domain-facts.ts";
import { EVIDENCE_KEYS_MAX, readEvidence, recordProbes } from "../store/evidence.ts";
import { readProbes, writeProbe } from "../store/probes.ts";
import { createFactsCache, type FactsCache, type Gather } from "../verify/cache.ts";
import { createDemand } from "../verify/demand.ts";
import { createHostCache } from "../verify/dns/hosts.ts";
import { createResolver } from "../verify/dns/resolver.ts";
import { gatherFacts } from "../verify/facts.ts";
import { registrableOf } from "../verify/lists.ts";
import type { ProbePort, VerifyDeps, VerifyRules } from "../verify/ports.ts";
import { createProbe } from "../verify/probe/probe.ts";
import { createReacher } from "../verify/probe/reacher.ts";
import { withSandbox } from "../verify/probe/sandbox.ts";
import { type ReadEvidence, rememberEvidence } from "../verify/remember.ts";
import { rulesFrom } from "../verify/rules.ts";
import { type Warmed, warm } from "../verify/warm.ts";
import type { Env } from "./bindings.ts";
import { isolateOf, log, now, outside, secretOf, within } from "./isolate.ts";
import { isTestScope } from "./terms.ts";

/** A verdict without evidence is better than none. */
const EVIDENCE_MS = 1_000;

const MINUTE_MS = 60_000;

/** Probes of one operator that may leave together: those of a batch, not those of a list. */
const PROBE_BURST = 10;

/** What an isolate keeps for verification. */
interface Memory {
  readonly rules: VerifyRules;
  readonly gatherer: () => Gather;
  readonly cache: FactsCache;
  readonly evidence: ReadEvidence;
  /** Null: no backend is configured, or its secret is not set. */
  readonly probe: ((account: string) => ProbePort) | null;
}

const memories = new WeakMap<object, Memory>();

const later = (work: Promise<unknown>): void => waitUntil(work);

function after(ms: number, run: () => void): () => void {
  const timer = setTimeout(run, ms);
  return () => clearTimeout(timer);
}

function memoryOf(env: Env): Memory {
  const known = memories.get(env);
  if (known !== undefined) return known;
  const { verify: config } = isolateOf(env).config;
  const gatherer = gathererOf(env);
  const demand = createDemand({
    now,
    random: Math.random,
    write: (asks, at) => facts.addDemand(env.DB, asks, at),
    log,
  });
  const cache = createFactsCache({
    now,
    within,
    asked: demand.asked,
    readKv: (domains) => facts.readFactsKv(env.CACHE, domains),
    writeKv: (all, at) => facts.writeFactsKv(env.CACHE, all, at),
    readD1: (domains, at) => facts.readFactsD1(env.DB, domains, at),
    writeD1: (all) => facts.writeFactsD1(env.DB, all),
    log,
  });
  const made: Memory = {
    rules: rulesFrom(config),
    gatherer,
    cache,
    evidence: rememberEvidence(evidenceOf(env), now),
    probe: probeOf(env),
  };
  memories.set(env, made);
  return made;
}

/** Each invocation has connections of its own, and so a resolver; the hosts it meets are shared. */
function gathererOf(env: Env): () => Gather {
  const { resolvers, hedge_ms, time_limit_ms } = isolateOf(env).config.verify;
  const settings = { urls: resolvers, hedgeMs: hedge_ms, timeLimitMs: time_limit_ms };
  const hosts = createHostCache();
  return () => {
    const resolve = createResolver(settings, { fetch: outside, after });
    return (domain, ask) =>
      gatherFacts(domain, ask, { resolve, hosts, registrable: registrableOf, now });
  };
}

function evidenceOf(env: Env): ReadEvidence {
  const { share_evidence: shared } = isolateOf(env).config.verify;
  return async (account, keys) => {
    try {
      const parts: Promise<EvidenceFound>[] = [];
      for (let from = 0; from < keys.length; from += EVIDENCE_KEYS_MAX) {
        const part = keys.slice(from, from + EVIDENCE_KEYS_MAX);
        parts.push(readEvidence(env.DB, account, part, now(), shared));
      }
      const [first, ...others] = await within(Promise.all(parts), EVIDENCE_MS);
      if (first === undefined) return null;
      return {
        ...first,
        addresses: new Map([first, ...others].flatMap((one) => [...one.addresses])),
        domains: new Map([first, ...others].flatMap((one) => [...one.domains])),
      };
    } catch (error) {
      log("evidence_unavailable", { reason: String(error) });
      return null;
    }
  };
}

function probeOf(env: Env): Memory["probe"] {
  const { probe: config } = isolateOf(env).config.verify;
  if (config === undefined) return null;
  const secret = config.secret === undefined ? null : secretOf(env, config.secret);
  if (config.secret !== undefined && secret === null) {
    log("probe_not_usable", { reason: `the secret ${config.secret} is not set` });
    return null;
  }
  const { url, path, from, hello, per_site_per_minute, secret_header: secretHeader } = config;
  const settings = { url, path, secret, secretHeader, from: from ?? null, hello: hello ?? null };
  const burst = Math.min(PROBE_BURST, Math.ceil(per_site_per_minute));
  const limit: GcraLimit = { periodMs: MINUTE_MS, count: per_site_per_minute, burst };
  return createProbe({
    now,
    timeLimit: (ms) => AbortSignal.timeout(ms),
    backend: createReacher(settings, { fetch: outside }),
    limitMs: config.time_limit_ms,
    take: async (site) => {
      const limiter = env.LIMITER.getByName(`probe/${site}`) as unknown as {
        take(limit: GcraLimit): Promise<RateGrant>;
      };
      return (await limiter.take(limit)).allowed;
    },
    cache: {
      read: (keys) => readProbes(env.CACHE, keys),
      write: (key, probe, ttlMs) => writeProbe(env.CACHE, key, probe, ttlMs),
    },
    record: (account, hash, probe) => recordProbes(env.DB, account, [{ hash, probe }]),
    waitUntil: later,
    log,
  });
}

/** What one invocation may use to verify for an account's scope. */
export function verifyDeps(env: Env, scope: string): VerifyDeps {
  const { rules, cache, gatherer, evidence, probe } = memoryOf(env);
  const port = cache.port({ gather: gatherer(), later });
  const deps = { now, facts: port, evidence, probe: probe?.(scope) ?? null, rules, log };
  return isTestScope(scope) ? withSandbox(deps) : deps;
}

/** What the routes may use. */
export function verifyServices(env: Env): VerifyServices {
  const { verify, streams } = isolateOf(env).config;
  return {
    gate: (scope) => ({ verify: verifyDeps(env, scope), strictMs: verify.strict_ms, within }),
    modeOf: (stream) => streams[stream]?.verify ?? "off",
  };
}

/** The cron's part: keeps popular domains fresh, and lets go of those nobody asks about. */
export async function warmFacts(env: Env): Promise<Warmed> {
  const warmed = await warm({
    now,
    due: (before, at, limit) => facts.dueFacts(env.DB, before, at, limit),
    gather: gathererOf(env)(),
    writeKv: (all, at) => facts.writeFactsKv(env.CACHE, all, at),
    writeD1: (all) => facts.writeFactsD1(env.DB, all),
    log,
  });
  await facts.pruneFacts(env.DB, now());
  return warmed;
}
