import { expect, test } from "vitest";
import { rounds } from "../../src/observe/rounds.ts";

test("a step that fails is logged by its name, and the others have their turn", async () => {
  const ran: string[] = [];
  const logged: object[] = [];
  const step = (name: string) => async () => {
    ran.push(name);
    if (name === "b") throw new Error("no database");
  };
  const steps = { a: step("a"), b: step("b"), c: step("c") };
  await rounds(steps, (event, fields) => logged.push({ event, ...fields }));
  expect(ran).toEqual(["a", "b", "c"]);
  expect(logged).toEqual([{ event: "cron_step_failed", step: "b", reason: "Error: no database" }]);
});
