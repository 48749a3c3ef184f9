/** The guard as one isolate knows it. */
import type { Guarded, Restricted } from "./guard.ts";

/** An isolate reads the guard again after this long: that long a pause may take to be seen. */
export const GUARD_FRESH_MS = 10_000;

export interface GuardReaderDeps {
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** One query; may reject. */
  readonly read: () => Promise<readonly Restricted[]>;
  /** How long mail waits for it. */
  readonly limitMs: number;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
}

/**
 * The guard as one isolate knows it: read once in `GUARD_FRESH_MS`, however many ask meanwhile.
 * Without an answer in time the last one holds, and before the first nobody is held up: mail does
 * not depend on a database. The function never rejects. Only values are kept: a promise belongs to
 * the request that made it.
 */
export function createGuardReader(deps: GuardReaderDeps): () => Promise<Guarded> {
  let last: Guarded | null = null;
  let nextAt = 0;

  const read = async (): Promise<void> => {
    try {
      last = new Map((await deps.read()).map((row) => [row.scope, row]));
    } catch (error) {
      deps.log("guard_unavailable", { reason: String(error) });
    }
  };

  return async () => {
    // Whoever comes before anything is known asks too, rather than to go by nothing.
    if (deps.now() >= nextAt || last === null) {
      nextAt = deps.now() + GUARD_FRESH_MS;
      // An answer that is late is for those who come later.
      await Promise.race([read(), deps.sleep(deps.limitMs)]);
      last ??= new Map();
    }
    return last;
  };
}
