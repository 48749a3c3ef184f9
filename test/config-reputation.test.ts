import { expect, test } from "vitest";
import { parseConfig } from "../src/config.ts";

const errorOf = (reputation: unknown): string => {
  const parsed = parseConfig({ reputation });
  return parsed.ok ? "" : parsed.error;
};

test("without settings the guard acts at the levels that mailbox operators name", () => {
  const parsed = parseConfig({});
  expect(parsed.ok && parsed.value.reputation).toMatchObject({
    ...{ window_hours: 24, bounces: { warn: 2, slow: 3, pause: 4 } },
    complaints: { warn: 0.08, slow: 0.1, pause: 0.3 },
  });
});

test("levels rise from warn over slow to pause, those left out by their defaults", () => {
  expect(errorOf({ bounces: { warn: 3 } })).toMatch(/warn < slow < pause/);
  expect(errorOf({ complaints: { pause: 0.1 } })).toMatch(/warn < slow < pause/);
  expect(errorOf({ bounces: { warn: 5, slow: 6, pause: 10 } })).toBe("");
  expect(errorOf({ bounces: { pause: 101 } })).toMatch(/bounces\.pause/);
});

test("a pause takes an hour at least, and the longest no less than the first", () => {
  expect(errorOf({ pause_hours: 0.5 })).toMatch(/pause_hours/);
  expect(errorOf({ pause_hours: 50 })).toMatch(/pause_hours <= pause_max_hours/);
  expect(errorOf({ pause_hours: 50, pause_max_hours: 100 })).toBe("");
  expect(errorOf({ window_days: 1 })).toMatch(/window_days/);
});
