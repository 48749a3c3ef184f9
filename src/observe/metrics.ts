/**
 * Figures for a scraper, in the Prometheus text format, version 0.0.4:
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
import { check, type FeedPolicy, type FeedState } from "../core/feed.ts";

/** One figure of each thing that it is told of. */
export interface Metric {
  /** `[a-z_]`, ending in its unit, a counter in `_total`. */
  readonly name: string;
  readonly help: string;
  readonly type: "gauge" | "counter";
  readonly samples: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly value: number;
  }[];
}

/** Reads figures; one that rejects is left out, and the rest is told. */
export type MetricSource = () => Promise<readonly Metric[]>;

/** What `GET /metrics` shows: a room that has figures adds a source of its own. */
export type MetricSources = Readonly<Record<string, MetricSource>>;

/** The media type of `formatMetrics`. */
export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const escaped = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");

function labelsOf(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`,
  );
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Metrics as text; one without samples is left out. */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics
    .filter(({ samples }) => samples.length > 0)
    .map(({ name, help, type, samples }) => {
      const lines = samples.map(({ labels, value }) => `${name}${labelsOf(labels)} ${value}`);
      return [`# HELP ${name} ${escaped(help)}`, `# TYPE ${name} ${type}`, ...lines, ""].join("\n");
    })
    .join("");
}

/** Reads every source, and tells which could be read. */
export async function readMetrics(sources: MetricSources): Promise<Metric[]> {
  const names = Object.keys(sources);
  const read = await Promise.allSettled(Object.values(sources).map(async (source) => source()));
  const up: Metric = {
    name: "postern_metrics_up",
    help: "Whether this part of the figures could be read.",
    type: "gauge",
    samples: names.map((part, index) => ({
      labels: { part },
      value: read[index]?.status === "fulfilled" ? 1 : 0,
    })),
  };
  return [up, ...read.flatMap((one) => (one.status === "fulfilled" ? one.value : []))];
}

/** The feeds of the configured sources at `now`, Unix ms; no age where nothing has been. */
export function feedMetrics(
  feeds: readonly FeedState[],
  now: number,
  policy: FeedPolicy,
): Metric[] {
  const metric = (
    name: string,
    help: string,
    type: Metric["type"],
    figure: (feed: FeedState) => number | null,
  ): Metric => ({
    name: `postern_source_${name}`,
    help,
    type,
    samples: feeds.flatMap((feed) => {
      const value = figure(feed);
      return value === null ? [] : [{ labels: { source: feed.source }, value }];
    }),
  });
  const age = (at: number): number | null => (at === 0 ? null : Math.max(0, now - at) / 1000);
  return [
    metric("last_send_age_seconds", "Since the newest send.", "gauge", (f) => age(f.sentAt)),
    metric("last_event_age_seconds", "Since an event came in.", "gauge", (f) => age(f.arrivedAt)),
    metric(
      "usual_gap_seconds",
      "The longest usual time from a send to the next event.",
      "gauge",
      (f) => f.usualGapMs / 1000,
    ),
    metric("feed_stopped", "1 while sends go on and no events come.", "gauge", (f) =>
      f.stoppedSince > 0 ? 1 : 0,
    ),
    metric("feed_never", "1 while there were sends and never an event.", "gauge", (f) =>
      check(f, now, policy) === "never" ? 1 : 0,
    ),
    metric(
      "events_total",
      "Events taken in, repeats of a batch included.",
      "counter",
      (f) => f.events,
    ),
    metric(
      "unknown_events_total",
      "Events of a type that is not known.",
      "counter",
      (f) => f.unknown,
    ),
    metric("foreign_events_total", "Events of mail that is not ours.", "counter", (f) => f.foreign),
  ];
}
