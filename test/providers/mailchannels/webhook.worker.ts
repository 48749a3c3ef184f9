/** In the Workers runtime Ed25519 proves the same requests as in Node. */
import { expect, test } from "vitest";
import { hooks } from "../../../src/providers/mailchannels/webhook.ts";
import { receive } from "../../../src/providers/receive.ts";
import { keyServer, makeKey, signedBy } from "./signed.ts";

const utf8 = (text: string) => Uint8Array.from(new TextEncoder().encode(text));

const AT = Date.UTC(2026, 10, 5, 16, 33, 54);
const keys = {
  basic: [],
  bearer: [],
  header: null,
  signing: [],
  topics: [],
  handles: ["acme1"],
};

test("a webhook is proved by the Workers runtime's own cryptography", async () => {
  const key = await makeKey("mckey");
  const event = { event: "delivered", customer_handle: "acme1", recipients: ["ann@example.net"] };
  const body = utf8(JSON.stringify([event]));
  const headers = await signedBy(key, body, AT);
  const reasonOf = async (given: object, posted = body) => {
    const request = { headers: new Headers({ ...headers, ...given }), body: posted };
    const deps = { now: () => AT, fetch: keyServer([key]), once: async () => true };
    const result = await receive(hooks, keys, request, deps);
    return result.ok ? result.value.events.map(({ type }) => type) : result.error.reason;
  };
  expect(await reasonOf({})).toEqual(["delivered"]);
  expect(await reasonOf({}, utf8("[]"))).toBe("bad_proof");
  const label = (headers.signature ?? "").split("=")[0];
  expect(await reasonOf({ signature: `${label}=:${btoa("x".repeat(64))}:` })).toBe("bad_proof");
});

test("the Workers runtime follows no redirect for a key", async () => {
  const key = await makeKey("redirected");
  const body = utf8(JSON.stringify([{ customer_handle: "acme1" }]));
  const request = { headers: new Headers(await signedBy(key, body, AT)), body };
  const inits: (RequestInit | undefined)[] = [];
  const fetch: typeof globalThis.fetch = async (_input, init) => {
    inits.push(init);
    // The runtime refuses options that it does not know.
    new Request("https://api.mailchannels.net/", init as RequestInit);
    return new Response(null, { status: 302, headers: { location: "https://elsewhere.example" } });
  };
  const deps = { now: () => AT, fetch, once: async () => true };
  const result = await receive(hooks, keys, request, deps);
  expect(result.ok ? "taken" : result.error.reason).toBe("unavailable");
  expect(inits).toHaveLength(1);
});
