/** The emulated service as another Worker's binding, as it is bound on this machine. */
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { cloudflare } from "../../../src/providers/cloudflare/send.ts";
import type { EmailBinding } from "../../../src/providers/provider.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL } from "../../contract/messages.ts";
import { cloudflareEmulator, EMAIL_ENTRYPOINT, emailWorker } from "../../emulator/cloudflare.ts";
import type { Emulator } from "../../emulator/emulator.ts";

/** Calls its own EMAIL binding with what it is posted, and tells what came of it. */
const CALLER = `export default {
  async fetch(request, env) {
    try {
      return Response.json(await env.EMAIL.send(await request.json()));
    } catch (error) {
      return Response.json({ code: error.code, message: error.message }, { status: 500 });
    }
  },
};`;

const COMPATIBILITY_DATE = "2026-11-01";

let emulator: Emulator;
let miniflare: Miniflare;
let url: URL;

beforeAll(async () => {
  emulator = await cloudflareEmulator.start();
  const worker = { modules: true, compatibilityDate: COMPATIBILITY_DATE };
  miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [
        {
          ...worker,
          name: "postern",
          script: CALLER,
          serviceBindings: { EMAIL: { name: "email", entrypoint: EMAIL_ENTRYPOINT } },
        },
        { ...worker, name: "email", script: emailWorker(emulator.url) },
      ],
      ...{ host: "127.0.0.1", port: 0, cf: false, telemetry: { enabled: false } },
      log: new Log(LogLevel.ERROR),
    } as Parameters<typeof convertV4MiniflareOptions>[0]),
  );
  url = await miniflare.ready;
});
beforeEach(() => emulator.reset());
afterAll(async () => {
  await miniflare.dispose();
  await emulator.close();
});

/** The binding inside the runtime, seen from here. */
const binding: EmailBinding = {
  async send(message) {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(message) });
    const answer = (await response.json()) as Record<string, string>;
    if (response.ok) return answer;
    throw Object.assign(new Error(answer.message), { code: answer.code });
  },
};

const sent = async () => {
  const under = { definition: cloudflare, emulator: cloudflareEmulator };
  const deps = () => ({ email: () => binding });
  return await makeProvider({ ...under, deps }, emulator).send(FULL, depsFor());
};

test("a message goes through the binding into the emulator, and its id comes back", async () => {
  const outcome = await sent();
  const [accepted] = emulator.counts().accepted;
  expect(accepted).toMatchObject({ key: FULL.id, count: 1 });
  const providerMessageId = accepted?.providerIds[0];
  expect(outcome).toEqual({ kind: "accepted", providerMessageId, refused: [] });
});

test("an error keeps its code on the way between two Workers", async () => {
  emulator.control({ mode: "error", status: 400, name: "E_SENDER_NOT_VERIFIED" });
  expect(await sent()).toMatchObject({ kind: "rejected", fault: "sender" });
  emulator.control({ mode: "throttle" });
  expect(await sent()).toMatchObject({ kind: "throttled" });
});

test("a connection that is lost behind the binding is an ambiguous outcome", async () => {
  emulator.control({ mode: "accept_reset" });
  expect(await sent()).toMatchObject({ kind: "ambiguous" });
  expect(emulator.counts().acceptances).toBe(1);
});
