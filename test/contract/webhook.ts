/**
 * What holds for every provider's webhook, run through `receive` as the route runs it. A provider
 * gives requests as it would make them; the suite spoils them.
 */
import { describe, expect, test } from "vitest";
import type { EventType } from "../../src/core/delivery-state.ts";
import type { Result } from "../../src/core/result.ts";
import type { HookKeys, HookReading, HookRefusal, Hooks } from "../../src/providers/hooks.ts";
import { EVENTS_MAX, receive } from "../../src/providers/receive.ts";

/** A request as the provider makes it. */
export interface Posted {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer>;
}

/** One event as it should be read. */
export interface Wanted {
  readonly type: EventType;
  readonly address: string;
  readonly messageId?: string;
  readonly account?: string;
  readonly providerMessageId?: string;
  readonly eventId?: string;
  readonly at?: number;
  readonly code?: string;
  readonly text?: string | RegExp;
  readonly bounce?: object;
  readonly url?: string;
}

/** How one provider posts. */
export interface HookSubject {
  readonly hooks: Hooks;
  readonly keys: HookKeys;
  /** Unix ms at which the requests are made. */
  readonly now: number;
  /** What the provider would post of these events (as objects of its own wire format), proved. */
  readonly post: (events: readonly unknown[]) => Posted | Promise<Posted>;
  /** The same, proved `ageMs` before `now`; absent where no time is signed. */
  readonly postAged?: (events: readonly unknown[], ageMs: number) => Posted | Promise<Posted>;
  /** The age up to which a request is taken. */
  readonly windowMs?: number;
  /** Each documented event in the provider's words, with its reading. */
  readonly events: Readonly<Record<string, readonly [event: unknown, wanted: readonly Wanted[]]>>;
  /** An event about several recipients, or several events about one each. */
  readonly several: readonly [events: readonly unknown[], wanted: readonly Wanted[]];
  /** Whether a request may hold several events. */
  readonly batches: boolean;
  /** An event of a type that nobody knows. */
  readonly unknown: unknown;
  /** Bodies that are proved and are not what the provider sends. */
  readonly malformed: readonly Posted[] | (() => Promise<readonly Posted[]>);
  /** Names of the headers that carry the proof; empty where the body does. */
  readonly proofHeaders: readonly string[];
  /** Takes the proof out of the body, where it is there. */
  readonly stripProof?: (posted: Posted) => Posted;
  /** The proof of another key or password. */
  readonly forge: (events: readonly unknown[]) => Posted | Promise<Posted>;
  /** Changes the body and leaves the proof. Null: the proof does not cover the body. */
  readonly tamper: ((posted: Posted) => Posted) | null;
  /** The proof may be used with one body only. */
  readonly once?: boolean;
  readonly fetch?: typeof fetch;
}

const bytesOf = (body: Posted["body"]): Uint8Array<ArrayBuffer> =>
  typeof body === "string" ? new TextEncoder().encode(body) : body;

/** No network. */
const unreachable: typeof fetch = () => Promise.reject(new TypeError("there is no network here"));

/** Posts to a source that has `subject.keys`; `seen` holds tokens that were used. */
export function postTo(
  subject: Pick<HookSubject, "hooks" | "keys" | "now" | "fetch">,
  { headers, body }: Posted,
  seen: Map<string, string> = new Map(),
): Promise<Result<HookReading, HookRefusal>> {
  const request = { headers: new Headers(headers), body: bytesOf(body) };
  return receive(subject.hooks, subject.keys, request, {
    now: () => subject.now,
    fetch: subject.fetch ?? unreachable,
    once: async (token, digest) => {
      const known = seen.get(token) ?? digest;
      seen.set(token, known);
      return known === digest;
    },
  });
}

/** Keys of which only the given ones are configured. */
export const keysOf = (given: Partial<HookKeys>): HookKeys => ({
  basic: [],
  bearer: [],
  header: null,
  signing: [],
  topics: [],
  handles: [],
  ...given,
});

/** The headers of HTTP Basic authentication. */
export const basic = (credentials: string) => ({
  authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
});

const without = ({ headers, body }: Posted, names: readonly string[]): Posted => ({
  headers: Object.fromEntries(
    Object.entries(headers).filter(([name]) => !names.includes(name.toLowerCase())),
  ),
  body,
});

/** The event once for each place in it, which holds what no number and no text can be made of. */
function spoiled(event: unknown): unknown[] {
  const all: unknown[] = [];
  const json = JSON.stringify(event);
  for (let at = 0, places = 1; at < places; at++) {
    places = 0;
    all.push(JSON.parse(json, (_, value) => (places++ === at ? { toString: 1 } : value)));
  }
  return all;
}

/** Runs the suite. */
export function webhookContract(name: string, subject: HookSubject): void {
  const [[first] = [undefined]] = Object.values(subject.events);
  const refusalOf = async (posted: Posted, seen?: Map<string, string>) => {
    const result = await postTo(subject, posted, seen);
    return result.ok ? "taken" : result.error.reason;
  };

  describe(`${name}'s webhook`, () => {
    describe("reads", () => {
      for (const [title, [event, wanted]] of Object.entries(subject.events)) {
        test(title, async () => {
          const result = await postTo(subject, await subject.post([event]));
          if (!result.ok) throw new Error(`${result.error.reason}: ${result.error.text}`);
          expect(result.value.unknown).toEqual([]);
          expect(result.value.events).toHaveLength(wanted.length);
          result.value.events.forEach((read, index) => {
            const { text, ...exact } = wanted[index] as Wanted;
            expect(read).toMatchObject(exact);
            if (text instanceof RegExp) expect(read.text).toMatch(text);
            else if (text !== undefined) expect(read.text).toBe(text);
            expect(read.raw).toBeDefined();
          });
        });
      }

      test("several recipients, each for itself", async () => {
        const [events, wanted] = subject.several;
        const readings = subject.batches
          ? [await postTo(subject, await subject.post(events))]
          : await Promise.all(
              events.map(async (one) => postTo(subject, await subject.post([one]))),
            );
        const read = readings.flatMap((one) => (one.ok ? one.value.events : []));
        const short = ({ type, address }: Wanted) => `${type} ${address}`;
        expect(read.map(short).sort()).toEqual(wanted.map(short).sort());
        expect(wanted.length).toBeGreaterThan(1);
      });

      test("several events of mixed types in one request", async () => {
        const all = Object.values(subject.events);
        const posted = await subject.post(all.map(([event]) => event));
        const result = await postTo(subject, posted);
        const count = result.ok ? result.value.events.length : -1;
        const each = all.reduce((sum, [, wanted]) => sum + wanted.length, 0);
        // A provider that sends one a request never sends an array.
        expect(count).toBe(subject.batches ? each : -1);
      });

      test("whatever stands in whatever place of an event, with nothing thrown", async () => {
        for (const [event] of Object.values(subject.events)) {
          for (const one of spoiled(event)) {
            const { headers, body } = await subject.post([one]);
            const read = subject.hooks.read({ headers: new Headers(headers), body: bytesOf(body) });
            const events = read.ok ? read.value.events : [];
            expect(events.every(({ at }) => Number.isSafeInteger(at))).toBe(true);
            for (const { at: _, bounce: __, raw: ___, ...texts } of events) {
              const kinds = new Set(Object.values(texts).map((text) => typeof text));
              expect([...kinds].filter((kind) => !/string|undefined/.test(kind))).toEqual([]);
            }
          }
        }
      });

      test("a type that nobody knows as unknown, kept as it came", async () => {
        const result = await postTo(subject, await subject.post([subject.unknown]));
        if (!result.ok) throw new Error(result.error.reason);
        expect(result.value.events).toEqual([]);
        expect(result.value.unknown).toHaveLength(1);
        expect(JSON.stringify(result.value.unknown[0]?.raw).length).toBeGreaterThan(2);
      });
    });

    describe("refuses", () => {
      test("a request without proof", async () => {
        const posted = await subject.post([first]);
        const bare = subject.stripProof?.(posted) ?? without(posted, subject.proofHeaders);
        expect(await refusalOf(bare)).toBe("missing_proof");
      });

      test("each part of the proof missing", async () => {
        for (const header of subject.proofHeaders) {
          const posted = await subject.post([first]);
          expect(await refusalOf(without(posted, [header]))).toMatch(/^(missing|bad)_proof$/);
        }
      });

      test("the proof of another key", async () => {
        expect(await refusalOf(await subject.forge([first]))).toBe("bad_proof");
      });

      test("proof that is garbage", async () => {
        for (const garbage of ["", " ", "x", "Basic", "%%%", "v1,", "=".repeat(9_000), "\u00ff"]) {
          const posted = await subject.post([first]);
          for (const header of subject.proofHeaders) {
            const headers = { ...posted.headers, [header]: garbage };
            expect(await refusalOf({ ...posted, headers })).toMatch(/^(missing|bad)_proof|stale$/);
          }
        }
      });

      test("a source without a secret", async () => {
        const bare = { ...subject, keys: keysOf({}) };
        const result = await postTo(bare, await subject.post([first]));
        const own = subject.hooks.prove !== undefined && (subject.hooks.provesBy ?? null) === null;
        expect(result.ok ? "taken" : result.error.reason).toBe(own ? "taken" : "not_configured");
      });

      test("a body that was changed", async () => {
        const { tamper } = subject;
        const posted = await subject.post([first]);
        if (tamper !== null) expect(await refusalOf(tamper(posted))).toBe("bad_proof");
        else expect(subject.once === true || subject.hooks.proof === "credentials").toBe(true);
      });

      test("a proof that is too old, or from the future", async () => {
        const { postAged, windowMs = 0 } = subject;
        // Only what signs nothing signs no time.
        if (postAged === undefined) return expect(subject.hooks.proof).toBe("credentials");
        expect(await refusalOf(await postAged([first], windowMs - 2_000))).toBe("taken");
        expect(await refusalOf(await postAged([first], windowMs + 2_000))).toBe("stale");
        expect(await refusalOf(await postAged([first], -(windowMs + 2_000)))).toBe("stale");
      });

      test("a proof used again with another body; the same request reads the same", async () => {
        const seen = new Map<string, string>();
        const posted = await subject.post([first]);
        const [one, two] = [
          await postTo(subject, posted, seen),
          await postTo(subject, posted, seen),
        ];
        expect(two).toEqual(one);
        expect(one.ok).toBe(true);
        if (!subject.once) return;
        const swapped = await subject.post([subject.unknown]);
        const mixed = subject.tamper === null ? mixProof(posted, swapped) : swapped;
        expect(await refusalOf(mixed, seen)).toBe("replayed");
      });

      test("what is malformed, with nothing thrown", async () => {
        const given = subject.malformed;
        for (const posted of typeof given === "function" ? await given() : given) {
          expect(await refusalOf(posted)).toBe("malformed");
        }
      });

      test.runIf(subject.batches)("more events than any provider sends", async () => {
        const many = Array.from({ length: EVENTS_MAX + 1 }, () => first);
        expect(await refusalOf(await subject.post(many))).toBe("too_large");
      });

      test("a body over its limit on size, before anything else is looked at", async () => {
        const { bytesMax } = subject.hooks;
        expect(bytesMax).toBeGreaterThanOrEqual(65_536);
        expect(bytesMax).toBeLessThanOrEqual(8 * 1_048_576);
        const posted = await subject.post([first]);
        const whole = bytesOf(posted.body);
        const large = new Uint8Array(bytesMax + 1).fill(0x20);
        large.set(whole);
        expect(await refusalOf({ ...posted, body: large })).toBe("too_large");
        expect(await refusalOf({ headers: {}, body: large })).toBe("too_large");
      });
    });
  });

  /** The proof of one request with what another says, where both are fields of a JSON body. */
  function mixProof(proof: Posted, said: Posted): Posted {
    const text = (body: Posted["body"]) => new TextDecoder().decode(bytesOf(body));
    const mixed = {
      ...JSON.parse(text(said.body)),
      signature: JSON.parse(text(proof.body)).signature,
    };
    return { headers: said.headers, body: JSON.stringify(mixed) };
  }
}
