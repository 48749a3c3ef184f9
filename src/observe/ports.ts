/** What the operator's routes read. */
import type { MetricSources } from "./metrics.ts";

export interface ObserveServices {
  /** Whether the events of every configured source come; `unknown` without the database. */
  readonly feedHealth: () => Promise<"ok" | "stopped" | "unknown">;
  readonly metrics: MetricSources;
}
