import { expect, test } from "vitest";
import { expected, letter, message } from "../../src/cli/mix.ts";

test("a hundred messages in a row hold every kind, wherever they begin", () => {
  const kinds = (from: number): string[] =>
    Array.from({ length: 100 }, (_, index) => {
      const { to, stream, on_unknown } = message(from + index);
      const names = (to as string[]).map((address) => address.split("+")[0]);
      return JSON.stringify([names, stream, on_unknown]);
    }).toSorted();
  expect(kinds(0)).toEqual(kinds(1_234));
  expect(new Set(kinds(0)).size).toBe(8);
});

test("the same index makes the same message", () => {
  expect(message(17)).toEqual(message(17));
});

test("every recipient is expected in one state, and a complaint is a delivery too", () => {
  for (const count of [1, 7, 100, 1_000]) {
    const { recipients, delivered, bounced, suppressed, unknown, complained } = expected(count);
    expect(delivered + bounced + suppressed + unknown).toBe(recipients);
    expect(complained).toBeLessThanOrEqual(delivered);
    const sent = Array.from(
      { length: count },
      (_, index) => (message(index).to as string[]).length,
    );
    expect(sent.reduce((sum, one) => sum + one, 0)).toBe(recipients);
  }
  expect(expected(100)).toEqual({
    recipients: 110,
    delivered: 96,
    bounced: 10,
    suppressed: 3,
    unknown: 1,
    complained: 3,
  });
});

test("a recipient that never answers is held, so that the demo ends", () => {
  const all = Array.from({ length: 100 }, (_, index) => message(index));
  const silent = all.filter(({ to }) => (to as string[]).some((one) => one.startsWith("timeout")));
  expect(silent.length).toBeGreaterThan(0);
  for (const one of silent) expect(one.on_unknown).toBe("hold");
});

test("letters take every shape in turn, but what the provider does not take", () => {
  const letters = (takes: Parameters<typeof letter>[1]) =>
    JSON.stringify(Array.from({ length: 8 }, (_, index) => letter(index, takes)));
  const all = letters({ broadcasts: true, inline: true });
  expect(all).toContain('"stream":"broadcast"');
  expect(all).toContain("cid:pixel");
  expect(letters({ broadcasts: false, inline: true })).not.toContain("broadcast");
  expect(letters({ broadcasts: true, inline: false })).not.toContain("cid:");
  expect(letters({ broadcasts: true, inline: true })).toBe(all);
});
