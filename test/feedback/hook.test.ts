import { expect, test } from "vitest";
import { ok } from "../../src/core/result.ts";
import { type HookDeps, takeHook } from "../../src/feedback/hook.ts";

const URL = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336412f37";

/** Takes a request that asks for a subscription to be confirmed. */
async function confirming(confirm: HookDeps["confirm"]) {
  const logged: string[] = [];
  const source = {
    bytesMax: 1,
    stopStatus: 400,
    receive: async () => ok({ events: [], unknown: [], confirm: URL }),
  };
  const taken = await takeHook(
    "ses",
    source,
    { headers: new Headers(), body: new Uint8Array() },
    {
      now: () => 1,
      journal: async () => {},
      confirm,
      log: (event, fields) => logged.push(JSON.stringify([event, fields])),
    },
  );
  return { taken, logged };
}

test("a subscription that is confirmed is taken, and one that is not comes again", async () => {
  const asked: string[] = [];
  const yes = await confirming(async (url) => asked.push(url) > 0);
  expect([asked, yes.taken.ok]).toEqual([[URL], true]);
  const no = await confirming(async () => false);
  expect(no.taken).toMatchObject({ error: { reason: "unavailable" } });
});

test("what goes wrong while confirming is logged without the URL, which has a token", async () => {
  const failure = new TypeError(`Fetch API cannot load: ${URL}`);
  const { taken, logged } = await confirming(() => Promise.reject(failure));
  expect(taken).toMatchObject({ error: { reason: "unavailable" } });
  expect(logged.join()).toContain("TypeError");
  expect(logged.join()).not.toContain("Token");
});
