import { describe, expect, test } from "vitest";
import { freshFeed } from "../../src/core/feed.ts";
import { feedMetrics, formatMetrics, readMetrics } from "../../src/observe/metrics.ts";

const NOW = 1_800_000_000_000;
const POLICY = { floorMs: 900_000, factor: 4 };

describe("the text format", () => {
  test("has help, type and one line per sample, and ends each with a line feed", () => {
    const text = formatMetrics([
      {
        name: "a_total",
        help: "All\\of\nit",
        type: "counter",
        samples: [
          { labels: { source: 'q"\\\n', kind: "x" }, value: 1.5 },
          { labels: {}, value: 2 },
        ],
      },
      { name: "empty", help: "", type: "gauge", samples: [] },
    ]);
    expect(text).toBe(
      [
        "# HELP a_total All\\\\of\\nit",
        "# TYPE a_total counter",
        'a_total{source="q\\"\\\\\\n",kind="x"} 1.5',
        "a_total 2",
        "",
      ].join("\n"),
    );
  });
});

describe("reading figures", () => {
  test("one part that fails is told as such and keeps no other back", async () => {
    const one = { name: "one", help: "One.", type: "gauge", samples: [] } as const;
    const metrics = await readMetrics({
      good: async () => [one],
      bad: () => Promise.reject(new Error("down")),
      worse: () => {
        throw new Error("at once");
      },
    });
    expect(metrics[0]?.samples).toEqual([
      { labels: { part: "good" }, value: 1 },
      { labels: { part: "bad" }, value: 0 },
      { labels: { part: "worse" }, value: 0 },
    ]);
    expect(metrics.slice(1)).toEqual([one]);
  });
});

describe("a feed's figures", () => {
  test("ages are in seconds, and none where nothing has happened", () => {
    const feed = {
      ...freshFeed("mg"),
      sentAt: NOW - 1_500,
      events: 7,
      unknown: 2,
      foreign: 3,
      usualGapMs: 2_500,
    };
    const lines = formatMetrics(feedMetrics([feed], NOW, POLICY)).split("\n");
    expect(lines.filter((line) => line !== "" && !line.startsWith("#"))).toEqual([
      'postern_source_last_send_age_seconds{source="mg"} 1.5',
      'postern_source_usual_gap_seconds{source="mg"} 2.5',
      'postern_source_feed_stopped{source="mg"} 0',
      'postern_source_feed_never{source="mg"} 1',
      'postern_source_events_total{source="mg"} 7',
      'postern_source_unknown_events_total{source="mg"} 2',
      'postern_source_foreign_events_total{source="mg"} 3',
    ]);
    const stopped = { ...feed, arrivedAt: NOW - 60_000, stoppedSince: NOW - 60_000 };
    const text = formatMetrics(feedMetrics([stopped], NOW, POLICY));
    expect(text).toContain('postern_source_last_event_age_seconds{source="mg"} 60\n');
    expect(text).toContain('postern_source_feed_stopped{source="mg"} 1\n');
    expect(text).toContain('postern_source_feed_never{source="mg"} 0\n');
  });
});
