/** A job among its consumers, without a runtime: its core, files in memory, and made-up facts. */
import type { DomainFacts } from "../../../src/core/domain-facts.ts";
import { Job } from "../../../src/core/verification-job.ts";
import { type NewJob, newRecord, type TaskHint } from "../../../src/core/verification-task.ts";
import { DEFAULT_ADVICE } from "../../../src/verify/advice.ts";
import type { JobPort, TaskDeps, TaskMessage } from "../../../src/verify/jobs/ports.ts";
import { INPUT } from "../../../src/verify/jobs/rows.ts";
import type { VerifyDeps } from "../../../src/verify/ports.ts";
import { seededRandom } from "../../core/random.ts";

export const NOW = Date.UTC(2026, 10, 1);

export const NEW: NewJob = {
  scope: "acme",
  id: "j1",
  name: "",
  format: "csv",
  column: null,
  header: null,
  policy: false,
  probe: false,
  bytes: 1,
  createdAt: NOW,
};

export const REF = { scope: NEW.scope, id: NEW.id };

const factsOf = (domain: string): DomainFacts => ({
  domain,
  status: domain.startsWith("gone") ? "nxdomain" : "noerror",
  mxType: domain.startsWith("gone") ? "none" : "mx",
  mx: domain.startsWith("gone") ? [] : [{ host: `mx.${domain}`, preference: 10 }],
  provider: null,
  reach: domain.startsWith("gone") ? null : "routable",
  spf: null,
  dmarc: null,
  at: NOW,
  expiresAt: NOW + 3_600_000,
  shared: true,
});

/** One job of an upload. */
export function createWorld(upload: string, given: Partial<NewJob> = {}) {
  const job = new Job(newRecord({ ...NEW, ...given }), null, { leaseMs: 30_000, hintMs: 60_000 });
  const files = new Map<string, string>([[INPUT, upload]]);
  /** Each domain that was looked up, as often as it was; then it is known. */
  const lookups: string[] = [];
  const known = new Set<string>();
  const logged: string[] = [];
  let tokens = 0;
  const clock = { now: NOW };

  const verify: VerifyDeps = {
    now: () => clock.now,
    facts: async (domains) =>
      new Map(
        domains.map((domain) => {
          if (!known.has(domain)) lookups.push(domain);
          const layer = known.has(domain) ? ("memory" as const) : ("dns" as const);
          known.add(domain);
          return [domain, { facts: factsOf(domain), layer }];
        }),
      ),
    evidence: async () => null,
    probe: null,
    rules: {
      forms: { quoted: true, literal: false, smtputf8: true },
      advice: DEFAULT_ADVICE,
      reviewBelow: 0.9,
      blockBelow: 0.5,
      hardMs: 1,
      deliveredMs: 1,
    },
    log: () => {},
  };
  const port: JobPort = {
    claim: async (task) => job.claim(task, `t${++tokens}`, clock.now),
    renew: async (task, token) => job.renew(task, token, clock.now),
    settle: async (task, token, outcome) => job.settle(task, token, outcome, clock.now),
  };
  const deps: TaskDeps = {
    sleep: () => new Promise(() => {}),
    job: () => port,
    files: {
      open: async (_, name) => {
        const text = files.get(name);
        if (text === undefined) return null;
        return (async function* () {
          yield new TextEncoder().encode(text);
        })();
      },
      read: async (_, name) => files.get(name) ?? null,
      write: async (_, name, text) => {
        files.set(name, text);
      },
      remove: async (_, name) => {
        files.delete(name);
      },
    },
    random: seededRandom(7),
    verify: () => verify,
    log: (event) => logged.push(event),
  };
  return { job, files, lookups, logged, clock, port, deps, verify };
}

export type World = ReturnType<typeof createWorld>;

/** A message that notes what became of it. */
export function message(task: TaskHint["task"] | unknown, attempts = 1) {
  const body = { v: 1, scope: REF.scope, job: REF.id, task };
  const noted: TaskMessage & { answer: string } = {
    answer: "",
    body,
    attempts,
    ack() {
      noted.answer = "acked";
    },
    retry({ delaySeconds }) {
      noted.answer = `again in ${delaySeconds} s`;
    },
  };
  return noted;
}
