import { describe, expect, test } from "vitest";
import type { Question } from "../../../src/verify/dns/answer.ts";
import { createResolver, REQUESTS_MAX } from "../../../src/verify/dns/resolver.ts";
import { answerTo } from "../../support/doh/answer.ts";
import type { Fault, Zone } from "../../support/doh/zone.ts";
import { createClock } from "./clock.ts";

const HEDGE_MS = 400;
const TIME_LIMIT_MS = 2_000;

const zone: Zone = (name) =>
  name.startsWith("none") ? null : { mx: [[10, `mx.${name}`]], a: ["1.1.1.1"] };

/** What a resolver does with a question: a fault, an answer, or an answer when it is told. */
type Does = Fault | "answer" | "wait";

/** Resolvers `http://0/`, `http://1/`, ... whose answers come at once, without sockets. */
function world(does: (url: number, name: string) => Does, urls = 2) {
  const clock = createClock();
  const requests: string[] = [];
  const aborted: string[] = [];
  const waiting: (() => void)[] = [];
  const counted = { question: 0, request: 0 };
  let open = 0;
  let openMax = 0;

  const fetcher: typeof fetch = async (input, init) => {
    const url = Number(new URL(String(input)).host.replace(/^r/, ""));
    const query = Buffer.from(init?.body as Uint8Array<ArrayBuffer>);
    const name = answerTo(zone, query).asked?.name ?? "?";
    const what = does(url, name);
    const told = answerTo(zone, query, what === "answer" || what === "wait" ? null : what).answer;
    requests.push(`${url} ${name}`);
    open += 1;
    openMax = Math.max(openMax, open);
    let ended = false;
    const end = (): void => {
      if (!ended) open -= 1;
      ended = true;
    };
    try {
      if (told === "dead") throw new TypeError("fetch failed");
      if (told === "slow" || what === "wait") {
        await new Promise<void>((resolve, reject) => {
          if (what === "wait") waiting.push(resolve);
          init?.signal?.addEventListener("abort", () => {
            aborted.push(`${url} ${name}`);
            end();
            reject(new DOMException("aborted", "AbortError"));
          });
        });
      }
      if (told === "slow") throw new Error("not reached");
      const { status, headers, body } = told;
      return new Response(Buffer.from(body), { status, headers: { ...headers } });
    } finally {
      end();
    }
  };

  const resolve = createResolver(
    {
      urls: Array.from({ length: urls }, (_, at) => `http://r${at}/`),
      hedgeMs: HEDGE_MS,
      timeLimitMs: TIME_LIMIT_MS,
    },
    {
      fetch: fetcher,
      after: clock.after,
      count: (what: "question" | "request", _: Question) => {
        counted[what] += 1;
      },
    },
  );
  return {
    clock,
    resolve,
    requests,
    aborted,
    waiting,
    counted,
    openMax: () => openMax,
    open: () => open,
  };
}

describe("two resolvers", () => {
  test("only the first is asked when it answers", async () => {
    const { resolve, requests, clock } = world(() => "answer");
    expect(await resolve("a.com", "MX")).toMatchObject({ kind: "records" });
    expect(requests).toEqual(["0 a.com"]);
    expect(clock.size()).toBe(0);
  });

  test("the second is asked at once when the first says nothing", async () => {
    for (const fault of ["servfail", "garbage", "http_500", "dead"] as const) {
      const { resolve, requests } = world((url) => (url === 0 ? fault : "answer"));
      expect(await resolve("a.com", "MX")).toMatchObject({ kind: "records" });
      expect(requests).toEqual(["0 a.com", "1 a.com"]);
    }
  });

  test("the second is asked after the hedge, and the slow one is given up", async () => {
    const { resolve, requests, aborted, clock } = world((url) => (url === 0 ? "slow" : "answer"));
    const answer = resolve("a.com", "MX");
    await clock.pass(HEDGE_MS - 1);
    expect(requests).toEqual(["0 a.com"]);
    await clock.pass(1);
    expect(await answer).toMatchObject({ kind: "records" });
    expect(requests).toEqual(["0 a.com", "1 a.com"]);
    expect(aborted).toEqual(["0 a.com"]);
    expect(clock.size()).toBe(0);
  });

  test("the first still counts when it answers before the second", async () => {
    const { resolve, waiting, aborted, clock } = world((url) => (url === 0 ? "wait" : "slow"));
    const answer = resolve("none.com", "MX");
    await clock.pass(HEDGE_MS + 10);
    waiting[0]?.();
    expect(await answer).toMatchObject({ kind: "nxdomain" });
    expect(aborted).toEqual(["1 none.com"]);
    expect(clock.size()).toBe(0);
  });

  test("a failure of the second does not end the first, and leaves its slot", async () => {
    const { resolve, waiting, clock, open } = world((url) => (url === 0 ? "wait" : "servfail"));
    const answer = resolve("a.com", "MX");
    await clock.pass(HEDGE_MS + 10);
    for (let at = 0; at < REQUESTS_MAX; at++) resolve(`b${at}.com`, "MX");
    await clock.settle();
    expect(open()).toBe(REQUESTS_MAX);
    waiting[0]?.();
    expect(await answer).toMatchObject({ kind: "records" });
  });

  test("a question stays open only when both say nothing, by failing or by silence", async () => {
    const both: [Does, Does, string][] = [
      ["slow", "slow", "timeout"],
      ["dead", "slow", "timeout"],
      ["servfail", "slow", "servfail"],
      ["slow", "refused", "servfail"],
      ["garbage", "dead", "servfail"],
      ["dead", "dead", "timeout"],
    ];
    for (const [first, second, kind] of both) {
      const { resolve, clock } = world((url) => (url === 0 ? first : second));
      const answer = resolve("a.com", "MX");
      await clock.pass(HEDGE_MS + TIME_LIMIT_MS);
      expect(await answer, `${first} ${second}`).toMatchObject({ kind });
      expect(clock.size()).toBe(0);
    }
  });

  test("a question never takes longer than hedge and time limit, whatever fetch does", async () => {
    const clock = createClock();
    const resolve = createResolver(
      { urls: ["http://r0/", "http://r1/"], hedgeMs: HEDGE_MS, timeLimitMs: TIME_LIMIT_MS },
      // Deaf to its signal.
      { fetch: () => new Promise(() => undefined), after: clock.after },
    );
    let answer: unknown = null;
    resolve("a.com", "MX").then((found) => {
      answer = found;
    });
    await clock.pass(HEDGE_MS + TIME_LIMIT_MS - 1);
    expect(answer).toBeNull();
    await clock.pass(1);
    expect(answer).toEqual({ kind: "timeout", why: "time_limit" });
  });

  test("who answered last is asked first, so that a dead resolver costs once", async () => {
    const { resolve, requests, clock } = world((url) => (url === 0 ? "slow" : "answer"));
    const first = resolve("a.com", "MX");
    await clock.pass(HEDGE_MS);
    await first;
    await resolve("b.com", "MX");
    await resolve("c.com", "MX");
    expect(requests).toEqual(["0 a.com", "1 a.com", "1 b.com", "1 c.com"]);
  });
});

test("one resolver alone, and three in turn", async () => {
  const alone = world(() => "servfail", 1);
  expect(await alone.resolve("a.com", "MX")).toMatchObject({ kind: "servfail" });
  expect(alone.requests).toHaveLength(1);
  const three = world((url) => (url === 2 ? "answer" : url === 1 ? "refused" : "slow"), 3);
  const answer = three.resolve("a.com", "MX");
  await three.clock.pass(HEDGE_MS);
  expect(await answer).toMatchObject({ kind: "records" });
  expect(three.requests).toEqual(["0 a.com", "1 a.com", "2 a.com"]);
});

describe("many questions", () => {
  const names = Array.from({ length: 40 }, (_, at) => `d${at}.com`);

  test("at most six requests are in flight, and every question is answered", async () => {
    const { resolve, waiting, open, openMax, clock, requests } = world(() => "wait");
    const all = Promise.all(names.map((name) => resolve(name, "MX")));
    await clock.settle();
    expect(open()).toBe(REQUESTS_MAX);
    while (requests.length < names.length || waiting.length > 0) {
      waiting.shift()?.();
      await clock.settle();
    }
    expect((await all).every(({ kind }) => kind === "records")).toBe(true);
    expect(openMax()).toBe(REQUESTS_MAX);
    expect(requests).toHaveLength(names.length);
  });

  test("a thousand that wait are served in their order", async () => {
    const { resolve, requests } = world(() => "answer");
    const waiting = Array.from({ length: 1_000 }, (_, at) => `w${at}.com`);
    await Promise.all(waiting.map((name) => resolve(name, "MX")));
    expect(requests).toEqual(waiting.map((name) => `0 ${name}`));
  });

  test("a silent first resolver holds up the first six for one hedge and no others", async () => {
    const { resolve, openMax, clock, requests } = world((url) => (url === 0 ? "slow" : "answer"));
    const all = Promise.all(names.map((name) => resolve(name, "MX")));
    await clock.pass(HEDGE_MS);
    expect((await all).every(({ kind }) => kind === "records")).toBe(true);
    expect(openMax()).toBe(REQUESTS_MAX);
    expect(requests.filter((one) => one.startsWith("0"))).toHaveLength(REQUESTS_MAX);
  });

  test("no slot is lost, whatever goes wrong", async () => {
    const faults: Does[] = ["answer", "slow", "dead", "servfail", "answer", "garbage", "slow"];
    const { resolve, openMax, clock, open } = world((url, name) => {
      const at = /^d(\d+)\./.exec(name)?.[1];
      return at === undefined ? "wait" : (faults[(Number(at) * (url + 3)) % 7] ?? "answer");
    });
    const all = Promise.all(names.map((name) => resolve(name, "MX")));
    for (let round = 0; round < names.length; round++) await clock.pass(TIME_LIMIT_MS);
    await all;
    expect(openMax()).toBeLessThanOrEqual(REQUESTS_MAX);
    expect([open(), clock.size()]).toEqual([0, 0]);
    for (const name of names) resolve(`free-${name}`, "MX");
    await clock.settle();
    expect(open()).toBe(REQUESTS_MAX);
  });

  test("both slots of a hedge are given back", async () => {
    const { resolve, clock, open, requests } = world((url, name) =>
      name.startsWith("free") ? "wait" : url === Number(name[1]) % 2 ? "slow" : "answer",
    );
    // Whoever answered last is asked first, and is the silent one for the next name.
    for (let at = 0; at < REQUESTS_MAX; at++) {
      const answer = resolve(`h${at}.com`, "MX");
      await clock.pass(HEDGE_MS);
      expect(await answer).toMatchObject({ kind: "records" });
    }
    expect(requests).toHaveLength(2 * REQUESTS_MAX);
    for (const name of names) resolve(`free-${name}`, "MX");
    await clock.settle();
    expect(open()).toBe(REQUESTS_MAX);
  });

  test("equal questions at a time are one, and later ones are asked again", async () => {
    const { resolve, counted } = world((url) => (url === 0 ? "servfail" : "answer"));
    const [one, other] = await Promise.all([resolve("a.com", "MX"), resolve("a.com", "MX")]);
    expect(one).toEqual(other);
    expect(counted).toEqual({ question: 1, request: 2 });
    await resolve("a.com", "A");
    await resolve("a.com", "MX");
    expect(counted).toEqual({ question: 3, request: 4 });
  });
});
