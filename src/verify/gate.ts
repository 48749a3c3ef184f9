/**
 * Verification before a message is accepted: only what is certain to fail is kept out. Whatever
 * cannot be learnt, or not in time, lets the message pass: a resolver that is down stops no mail.
 */
import { verify } from "./pipeline.ts";
import type { VerifyDeps } from "./ports.ts";
import type { Reason, VerifyMode } from "./verdict.ts";

export interface GateDeps {
  readonly verify: VerifyDeps;
  /** How long a `strict` verification may take. */
  readonly strictMs: number;
  /** The promise's value, or a rejection after `ms` milliseconds. */
  readonly within: <T>(promise: Promise<T>, ms: number) => Promise<T>;
}

/**
 * Why each address is refused, in their order; null: it is not. `cached` asks nobody: facts come
 * from the isolate's memory and KV, and what mail has shown of an address is left to the
 * suppression list.
 */
export async function refusals(
  account: string,
  addresses: readonly string[],
  mode: VerifyMode,
  deps: GateDeps,
): Promise<(Reason | null)[]> {
  const none = addresses.map(() => null);
  if (mode === "off" || addresses.length === 0) return none;
  const strict = mode === "strict";
  const { verify: ports } = deps;
  const ask = { policy: false, probe: strict, lookup: strict };
  const asked = verify(account, addresses, ask, {
    ...ports,
    ...(strict ? {} : { evidence: null, probe: null }),
  });
  const verdicts = await deps.within(asked, deps.strictMs).catch((error: unknown) => {
    ports.log("gate_open", { reason: String(error) });
    return null;
  });
  if (verdicts === null) return none;
  return verdicts.map(({ status, reason }) => (status === "undeliverable" ? reason : null));
}
