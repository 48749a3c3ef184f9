import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import { expect, test } from "vitest";
import { deliver, RESPONSE_MAX } from "../../../src/feedback/webhooks-out/attempt.ts";
import { endpointSecret, signingKeys } from "../../../src/feedback/webhooks-out/sign.ts";
import { endpoint, NOW, type Received, type Receiver, signer, World } from "./world.ts";

const PAYLOAD = '{"type":"email.delivered","data":{"subject":"Grüße 👋"}}';
const HOUR = 3_600_000;

async function post(receiver: Receiver, to = endpoint(), at = Date.now()) {
  const world = new World(to);
  world.now = at;
  world.receiver = receiver;
  const keys = await signingKeys(signer, to, at);
  const event = { event: "019aabcd-1111-8222-8333-444444444444", payload: PAYLOAD };
  const attempted = await deliver(to, event, keys, world.deps);
  return { ...attempted, received: world.received[0] };
}

function sent(received: Received | undefined): Received {
  if (received === undefined) throw new Error("nothing was sent");
  return received;
}

const ok: Receiver = () => new Response("thanks");
const secret = (version: number) => endpointSecret(signer, "e1", version);

test("the standard's own library takes what is sent, by its names and by Svix's", async () => {
  const { received, attempt } = await post(ok);
  const { body, headers } = sent(received);
  const parsed = JSON.parse(PAYLOAD);
  expect(new Standard(await secret(1)).verify(body, headers)).toEqual(parsed);
  const only = (family: string) =>
    Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith(family)));
  const [right, wrong] = [new Svix(await secret(1)), new Svix(await secret(2))];
  for (const family of ["svix-", "webhook-"]) {
    expect(() => right.verify(body, only(family)), family).not.toThrow();
    expect(() => wrong.verify(body, only(family)), family).toThrow(/signature/i);
  }
  expect(headers["webhook-id"]).toBe("019aabcd-1111-8222-8333-444444444444");
  expect(attempt).toMatchObject({ status: 200, reason: "", response: "thanks" });
});

test("a secret is 32 bytes of its own: per endpoint, version and installation", async () => {
  expect(await secret(1)).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
  expect(await endpointSecret(signer, "e2", 1)).not.toBe(await secret(1));
  expect(await secret(2)).not.toBe(await secret(1));
});

test("another secret, another body, another time or another id does not pass", async () => {
  const { received } = await post(ok);
  const { body, headers } = sent(received);
  const wrong = (given: Record<string, string>, text = body) =>
    secret(1).then((right) => () => new Standard(right).verify(text, { ...headers, ...given }));
  expect(await wrong({})).not.toThrow();
  const other = await secret(2);
  expect(() => new Standard(other).verify(body, headers)).toThrow(/signature/i);
  expect(await wrong({}, `${body} `)).toThrow(/signature/i);
  expect(await wrong({ "webhook-id": "other" })).toThrow(/signature/i);
  const old = String(Number(headers["webhook-timestamp"]) - 600);
  expect(await wrong({ "webhook-timestamp": old })).toThrow(/old/i);
});

test("while a secret is being replaced, both the old and the new one prove it", async () => {
  const at = Date.now();
  const rotated = endpoint({
    version: 3,
    previous: [[1, at - 1] as const, [2, at + HOUR] as const],
  });
  const { received } = await post(ok, rotated, at);
  const { body, headers } = sent(received);
  expect(headers["webhook-signature"]?.split(" ")).toHaveLength(2);
  for (const version of [2, 3]) {
    const right = await secret(version);
    expect(() => new Standard(right).verify(body, headers)).not.toThrow();
  }
  const over = await secret(1);
  expect(() => new Standard(over).verify(body, headers)).toThrow();
  const later = await post(ok, rotated, at + HOUR);
  expect(later.received?.headers["webhook-signature"]?.split(" ")).toHaveLength(1);
});

test("any 2xx succeeds, nothing else does", async () => {
  for (const status of [200, 201, 202, 204, 299]) {
    const body = status === 204 ? null : "x";
    expect((await post(() => new Response(body, { status }))).ok, String(status)).toBe(true);
  }
  for (const [status, reason] of [
    [301, "redirect"],
    [307, "redirect"],
    [304, "redirect"],
    [400, "status"],
    [500, "status"],
    [410, "gone"],
  ] as const) {
    const headers = { location: "https://elsewhere.com/" };
    const given = await post(() => new Response(null, { status, headers }));
    expect(given, String(status)).toMatchObject({ ok: false, gone: status === 410 });
    expect(given.attempt).toMatchObject({ status, reason });
  }
});

test("a redirect is not followed", async () => {
  const { received } = await post(ok);
  expect(received?.init).toMatchObject({ method: "POST", redirect: "manual" });
});

test("no answer is an attempt that failed, in time or not", async () => {
  const broken = await post(() => {
    throw new TypeError("connection reset");
  });
  expect(broken).toMatchObject({ ok: false, gone: false, retryAfterMs: null });
  expect(broken.attempt).toMatchObject({ status: 0, reason: "unreachable" });

  const world = new World(endpoint());
  const never = (_: unknown, init?: RequestInit) =>
    new Promise<Response>((_resolve, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
  let limit = 0;
  const slow = await deliver(endpoint(), { event: "e", payload: "{}" }, [], {
    ...world.deps,
    fetch: never as typeof fetch,
    timeLimit: (ms) => {
      limit = ms;
      return AbortSignal.timeout(5);
    },
  });
  expect(slow.attempt).toMatchObject({ status: 0, reason: "timeout" });
  expect(limit).toBe(15_000);
});

test("Retry-After is told of failures", async () => {
  const headers = { "retry-after": "7" };
  const busy = await post(() => new Response("", { status: 429, headers }));
  expect(busy.retryAfterMs).toBe(7_000);
  expect((await post(() => new Response("", { status: 200, headers }))).retryAfterMs).toBeNull();
});

test("of an answer that never ends only the beginning is read", async () => {
  let cancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("a".repeat(700))),
    cancel() {
      cancelled = true;
    },
  });
  const { attempt, ok: good } = await post(() => new Response(endless, { status: 500 }));
  expect(good).toBe(false);
  expect(attempt.response).toHaveLength(RESPONSE_MAX);
  expect(cancelled).toBe(true);
});

test("a body that breaks off does not change what the status said", async () => {
  const broken = new ReadableStream({ start: (controller) => controller.error(new Error("x")) });
  expect((await post(() => new Response(broken))).ok).toBe(true);
});

test("a target that is not public is not asked", async () => {
  for (const url of ["http://hooks.acme.com/", "https://10.0.0.1/", "http://localhost:80/"]) {
    const { received, attempt } = await post(ok, endpoint({ url }), NOW);
    expect(received, url).toBeUndefined();
    expect(attempt.reason).toBe("target_refused");
  }
  const world = new World(endpoint());
  const deps = { ...world.deps, allowLocal: true };
  const event = { event: "e", payload: "{}" };
  const local = await deliver({ url: "http://127.0.0.1:9/in" }, event, [], deps);
  expect(local.ok).toBe(true);
});
