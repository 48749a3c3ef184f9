/**
 * List prices after the included allowances, in US dollars, and what 1,000 messages cost by them.
 */

/** Dollars of one operation. A Durable Object has 128 MB; its wall time is billed in GB-seconds. */
export const PRICES = {
  worker_requests: 0.3e-6,
  do_requests: 0.15e-6,
  do_rows_written: 1e-6,
  do_rows_read: 0.001e-6,
  do_gb_seconds: 12.5e-6,
  d1_rows_written: 1e-6,
  d1_rows_read: 0.001e-6,
  kv_reads: 0.5e-6,
  kv_writes: 5e-6,
  queue_operations: 0.4e-6,
  r2_class_a: 4.5e-6,
  r2_class_b: 0.36e-6,
} as const;

/** Dollars of one millisecond of CPU. Not in the sums: see `cost.ts`. */
export const CPU_MS_PRICE = 0.02e-6;

/** Gigabytes a Durable Object is billed for. */
const OBJECT_GB = 0.128;

export type Operation = keyof typeof PRICES | "d1_transactions";
export type Operations = Record<Operation, number>;

/**
 * Sums the meters by operation, each divided by `by`. Meters are named `operation` or
 * `operation/who`; what stands in for the provider (`excluded`) is left out.
 */
export function operations(meters: Readonly<Record<string, number>>, by: number): Operations {
  const sums: Operations = {
    worker_requests: 0,
    do_requests: 0,
    do_rows_written: 0,
    do_rows_read: 0,
    do_gb_seconds: 0,
    d1_rows_written: 0,
    d1_rows_read: 0,
    d1_transactions: 0,
    kv_reads: 0,
    kv_writes: 0,
    queue_operations: 0,
    r2_class_a: 0,
    r2_class_b: 0,
  };
  for (const [meter, value] of Object.entries(meters)) {
    const [line = "", who] = meter.split("/");
    if (who === "excluded") continue;
    if (line === "do_seconds") sums.do_gb_seconds += (value * OBJECT_GB) / by;
    else if (line in sums) sums[line as Operation] += value / by;
    else throw new Error(`the meter ${meter} has no price`);
  }
  return sums;
}

/** Dollars of `operations`, times `times`. D1 bills rows, not transactions. */
export function dollars(of: Operations, times: number): number {
  let sum = 0;
  for (const [operation, price] of Object.entries(PRICES)) {
    sum += of[operation as keyof typeof PRICES] * price * times;
  }
  return sum;
}
