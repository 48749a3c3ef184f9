/** A probe in virtual time: what it is given can be made to fail, and what it does is counted. */
import type { ProbeClass } from "../../../src/core/evidence.ts";
import type { KeptProbe, ProbeAnswer, ProbeDeps } from "../../../src/verify/probe/ports.ts";
import { createProbe } from "../../../src/verify/probe/probe.ts";
import type { Probe, ProbeOutcome } from "../../../src/verify/verdict.ts";

export const NOW = 1_800_000_000_000;

/** What a backend says of a mailbox. */
export const told = (outcome: ProbeOutcome, given: Partial<ProbeAnswer> = {}): ProbeAnswer => ({
  outcome,
  smtp_code: null,
  enhanced: null,
  fault: false,
  ...given,
});

export const FAULT = told("unavailable", { fault: true });

/** A promise that nobody ever settles. */
export const never = <T>(): Promise<T> => new Promise<T>(() => {});

type Ask = (address: string, site?: string, account?: string) => Promise<Probe>;

interface Limited {
  readonly until: number;
  readonly controller: AbortController;
}

export class World {
  now = NOW;
  /** By local part, up to a label; anything else is accepted. */
  answers: Record<string, ProbeAnswer> = {};
  readonly asked: string[] = [];
  readonly taken: string[] = [];
  /** Account, hash and class. */
  readonly recorded: [string, string, ProbeClass][] = [];
  readonly logged: unknown[] = [];
  /** What all isolates share. */
  readonly kept = new Map<string, { readonly probe: KeptProbe; readonly ttlMs: number }>();
  reads = 0;
  /** Replaced by a test that breaks something. */
  ask = async (address: string): Promise<ProbeAnswer> =>
    this.answers[address.split(/[@+]/)[0] ?? ""] ?? told("accepted");
  take = async (_site: string): Promise<boolean> => true;
  read = async (keys: readonly string[]): Promise<ReadonlyMap<string, KeptProbe>> =>
    new Map(
      keys.flatMap((key) => {
        const entry = this.kept.get(key);
        return entry === undefined ? [] : [[key, entry.probe] as const];
      }),
    );
  write = async (key: string, probe: KeptProbe, ttlMs: number): Promise<void> => {
    this.kept.set(key, { probe: JSON.parse(JSON.stringify(probe)), ttlMs });
  };
  record = async (account: string, hash: string, probe: ProbeClass): Promise<void> => {
    this.recorded.push([account, hash, probe]);
  };
  #limits: Limited[] = [];
  #apart: Promise<unknown>[] = [];
  #begun = 0;
  #limited = 0;
  #underWay = 0;
  #probe = this.isolate();

  timeLimit(ms: number): AbortSignal {
    const controller = new AbortController();
    this.#limits.push({ until: this.now + ms, controller });
    return controller.signal;
  }

  /** Another isolate: nothing is remembered but what all share. */
  isolate(given: Partial<ProbeDeps> = {}): Ask {
    const timeLimit = given.timeLimit ?? ((ms: number) => this.timeLimit(ms));
    const probe = createProbe({
      now: () => this.now,
      backend: {
        name: "reacher",
        ask: (address) => {
          this.asked.push(address);
          return this.ask(address);
        },
      },
      take: (site) => {
        this.taken.push(site);
        return this.take(site);
      },
      cache: {
        read: (keys) => {
          this.reads += 1;
          return this.read(keys);
        },
        write: (key, one, ttlMs) => this.write(key, one, ttlMs),
      },
      record: (account, hash, one) => this.record(account, hash, one),
      waitUntil: (work) => this.#apart.push(work),
      log: (event, fields) => this.logged.push([event, fields]),
      ...given,
      timeLimit: (ms) => {
        this.#limited += 1;
        return timeLimit(ms);
      },
    });
    return async (address, site = "google", account = "acme") => {
      this.#begun += 1;
      this.#underWay += 1;
      try {
        return await probe(account)(address, site);
      } finally {
        this.#underWay -= 1;
        if (this.#underWay === 0) [this.#begun, this.#limited] = [0, 0];
      }
    };
  }

  renew(given: Partial<ProbeDeps> = {}): void {
    this.#probe = this.isolate(given);
  }

  probe(...given: Parameters<Ask>): Promise<Probe> {
    return this.#probe(...given);
  }

  /** The outcome for an address, once what goes on after the answer is done. */
  async outcome(...given: Parameters<Ask>): Promise<ProbeOutcome> {
    const { outcome } = await this.probe(...given);
    await this.settled();
    return outcome;
  }

  /** Lets the backend wait with its answer to the next call, until that is given. */
  hold(): (answer: ProbeAnswer) => void {
    const { ask } = this;
    const { promise, resolve } = Promise.withResolvers<ProbeAnswer>();
    this.ask = () => {
      this.ask = ask;
      return promise;
    };
    return resolve;
  }

  async settled(): Promise<void> {
    await Promise.all(this.#apart.splice(0));
  }

  /** Resolves when every probe that has begun is where it waits for somebody. */
  async waiting(): Promise<void> {
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    do await turn();
    while (this.#limited < this.#begun);
    await turn();
  }

  /** Lets time pass, and time limits with it. */
  async pass(ms: number): Promise<void> {
    await this.waiting();
    this.now += ms;
    const due = this.#limits.filter(({ until }) => until <= this.now);
    this.#limits = this.#limits.filter(({ until }) => until > this.now);
    for (const { controller } of due) controller.abort();
  }
}
