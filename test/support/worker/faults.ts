/**
 * Faults on command: every Dep of the consumers and of the Outbox passes a point where a script may
 * make it fail before or after it took effect, or where the consumer dies. Everything below stays
 * real.
 */
import type { Pack } from "../../../src/core/custody.ts";
import type { LaneDeps } from "../../../src/deliver/ports.ts";
import type { JournalDeps } from "../../../src/feedback/ports.ts";
import type { OutboxDeps } from "../../../src/objects/outbox/state.ts";
import type { Outcome, Provider } from "../../../src/providers/provider.ts";

export type LanePoint =
  | "peek"
  | "suppressed"
  | "offer"
  | "defer"
  | "claim"
  | "content"
  | "send"
  | "settle"
  | "settle_by_journal"
  | "release"
  | "renew"
  | "source_settle";
export type JournalPoint =
  | "look"
  | "heads"
  | "record"
  | "confirm"
  | "journal_settle"
  | "journal_later"
  | "keep_aside";
export type OutboxPoint = "send_packs" | "send_journal" | "delete_content";
export type Point = LanePoint | JournalPoint | OutboxPoint;

/**
 * `die_*`: this invocation does nothing from here on. `throw_*`: the call rejects, before or after
 * it took effect. `lose`: the call answers and had no effect. `stall`: it takes effect and answers
 * on release.
 */
export type Kind = "die_before" | "die_after" | "throw_before" | "throw_after" | "lose" | "stall";

/** What goes wrong for one account, and what was seen of it. Plain data: every context reads it. */
export interface Script {
  /** Asked at each point that is passed. */
  readonly strike: (point: Point) => Kind | null;
  /** Whether the queue delivers these packs to two invocations at once. */
  readonly twice: () => boolean;
  /** Set: packs are not consumed but kept in `handed`, for the test to consume. */
  handOver: boolean;
  /** The database answers nothing to this account's consumers. */
  databaseDown: boolean;
  readonly handed: Pack[];
  /** Stalled calls so far, and how many of them may go on, the first ones first. */
  stalled: number;
  released: number;
  /** Given instead of the provider's answer, once each. */
  readonly answers: Outcome[];
  /** Calls to the provider by message id, whether they took effect or not. */
  readonly calls: Map<string, number>;
  /** Calls of several, in order: their keys, their members and to whom each of these goes. */
  readonly batches: {
    readonly key: string;
    readonly ids: readonly string[];
    readonly to: readonly string[];
  }[];
  /** Points passed, and faults that happened. */
  readonly passed: Map<Point, number>;
  readonly struck: { readonly point: Point; readonly kind: Kind }[];
  readonly logged: Map<string, number>;
}

export interface Fault {
  readonly point: Point;
  readonly kind: Kind;
  /** Passes of the point before the first strike, and strikes. */
  readonly after?: number;
  readonly times?: number;
}

/** D1 as a whole, for every account: set while the database is down. */
export const database = { down: false };

const scripts = new Map<string, Script>();

/** A script that strikes as listed. */
export function scriptOf(faults: readonly Fault[], twice: () => boolean = () => false): Script {
  const left = faults.map(({ point, kind, after = 0, times = 1 }) => ({
    point,
    kind,
    after,
    times,
  }));
  return makeScript((point) => {
    let struck: Kind | null = null;
    for (const fault of left) {
      if (fault.point !== point) continue;
      if (fault.after > 0) fault.after -= 1;
      else if (fault.times > 0 && struck === null) {
        fault.times -= 1;
        struck = fault.kind;
      }
    }
    return struck;
  }, twice);
}

/** A script that strikes as `strike` says. */
export function makeScript(strike: Script["strike"], twice: () => boolean): Script {
  const kept = {
    handOver: false,
    databaseDown: false,
    handed: [],
    stalled: 0,
    released: 0,
    answers: [],
  };
  const seen = { calls: new Map(), batches: [], passed: new Map(), struck: [], logged: new Map() };
  return { strike, twice, ...kept, ...seen };
}

/** Puts a scope (`account~test`) under a script. */
export function play(scope: string, script: Script): void {
  scripts.set(scope, script);
}

const NOTHING = makeScript(
  () => null,
  () => false,
);

/** The script of a scope; one without faults for a scope that has none. */
export const scriptFor = (scope: string): Script => scripts.get(scope) ?? NOTHING;

/** One invocation of a consumer. */
export interface Life {
  dead: boolean;
  /** Resolves when it dies. */
  readonly death: Promise<void>;
  readonly die: () => void;
}

export function createLife(): Life {
  const { promise, resolve } = Promise.withResolvers<void>();
  const life: Life = {
    dead: false,
    death: promise,
    die() {
      life.dead = true;
      resolve();
    },
  };
  return life;
}

const never = <T>(): Promise<T> => new Promise(() => {});
const count = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1);

/** How often a stalled call looks whether it may go on. */
const STALL_POLL_MS = 20;

/** Runs `call` as the script of `scope` has it. */
async function through<T>(
  { scope, life }: { readonly scope: string; readonly life: Life },
  point: Point,
  call: () => Promise<T>,
): Promise<T> {
  if (life.dead) return never();
  const script = scriptFor(scope);
  count(script.passed, point);
  const kind = script.strike(point);
  if (kind !== null) script.struck.push({ point, kind });
  if (kind === "die_before") {
    life.die();
    return never();
  }
  if (kind === "throw_before") throw new Error(`${point} fails before it took effect`);
  // Only calls without an answer are lost in tests.
  if (kind === "lose") return undefined as T;
  const value = await call();
  if (kind === "die_after") life.die();
  if (kind === "throw_after") throw new Error(`${point} fails after it took effect`);
  const place = kind === "stall" ? script.stalled++ : -1;
  while (place >= script.released) {
    await new Promise((resolve) => setTimeout(resolve, STALL_POLL_MS));
  }
  return life.dead ? never() : value;
}

const logOf = (scope: string) => (event: string) => count(scriptFor(scope).logged, event);

/** The lane consumer's Deps, under the script of `scope`. */
export function faultyLane(deps: LaneDeps, scope: string, life: Life): LaneDeps {
  const via = <T>(point: LanePoint, call: () => Promise<T>): Promise<T> =>
    through({ scope, life }, point, call);
  return {
    ...deps,
    log: logOf(scope),
    outbox(ref) {
      const port = deps.outbox(ref);
      return {
        peek: (pack) => via("peek", () => port.peek(pack)),
        claim: (requests) => via("claim", () => port.claim(requests)),
        settle: (requests) => via("settle", () => port.settle(requests)),
        release: (claims) => via("release", () => port.release(claims)),
        renew: (claims) => via("renew", () => port.renew(claims)),
        defer: (waits) => via("defer", () => port.defer(waits)),
      };
    },
    source(name) {
      const port = deps.source(name);
      return {
        offer: (items) => via("offer", () => port.offer(items)),
        settle: (what) => via("source_settle", () => port.settle(what)),
      };
    },
    provider(name) {
      const provider = deps.provider(name);
      if (provider === null) return null;
      return {
        ...provider,
        send: (message, sendDeps) => {
          const script = scriptFor(scope);
          count(script.calls, message.id);
          const answer = script.answers.shift();
          if (answer !== undefined) return Promise.resolve(answer);
          return via("send", () => provider.send(message, sendDeps));
        },
        ...(provider.sendBatch === undefined
          ? {}
          : { sendBatch: faultyBatch(provider.sendBatch, scope, via) }),
      };
    },
    // A scenario's trouble is its own.
    databaseRest: { until: 0 },
    suppressed: (account, hashes) => via("suppressed", () => deps.suppressed(account, hashes)),
    content: (key) => via("content", () => deps.content(key)),
    journal: (body) => via("settle_by_journal", () => deps.journal(body)),
  };
}

/** A call of several passes the point of sending once, whatever their number. */
function faultyBatch(
  sendBatch: NonNullable<Provider["sendBatch"]>,
  scope: string,
  via: <T>(point: LanePoint, call: () => Promise<T>) => Promise<T>,
): NonNullable<Provider["sendBatch"]> {
  return (messages, key, sendDeps) => {
    const script = scriptFor(scope);
    for (const { id } of messages) count(script.calls, id);
    const to = messages.map((one) => JSON.stringify([one.to, one.cc, one.bcc]));
    script.batches.push({ key, ids: messages.map(({ id }) => id), to });
    return via("send", () => sendBatch(messages, key, sendDeps));
  };
}

/** The journal consumer's Deps, under the script of `scope`. */
export function faultyJournal(deps: JournalDeps, scope: string, life: Life): JournalDeps {
  const via = <T>(point: JournalPoint, call: () => Promise<T>): Promise<T> =>
    through({ scope, life }, point, call);
  return {
    ...deps,
    log: logOf(scope),
    // It spreads the waits of a backoff: at the full second they are the shortest.
    now: () => Math.floor(deps.now() / 1_000) * 1_000,
    look: (...asked) => via("look", () => deps.look(...asked)),
    heads: (ref, ids) => via("heads", () => deps.heads(ref, ids)),
    journalLater: (body, delayS) => via("journal_later", () => deps.journalLater(body, delayS)),
    keepAside: (...what) => via("keep_aside", () => deps.keepAside(...what)),
    record: (rows) => via("record", () => deps.record(rows)),
    confirm: (ref, confirmations) => via("confirm", () => deps.confirm(ref, confirmations)),
    settle: (ref, settlements) => via("journal_settle", () => deps.settle(ref, settlements)),
  };
}

/** The Deps of the Outbox of `scope`; it does not die by script: tests evict it. */
export function faultyOutbox(deps: OutboxDeps, scope: string): OutboxDeps {
  const via = <T>(point: OutboxPoint, call: () => Promise<T>): Promise<T> =>
    through({ scope, life: createLife() }, point, call);
  return {
    ...deps,
    log: logOf(scope),
    sendPacks: (lane, packs) => via("send_packs", () => deps.sendPacks(lane, packs)),
    sendJournal: (body) => via("send_journal", () => deps.sendJournal(body)),
    deleteContent: (keys) => via("delete_content", () => deps.deleteContent(keys)),
  };
}
