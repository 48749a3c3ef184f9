/** What the routes of streams and sources need of the reputation guard. */
import type { GuardAction, Standing } from "../core/guard.ts";
import type { FollowDeps } from "../feedback/follow.ts";

export interface ReputationServices {
  /** Reads scopes, lifts pauses and tells of it; see `guardOf`. */
  readonly follow: FollowDeps;
  readonly windowHours: number;
  /** The sources of the configuration. */
  readonly sources: () => readonly { readonly name: string; readonly provider: string }[];
  /** How the first `limit` scopes under a prefix stand, which ends in a slash. */
  readonly list: (prefix: string, limit: number) => Promise<Standing[]>;
  /** What was done to a scope, or to all under a prefix; newest first. */
  readonly readLog: (
    scope: string,
    page: {
      readonly after: { readonly rev: number; readonly scope: string } | null;
      readonly limit: number;
    },
  ) => Promise<GuardAction[]>;
}
