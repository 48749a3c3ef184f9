import { expect, test } from "vitest";
import { createKeyring } from "../../../src/providers/mailchannels/keys.ts";
import { keyServer, makeKey } from "./signed.ts";

const KEY = await makeKey("mckey");
const HOUR_MS = 3_600_000;
const AT = 1_793_896_434_000;

const at = (ms: number, fetch: typeof globalThis.fetch) => ({ now: () => AT + ms, fetch });
const unreachable: typeof fetch = () => Promise.reject(new TypeError("unreachable"));
const answering =
  (answer: () => Response): typeof fetch =>
  async () =>
    answer();

const reasonOf = async (asked: ReturnType<ReturnType<typeof createKeyring>>) => {
  const result = await asked;
  return result.ok ? result.value : result.error.reason;
};

test("a key is asked for at MailChannels' own address and nowhere else, once an hour", async () => {
  const keyring = createKeyring();
  const asked: string[] = [];
  const inits: (RequestInit | undefined)[] = [];
  const server = keyServer([KEY], asked);
  const fetch: typeof globalThis.fetch = (input, init) => {
    inits.push(init);
    return server(input, init);
  };
  for (const ms of [0, 1, HOUR_MS - 1]) {
    expect(await reasonOf(keyring("mckey", at(ms, fetch)))).toBe(KEY.publicKey);
  }
  expect(asked).toEqual(["https://api.mailchannels.net/tx/v1/webhook/public-key?id=mckey"]);
  expect(inits[0]).toMatchObject({ redirect: "manual" });
  expect(inits[0]?.signal).toBeInstanceOf(AbortSignal);
  expect(await reasonOf(keyring("mckey", at(HOUR_MS, fetch)))).toBe(KEY.publicKey);
  expect(asked).toHaveLength(2);
});

test("a key that MailChannels has no more is believed no more", async () => {
  const keyring = createKeyring();
  await keyring("mckey", at(0, keyServer([KEY])));
  expect(await reasonOf(keyring("mckey", at(HOUR_MS, keyServer([]))))).toBe("bad_proof");
  expect(await reasonOf(keyring("mckey", at(HOUR_MS + 1, unreachable)))).toBe("unavailable");
});

test("while MailChannels cannot be asked, a key goes on for a day", async () => {
  const keyring = createKeyring();
  await keyring("mckey", at(0, keyServer([KEY])));
  expect(await reasonOf(keyring("mckey", at(23 * HOUR_MS, unreachable)))).toBe(KEY.publicKey);
  expect(await reasonOf(keyring("mckey", at(24 * HOUR_MS, unreachable)))).toBe("unavailable");
});

test("an answer that is none leaves the key unknown", async () => {
  const answers: Readonly<Record<string, () => Response>> = {
    redirect: () => new Response(null, { status: 302, headers: { location: "https://x.example" } }),
    error: () => new Response("", { status: 503 }),
    throttled: () => new Response("", { status: 429 }),
    empty: () => new Response(""),
    "another id": () => Response.json({ id: "other", key: KEY.publicKey }),
    "no key": () => Response.json({ id: "mckey", key: 5 }),
    large: () => new Response(`{"id":"mckey","key":"${"A".repeat(5_000)}"}`),
  };
  for (const [name, answer] of Object.entries(answers)) {
    const asked = createKeyring()("mckey", at(0, answering(answer)));
    expect(await reasonOf(asked), name).toBe("unavailable");
  }
});

test("an id that cannot be one is not asked for", async () => {
  for (const id of ["", "a b", "../x", "é", "a".repeat(65), "x&id=y"]) {
    expect(await reasonOf(createKeyring()(id, at(0, unreachable)))).toBe("bad_proof");
  }
});

test("whoever names keys that do not exist is not passed on to MailChannels for long", async () => {
  const keyring = createKeyring();
  const asked: string[] = [];
  const server = keyServer([KEY], asked);
  await keyring("mckey", at(0, server));
  const reasons: string[] = [];
  for (let n = 0; n < 30; n++) reasons.push(await reasonOf(keyring(`made-up-${n}`, at(1, server))));
  expect(asked).toHaveLength(10);
  expect(reasons.filter((one) => one === "unavailable")).toHaveLength(21);
  expect(await reasonOf(keyring("mckey", at(2, server)))).toBe(KEY.publicKey);
  expect(await reasonOf(keyring("made-up-99", at(60_001, server)))).toBe("bad_proof");
});

test("keys that do not exist cannot keep one that does from being confirmed", async () => {
  const keyring = createKeyring();
  await keyring("mckey", at(0, keyServer([KEY])));
  for (let n = 0; n < 30; n++) await keyring(`made-up-${n}`, at(25 * HOUR_MS, keyServer([KEY])));
  expect(await reasonOf(keyring("mckey", at(25 * HOUR_MS, keyServer([KEY]))))).toBe(KEY.publicKey);
});

test("a key that was believed once is asked for ten times a minute at most", async () => {
  const keyring = createKeyring();
  await keyring("mckey", at(0, keyServer([KEY])));
  let asked = 0;
  const down: typeof fetch = () => {
    asked += 1;
    return Promise.reject(new TypeError("unreachable"));
  };
  for (let n = 0; n < 30; n++) await keyring("mckey", at(HOUR_MS + n, down));
  expect(asked).toBe(10);
});

test("it holds eight keys, the oldest of which is asked for again", async () => {
  const keyring = createKeyring();
  const keys = Array.from({ length: 9 }, (_, n) => ({ ...KEY, id: `key-${n}` }));
  const asked: string[] = [];
  for (const { id } of keys) await keyring(id, at(0, keyServer(keys, asked)));
  await keyring("key-8", at(1, keyServer(keys, asked)));
  expect(asked).toHaveLength(9);
  await keyring("key-0", at(1, keyServer(keys, asked)));
  expect(asked).toHaveLength(10);
});
