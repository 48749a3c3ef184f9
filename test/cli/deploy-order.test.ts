import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { deployWith, type Wrangler } from "../../src/cli/deploy.ts";

const PLAN = { database: "postern", queues: ["a", "b"] };

let printed: string[];

beforeEach(() => {
  printed = [];
  for (const method of ["log", "error"] as const) {
    vi.spyOn(console, method).mockImplementation((line: string) => void printed.push(line));
  }
});

afterEach(() => vi.restoreAllMocks());

/** An account with these databases and secrets, which refuses the commands that match. */
function account(databases: string[], secrets: string[], refuses = /^$/) {
  const asked: string[] = [];
  const names = (list: string[]): string => JSON.stringify(list.map((name) => ({ name })));
  const wrangler: Wrangler = async (args) => {
    const command = args.join(" ");
    asked.push(command);
    if (refuses.test(command)) return { code: 1, stdout: "" };
    return { code: 0, stdout: names(command.startsWith("d1 list") ? databases : secrets) };
  };
  return { asked, wrangler };
}

const RETENTION = "--message-retention-period-secs 1209600";
const LATER = [
  "d1 migrations apply postern --remote",
  "deploy",
  `queues update a ${RETENTION}`,
  `queues update b ${RETENTION}`,
  "secret list --format json",
];

test("a first deployment makes the database before it migrates and deploys", async () => {
  const { asked, wrangler } = account(["other"], []);
  expect(await deployWith(PLAN, wrangler)).toBe(0);
  expect(asked).toEqual(["d1 list --json", "d1 create postern --update-config=false", ...LATER]);
  expect(printed.filter((line) => line.startsWith("Not set yet"))).toHaveLength(2);
});

test("a later one finds the database, and says nothing of secrets that are set", async () => {
  const { asked, wrangler } = account(["postern"], ["POSTERN_SECRET", "POSTERN_ADMIN_KEY"]);
  expect(await deployWith(PLAN, wrangler)).toBe(0);
  expect(asked).toEqual(["d1 list --json", ...LATER]);
  expect(printed.join("\n")).not.toContain("Not set yet");
});

test("no Worker is deployed onto a database that could not be migrated", async () => {
  const { asked, wrangler } = account(["postern"], [], /migrations/);
  await expect(deployWith(PLAN, wrangler)).rejects.toThrow(/migrations apply.* failed/);
  expect(asked).toEqual(["d1 list --json", "d1 migrations apply postern --remote"]);
});

test("an account that does not answer is a sentence and 1", async () => {
  const { asked, wrangler } = account([], [], /d1 list/);
  expect(await deployWith(PLAN, wrangler)).toBe(1);
  expect(asked).toHaveLength(1);
  expect(printed.join("\n")).toContain("npx wrangler login");
});

test("a queue that refuses its retention is told, and the next is still asked", async () => {
  const { asked, wrangler } = account(["postern"], [], /update a/);
  expect(await deployWith(PLAN, wrangler)).toBe(0);
  expect(asked).toContain(`queues update b ${RETENTION}`);
  expect(printed.join("\n")).toContain(`"wrangler queues update a ${RETENTION}" failed`);
});
