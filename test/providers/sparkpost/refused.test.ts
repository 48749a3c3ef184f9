import { describe, expect, test } from "vitest";
import { sparkpost } from "../../../src/providers/sparkpost/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL } from "../../contract/messages.ts";
import { sparkpostEmulator } from "../../emulator/sparkpost.ts";

const under = { definition: sparkpost, emulator: sparkpostEmulator };
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });

describe("recipients that SparkPost refuses", () => {
  async function refused(places: readonly number[], name = "named") {
    const emulator = await sparkpostEmulator.start();
    try {
      emulator.control({ refuse: places, name });
      const outcome = await makeProvider(under, emulator).send(FULL, depsFor());
      return { outcome, acceptances: emulator.counts().acceptances };
    } finally {
      await emulator.close();
    }
  }

  test("those that are named are left out of an accepted message", async () => {
    const { outcome, acceptances } = await refused([0, 2]);
    expect(outcome).toMatchObject({
      kind: "accepted",
      refused: [
        { address: "jane.roe@customer.example", code: "suppressed" },
        { address: "cc.person@bücher.example", code: "suppressed" },
      ],
    });
    expect(outcome.kind === "accepted" && outcome.refused[0]?.text).toMatch(
      /^recipient refused: \[\w+\] suppressed$/,
    );
    expect(acceptances).toBe(1);
  });

  test("those that are only counted do not make the accepted ones doubtful", async () => {
    const { outcome } = await refused([1], "unnamed");
    expect(outcome).toMatchObject({ kind: "accepted", refused: [] });
  });

  test("all of them are a rejected message", async () => {
    const { outcome, acceptances } = await refused([0, 1, 2, 3]);
    expect(outcome).toMatchObject(rejected("recipient", "suppressed"));
    expect(acceptances).toBe(0);
    const unnamed = await refused([0, 1, 2, 3], "unnamed");
    expect(unnamed.outcome).toMatchObject(rejected("recipient", "1902"));
  });

  async function named(description: string) {
    const emulator = await sparkpostEmulator.start();
    const error = { message: "refused", description, code: "1300" };
    const results = {
      id: "1",
      total_accepted_recipients: 3,
      total_rejected_recipients: 1,
      rcpt_to_errors: [error, null, "x"],
    };
    const answered = () => Promise.resolve(Response.json({ results }));
    const deps = depsFor(1000, { fetch: answered });
    const outcome = await makeProvider(under, emulator).send(FULL, deps);
    await emulator.close();
    return outcome.kind === "accepted" ? outcome.refused.map(({ address }) => address) : outcome;
  }

  test("an address is found in any dress, but not as part of a longer one", async () => {
    expect(await named("x.jane.roe@customer.example")).toEqual([]);
    expect(await named("'Jane.Roe@Customer.example'.")).toEqual(["jane.roe@customer.example"]);
    const given = "cc.person@bücher.example";
    expect(await named(`<${given}> is bad`)).toEqual([given]);
    expect(await named("cc.person@xn--bcher-kva.example")).toEqual([given]);
  });
});
