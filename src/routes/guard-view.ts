/** The reputation guard as the API shows it. */
import { type GuardAction, readScope, type Standing } from "../core/guard.ts";
import { type GuardLevel, type GuardPolicy, ratesOf, UNGUARDED } from "../core/reputation.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { AppContext } from "../edge/context.ts";
import { type ApiError, apiError, fail } from "../edge/errors.ts";
import { readable } from "../edge/readable.ts";

const timeOf = (at: number): string | null => (at > 0 ? new Date(at).toISOString() : null);

/** Hundredths of a thousandth of a percent are noise. */
const shown = (rate: number | null): number | null =>
  rate === null ? null : Math.round(rate * 1_000) / 1_000;

/** Where a scope stands: level, what it is for, counts of the window, rates in percent. */
export function standingView({ state, counts }: Standing, policy: GuardPolicy) {
  const { level, at, until, since, strikes, cause } = state ?? UNGUARDED;
  const rates = ratesOf(counts, policy);
  return {
    level,
    cause,
    level_since: timeOf(at),
    paused_until: timeOf(until),
    counted_since: timeOf(since),
    pauses: strikes,
    bounce_rate: shown(rates.bounces),
    complaint_rate: shown(rates.complaints),
    counts: {
      sent: counts.sent,
      delivered: counts.delivered,
      hard_bounces: counts.hard,
      soft_bounces: counts.soft,
      blocks: counts.block,
      withheld: counts.withheld,
      complaints: counts.complained,
      complaints_elsewhere: counts.complainedOther,
      sent_to_reporting_sites: counts.reporting,
      returned_by_reporting_sites: counts.returned,
    },
  };
}

const GRAVITY: Readonly<Record<GuardLevel, number>> = {
  normal: 0,
  warned: 1,
  slowed: 2,
  probation: 3,
  paused: 4,
};

/** The least free level among scopes. */
export const worstOf = (standings: readonly Standing[]): GuardLevel =>
  standings
    .map(({ state }) => state?.level ?? "normal")
    .reduce<GuardLevel>((worst, one) => (GRAVITY[one] > GRAVITY[worst] ? one : worst), "normal");

/** The domain or source that a scope ends in. */
function lastPart(key: string): string {
  const scope = readScope(key);
  return scope === null ? "" : scope.kind === "stream" ? scope.domain : scope.source;
}

/** One line of a log. */
export function actionView(action: GuardAction) {
  const scope = readScope(action.scope);
  return {
    object: "guard_action",
    id: `${action.rev}.${lastPart(action.scope)}`,
    at: timeOf(action.at),
    ...(scope?.kind === "stream" ? { domain: scope.domain } : {}),
    action: action.kind,
    from: action.from,
    to: action.to,
    cause: action.cause,
    bounce_rate: shown(action.bounceRate),
    complaint_rate: shown(action.complaintRate),
    sent: action.sent,
    hard_bounces: action.hard,
    complaints: action.complained,
    paused_until: timeOf(action.until),
    by: action.by,
  };
}

const LIMIT_MAX = 100;
const LIMIT_DEFAULT = 20;
/** `ID` of `actionView`: digits of a safe integer, and a domain or a source. */
const ID = /^(\d{1,15})\.([a-z0-9._-]{1,255})$/;

/** Answers a page of a log: of one scope, or of all under a prefix that ends in a slash. */
export async function logPage(c: AppContext, scope: string): Promise<Response> {
  const page = readPage(c, scope);
  if (!page.ok) return fail(c, page.error);
  const { limit, after } = page.value;
  const services = c.get("services");
  const { readLog } = services.reputation;
  const rows = await readable(services, () => readLog(scope, { after, limit: limit + 1 }));
  if (!rows.ok) return fail(c, rows.error);
  const data = rows.value.slice(0, limit).map(actionView);
  return c.json({ object: "list", has_more: rows.value.length > limit, data });
}

function readPage(
  c: AppContext,
  scope: string,
): Result<{ limit: number; after: { rev: number; scope: string } | null }, ApiError> {
  const limit = Number(c.req.query("limit") ?? LIMIT_DEFAULT);
  if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
    return err(apiError("invalid_parameter", `\`limit\` is a number from 1 to ${LIMIT_MAX}.`));
  }
  const after = c.req.query("after");
  if (after === undefined) return ok({ limit, after: null });
  const [, rev, last] = ID.exec(after) ?? [];
  if (rev === undefined || last === undefined) {
    return err(apiError("invalid_parameter", "`after` takes the id of a line of this log."));
  }
  const whole = scope.endsWith("/") ? scope + last : scope;
  return ok({ limit, after: { rev: Number(rev), scope: whole } });
}
