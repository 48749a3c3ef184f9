import { beforeEach, expect, test } from "vitest";
import { PROBE_TTL_MS } from "../../../src/verify/probe/answers.ts";
import type { ProbeOutcome } from "../../../src/verify/verdict.ts";
import { FAULT, told, World } from "./world.ts";

const OUTCOMES = Object.keys(PROBE_TTL_MS) as ProbeOutcome[];
const JANE = "jane@customer.example";
let world: World;

beforeEach(() => {
  world = new World();
});

test("evidence is told once for each account, whoever has asked the mailbox", async () => {
  world.answers.jane = told("mailbox_not_found");
  const at = (account: string) => world.outcome(JANE, "google", account);
  await Promise.all([at("acme"), at("other")]);
  for (const account of ["acme", "third", "other", "third"]) await at(account);
  expect(world.asked).toHaveLength(1);
  expect(world.recorded.map(([account]) => account).sort()).toEqual(["acme", "other", "third"]);
  world.answers.jane = told("accepted");
  world.now += PROBE_TTL_MS.mailbox_not_found;
  await at("third");
  await at("acme");
  expect(world.recorded.slice(3).map(([account, , shown]) => [account, shown])).toEqual([
    ["third", "accepted"],
    ["acme", "accepted"],
  ]);
});

test("evidence hears nothing of a fault, not from those either who waited for it", async () => {
  const answer = world.hold();
  const probes = ["acme", "other"].map((one) => world.outcome(JANE, "google", one));
  await world.waiting();
  answer(FAULT);
  await Promise.all(probes);
  expect([world.asked.length, world.recorded]).toEqual([1, []]);
});

test("evidence learns a class from every answer", async () => {
  const classes: Record<string, string> = {};
  for (const outcome of OUTCOMES) {
    world.answers.jane = told(outcome);
    await world.outcome(`jane@${outcome.replaceAll("_", "-")}.example`);
    classes[outcome] = world.recorded.at(-1)?.[2] ?? "";
  }
  expect(classes).toEqual({
    accepted: "accepted",
    mailbox_not_found: "rejected",
    mailbox_disabled: "rejected",
    mailbox_full: "unknown",
    catch_all: "catch_all",
    unavailable: "unknown",
    blocked: "unknown",
  });
});
