import { createServer } from "node:net";
import { expect, test } from "vitest";
import { formatJourney } from "../../src/cli/journey.ts";
import { HOST, portTaken } from "../../src/cli/ports.ts";
import { overlay } from "../../src/cli/runtime.ts";

test("an override replaces one entry of a section and leaves the others", () => {
  const base = { sources: { a: { provider: "sandbox", rate: 1 }, b: { provider: "resend" } } };
  expect(
    overlay(base, { sources: { a: { provider: "sandbox" } }, limits: { lease_ms: 9 } }),
  ).toEqual({
    sources: { a: { provider: "sandbox" }, b: { provider: "resend" } },
    limits: { lease_ms: 9 },
  });
  expect(base.sources.a).toEqual({ provider: "sandbox", rate: 1 });
});

test("a port is taken while something listens on it", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  const { port } = server.address() as { port: number };
  expect(await portTaken(port)).toBe(true);
  await new Promise((resolve) => server.close(resolve));
  expect(await portTaken(port)).toBe(false);
});

test("a journey shows each step's time and how long after the first it came", () => {
  const text = formatJourney([
    { type: "accepted", at: "2026-11-02T10:00:00.100Z" },
    { type: "delivered", at: "2026-11-02T10:00:01.350Z" },
  ]);
  expect(text.split("\n")).toEqual([
    "  accepted   10:00:00.100      +0 ms",
    "  delivered  10:00:01.350   +1250 ms",
  ]);
});
