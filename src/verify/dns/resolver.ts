/**
 * Questions of one invocation, each asked of several resolvers in turn:
 *
 *   the first -> after `hedgeMs`, or at once when it says nothing: the next as well -> ...
 *
 * The first conclusive answer counts and the rest are given up. Only when every resolver says
 * nothing does the question stay open.
 */
import {
  type Answer,
  isTransient,
  type Question,
  type QuestionType,
  type Transient,
} from "./answer.ts";
import { askDoh } from "./doh.ts";

/**
 * Requests in flight of one invocation: Workers lets six connections wait for an answer, and holds
 * back the rest, whose time limit would run meanwhile.
 */
export const REQUESTS_MAX = 6;

export interface ResolverSettings {
  /** Of DNS over HTTPS, one at least, the preferred first; http only to the machine itself. */
  readonly urls: readonly string[];
  /** How long one resolver has before the next is asked as well, milliseconds. */
  readonly hedgeMs: number;
  /** How long one resolver has for one question, milliseconds. */
  readonly timeLimitMs: number;
}

export interface ResolverDeps {
  readonly fetch: typeof fetch;
  /** Calls `run` after `ms` milliseconds; what it answers takes that back. */
  readonly after: (ms: number, run: () => void) => () => void;
  /** Called for each question, and for each request that it takes. */
  readonly count?: (what: "question" | "request", question: Question) => void;
}

/** Asks one question; never rejects. */
export type Resolve = <T extends QuestionType>(name: string, type: T) => Promise<Answer<T>>;

interface Running {
  /** The place of its resolver in `urls`. */
  readonly url: number;
  readonly controller: AbortController;
  readonly stopClock: () => void;
}

/**
 * Makes the resolver of one invocation. Its requests share the invocation's connections; of equal
 * questions at a time, one is asked. Questions that wait are bounded by their callers: each holds
 * one promise and waits for it.
 */
export function createResolver(settings: ResolverSettings, deps: ResolverDeps): Resolve {
  const { urls, hedgeMs, timeLimitMs } = settings;
  const slots = createSlots(REQUESTS_MAX);
  const open = new Map<string, Promise<Answer<QuestionType>>>();
  /** The resolver that answered last is asked first, so that a dead one costs only once. */
  let preferred = 0;

  function hedged(question: Question): Promise<Answer<QuestionType>> {
    return new Promise((resolve) => {
      const running = new Set<Running>();
      const first = preferred;
      let asked = 0;
      let held = 1;
      let settled = false;
      /** Of all that said nothing: a failure is more of an answer than silence. */
      let nothing: Transient = { kind: "timeout", why: "not_asked" };
      let stopHedge = (): void => {};

      function ask(): void {
        const url = (first + asked) % urls.length;
        asked += 1;
        deps.count?.("request", question);
        const controller = new AbortController();
        // The signal ends the request; the question does not wait for that.
        const late = (): void => {
          controller.abort();
          ended(one, { kind: "timeout", why: "time_limit" });
        };
        const one: Running = { url, controller, stopClock: deps.after(timeLimitMs, late) };
        running.add(one);
        askDoh(urls[url] ?? "", question, deps.fetch, controller.signal).then((answer) =>
          ended(one, answer),
        );
        stopHedge();
        if (asked < urls.length) stopHedge = deps.after(hedgeMs, hedge);
      }

      function hedge(): void {
        // With no connection free, the resolver that has had its time makes room.
        if (slots.tryTake()) held += 1;
        else {
          const [slowest] = running;
          if (slowest !== undefined) giveUp(slowest);
        }
        ask();
      }

      function giveUp(one: Running): void {
        running.delete(one);
        one.stopClock();
        one.controller.abort();
      }

      function ended(one: Running, answer: Answer<QuestionType>): void {
        if (!running.delete(one)) return;
        one.stopClock();
        if (!isTransient(answer)) {
          preferred = one.url;
          settle(answer);
          return;
        }
        if (nothing.kind === "timeout") nothing = answer;
        if (asked < urls.length) ask();
        else if (running.size === 0) settle(nothing);
        else {
          held -= 1;
          slots.release();
        }
      }

      function settle(answer: Answer<QuestionType>): void {
        if (settled) return;
        settled = true;
        stopHedge();
        for (const one of running) giveUp(one);
        for (; held > 0; held--) slots.release();
        resolve(answer);
      }

      ask();
    });
  }

  async function asking(question: Question): Promise<Answer<QuestionType>> {
    deps.count?.("question", question);
    await slots.take();
    return hedged(question);
  }

  return <T extends QuestionType>(name: string, type: T): Promise<Answer<T>> => {
    const key = `${type} ${name}`;
    const known = open.get(key);
    if (known !== undefined) return known as Promise<Answer<T>>;
    const answer = asking({ name, type }).finally(() => open.delete(key));
    open.set(key, answer);
    return answer as Promise<Answer<T>>;
  };
}

interface Slots {
  take(): Promise<void>;
  /** False: none is free. */
  tryTake(): boolean;
  /** Gives one back, to whoever has waited longest. */
  release(): void;
}

/** Served waiters are dropped this many at a time: dropping each would move all the others. */
const DROP_AT_ONCE = 256;

function createSlots(max: number): Slots {
  const waiting: (() => void)[] = [];
  let served = 0;
  let free = max;
  return {
    async take() {
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    tryTake() {
      if (free === 0) return false;
      free -= 1;
      return true;
    },
    release() {
      const resolve = waiting[served];
      if (resolve === undefined) {
        free += 1;
        return;
      }
      served += 1;
      if (served === waiting.length || served === DROP_AT_ONCE) {
        waiting.splice(0, served);
        served = 0;
      }
      resolve();
    },
  };
}
