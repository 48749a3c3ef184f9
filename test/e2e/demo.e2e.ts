import { describe, expect, test } from "vitest";
import { expected } from "../../src/cli/mix.ts";
import { postern } from "../support/instance.ts";

const COUNT = 100;

describe("npm run demo", () => {
  test("prints one JSON object in which nothing is lost, and exits 0", async () => {
    const instance = postern(["demo", "--count", String(COUNT), "--json"]);
    const code = await instance.exited;
    expect(instance.stderr()).toBe("");
    expect(code).toBe(0);
    const lines = instance.stdout().trimEnd().split("\n");
    expect(lines).toHaveLength(1);
    const report = JSON.parse(lines[0] ?? "") as Record<string, number | boolean>;
    expect(Object.keys(report)).toEqual([
      ...["accepted", "delivered", "sent", "bounced", "suppressed", "cancelled", "expired"],
      ...["failed", "unknown", "pending", "complained", "seconds", "messages_per_second"],
      "conserved",
    ]);
    const { recipients, ...states } = expected(COUNT);
    expect(report).toMatchObject({
      accepted: recipients,
      ...states,
      ...{ sent: 0, cancelled: 0, expired: 0, failed: 0, pending: 0, conserved: true },
    });
    expect(report.seconds).toBeGreaterThan(0);
    expect(report.messages_per_second).toBeCloseTo(COUNT / Number(report.seconds), 0);
  });

  // One reached by HTTP, one by TCP, one by a binding.
  test.each(["postmark", "smtp", "cloudflare"])(
    "--source %s: its emulator takes each message once",
    async (name) => {
      const instance = postern(["demo", "--source", name, "--count", "20", "--json"]);
      expect(await instance.exited).toBe(0);
      expect(JSON.parse(instance.stdout())).toMatchObject({
        ...{ provider: name, taken_by_provider: 20, doubled: 0, failed: 0, pending: 0 },
        conserved: true,
      });
    },
  );

  test("without --json it prints a table", async () => {
    const instance = postern(["demo", "--count", "5"]);
    expect(await instance.exited).toBe(0);
    expect(instance.stdout()).toMatch(/^accepted +5$/m);
    expect(instance.stdout()).toMatch(/^conserved +true$/m);
  });

  test.each([
    [["--count", "0"]],
    [["--count", "1e3"]],
    [["--count", "many"]],
    [["--connections", "0"]],
    [["--connections", "257"]],
    [["--colour"]],
    [["--source", "nobody"]],
    [["extra"]],
  ])("%j is refused with 2 and a sentence", async (args) => {
    const instance = postern(["demo", ...args]);
    expect(await instance.exited).toBe(2);
    expect(instance.stdout()).toBe("");
    expect(instance.stderr()).toContain("npm run demo -- ");
    expect(instance.stderr()).not.toContain("    at ");
  });
});
