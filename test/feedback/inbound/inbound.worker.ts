import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { returnPath } from "../../../src/core/return-path.ts";
import { createSigner } from "../../../src/core/signer.ts";
import worker from "../../../src/index.ts";
import { Client, until } from "../../support/worker/client.ts";
import { testConfig } from "../../support/worker/config.ts";
import * as fixtures from "./fixtures.ts";

/** The source that carries the mail, as the email handler has it: a relay with a return path. */
const SOURCE = "plain";
const relay = {
  ...{ provider: "smtp", host: "localhost", time_limit_ms: 1_000 },
  return_path: "bounces.example.com",
};
const POSTERN = { ...testConfig, sources: { ...testConfig.sources, [SOURCE]: relay } };
const bindings = { ...env, POSTERN };

const signer = await createSigner(env.POSTERN_SECRET);
const pathOf = (id: string, source = SOURCE): Promise<string> =>
  returnPath(signer, source, id, { before: "b-", domain: "bounces.example.com" });

/** Hands a mail to the email handler; the reason if it was refused. */
async function receive(to: string, raw: Uint8Array, from = ""): Promise<string> {
  const { body } = new Response(raw);
  let refused = "";
  const setReject = (reason: string): void => {
    refused = reason;
  };
  const nothing = () => Promise.reject(new Error("not here"));
  const message = {
    ...{ from, to, raw: body as ReadableStream<Uint8Array>, rawSize: raw.length },
    ...{ headers: new Headers(), setReject, forward: nothing, reply: nothing },
  };
  await worker.email(message, bindings);
  return refused;
}

/** A report of now on another address. */
const report = (raw: Uint8Array, address: string): Uint8Array => {
  const text = new TextDecoder()
    .decode(raw)
    .replaceAll("jane.roe@customer.example", address)
    .replace(/^((?:Last-Attempt-)?Date): .*$/gm, `$1: ${new Date().toUTCString()}`);
  return new TextEncoder().encode(text);
};

let client: Client;
beforeAll(async () => {
  client = await Client.make({ mode: "live" });
});

const sent = async (to: string): Promise<string> => {
  const id = await client.send({ from: "news@example.com", to, stream: "plain" });
  await client.when(id, "sent", "delivered");
  return id;
};

const suppressions = async (): Promise<string> => (await client.get("/suppressions")).text();

describe("the email handler", () => {
  test("a bounce shows at the email, and keeps mail from the address", async () => {
    const to = "gone.person@customer.example";
    const id = await sent(to);
    const path = (await pathOf(id)).toUpperCase();
    expect(await receive(path, report(fixtures.GMAIL, to))).toBe("");
    const read = await client.when(id, "bounced");
    expect(read.recipients).toMatchObject([
      { state: "bounced", code: "5.1.1", bounce: { kind: "hard", category: "recipient" } },
    ]);
    expect(read.timeline.at(-1)).toMatchObject({ type: "bounced" });
    await until(suppressions, (text) => text.includes(to));
    const again = await client.send({ from: "news@example.com", to, stream: "plain" });
    await client.when(again, "suppressed");
  });

  test("a report that comes twice counts once", async () => {
    const to = "full.person@customer.example";
    const id = await sent(to);
    const path = await pathOf(id);
    const raw = report(fixtures.EXIM_DELAYED, to);
    for (let i = 0; i < 2; i++) await receive(path, raw);
    const read = await until(
      () => client.read(id),
      ({ timeline }) => timeline.some(({ type }) => type === "deferred"),
    );
    expect(read.recipients[0]?.state).not.toBe("bounced");
    await client.quiet();
    const { timeline } = await client.read(id);
    expect(timeline.filter(({ type }) => type === "deferred")).toHaveLength(1);
  });

  test.each([
    ["return path", "angry.person", async (id: string) => `Return-Path: <${await pathOf(id)}>`],
    ["id", "cross.person", async (id: string) => `X-Postern-Id: ${id}`],
  ])("a complaint is told by the %s of the mail complained of", async (_of, name, field) => {
    const to = `${name}@customer.example`;
    const id = await sent(to);
    const raw = fixtures.arf(["Feedback-Type: abuse"], [await field(id)]);
    expect(await receive("fbl@example.com", report(raw, to), "feedback@loop.example")).toBe("");
    await until(
      () => client.read(id),
      ({ recipients }) => recipients[0]?.complained === true,
    );
    await until(suppressions, (text) => text.includes(to));
  });

  test("what is to nobody here is refused for good", async () => {
    const id = await sent("safe.person@customer.example");
    for (const path of [await pathOf(id, "silent"), "bounces@bounces.example.com", ""]) {
      expect(await receive(path, report(fixtures.POSTFIX, "a@b.example"))).toMatch(/^5\.1\.1 /);
    }
    await client.quiet();
    expect((await client.read(id)).recipients[0]?.state).not.toBe("bounced");
  });

  test("what the queue does not take now is left with the server that brings it", async () => {
    const id = await sent("later.person@customer.example");
    const JOURNAL = { sendBatch: () => Promise.reject(new Error("away")) } as unknown as Queue;
    const { body } = new Response(report(fixtures.POSTFIX, "later.person@customer.example"));
    const refused: string[] = [];
    const message = {
      ...{ from: "", to: await pathOf(id), raw: body, rawSize: 1, headers: new Headers() },
      ...{ setReject: (reason: string) => refused.push(reason) },
    } as unknown as ForwardableEmailMessage;
    const broken = { ...bindings, JOURNAL };
    const taking = worker.email(message, broken);
    await expect(taking).rejects.toThrow("cannot be taken");
    expect(refused).toEqual([]);
  });
});
