import { afterAll, beforeAll, expect, test } from "vitest";
import { postmark } from "../../../src/providers/postmark/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { outgoing } from "../../contract/messages.ts";
import type { Emulator } from "../../emulator/emulator.ts";
import { postmarkEmulator } from "../../emulator/postmark.ts";

const under = { definition: postmark, emulator: postmarkEmulator };
let emulator: Emulator;
beforeAll(async () => {
  emulator = await postmarkEmulator.start();
});
afterAll(() => emulator.close());

/** An adapter whose secrets are all of this value. */
function withSecret(value: string) {
  const { settings } = postmarkEmulator.source(emulator.url);
  const made = postmark.create(postmark.settings.parse(settings), {
    source: "main",
    secret: () => value,
    sandbox: () => Promise.resolve(null),
    email: () => null,
    connect: () => {
      throw new Error("no TCP here");
    },
  });
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

test("a message is found by our id under Postmark's, or not at all", async () => {
  const provider = makeProvider(under, emulator);
  const message = outgoing({ lane: "broadcast" });
  expect(await provider.lookup?.(message, depsFor())).toEqual({
    ok: true,
    value: { kind: "none" },
  });
  const sent = await provider.send(message, depsFor());
  const providerMessageId = sent.kind === "accepted" ? sent.providerMessageId : "";
  const value = { kind: "accepted", providerMessageId };
  expect(await provider.lookup?.(message, depsFor())).toEqual({ ok: true, value });
});

test("each message stream is searched once", async () => {
  const asked: URL[] = [];
  const fetch = (input: string | URL | Request) => {
    asked.push(new URL(String(input)));
    return Promise.resolve(Response.json({ TotalCount: 0, Messages: [] }));
  };
  const streams = async (message_streams: object) => {
    asked.length = 0;
    await makeProvider(under, emulator, { message_streams }).lookup?.(
      outgoing(),
      depsFor(1000, { fetch }),
    );
    return asked.map(({ searchParams }) => searchParams.get("messagestream"));
  };
  expect(await streams({})).toEqual(["outbound", "broadcast"]);
  expect(await streams({ broadcast: "outbound" })).toEqual(["outbound"]);
  expect(asked[0]?.searchParams.get("metadata_postern_id")).toBe(outgoing().id);
});

test("a search that found another message, or cannot be read, is no answer", async () => {
  const other = { MessageID: "1", Metadata: { postern_id: "other" } };
  for (const body of [
    { TotalCount: 1, Messages: [other] },
    { TotalCount: 1, Messages: [] },
    { TotalCount: 0 },
    { TotalCount: 1, Messages: [{ Metadata: { postern_id: outgoing().id } }] },
    { TotalCount: 1, Messages: [null] },
  ]) {
    const fetch = () => Promise.resolve(Response.json(body));
    const provider = makeProvider(under, emulator);
    const found = await provider.lookup?.(outgoing(), depsFor(1000, { fetch }));
    expect(found, JSON.stringify(body)).toMatchObject({ ok: false });
  }
});

test("a refused question says so and shows no secret", async () => {
  const provider = withSecret("wrong-token");
  for (const answer of [
    await provider.lookup?.(outgoing(), depsFor()),
    await provider.identities?.(depsFor()),
  ]) {
    expect(answer).toEqual({
      ok: false,
      error: { retryAfterMs: null, text: "Postmark answered 401" },
    });
  }
});

test("the domains with a verified key are those that may send, over all pages", async () => {
  const domains = await makeProvider(under, emulator).identities?.(depsFor());
  expect(domains?.ok && domains.value).toHaveLength(251);
  expect(domains?.ok && domains.value.slice(0, 2)).toEqual(["acme.example", "d0.example"]);
});

test("a list of domains that cannot be read is no answer", async () => {
  const fetch = () => Promise.resolve(Response.json({ TotalCount: 1 }));
  const answer = await makeProvider(under, emulator).identities?.(depsFor(1000, { fetch }));
  expect(answer).toMatchObject({ ok: false });
});

test("without the account's token domains are not asked for", () => {
  const provider = makeProvider(under, emulator, { account_secret: undefined });
  expect(provider.identities).toBeUndefined();
});
