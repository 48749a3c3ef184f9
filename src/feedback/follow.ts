/**
 * What follows a transaction of the journal: hints to the webhook queue, and a look at the scopes
 * that were harmed. All of it is made up for by the cron if it fails here.
 */
import type { Hint } from "../core/webhook.ts";
import type { Effects } from "./effects.ts";
import { guardEvents } from "./notices.ts";
import { assess, type GuardDeps, harmedScopes } from "./reputation.ts";
import { announce, hint } from "./webhooks-out/announce.ts";
import type { AnnounceDeps } from "./webhooks-out/ports.ts";

export interface FollowDeps {
  readonly webhooks: AnnounceDeps;
  readonly guard: Omit<GuardDeps, "tell">;
  /** Every account's scope. */
  readonly scopes: readonly string[];
}

/** The guard, telling what it does to the accounts' webhooks. */
export function guardOf({ webhooks, guard, scopes }: FollowDeps): GuardDeps {
  return {
    ...guard,
    tell: async (actions) => {
      await announce(await guardEvents(actions, scopes), webhooks);
    },
  };
}

/** Follows one transaction. Never rejects. */
export async function follow(
  effects: Effects,
  hints: readonly Hint[],
  deps: FollowDeps,
): Promise<void> {
  await hint(hints, deps.webhooks);
  try {
    await assess(harmedScopes(effects.tallies), guardOf(deps));
  } catch (error) {
    deps.guard.log("guard_not_assessed", { reason: String(error) });
  }
}
