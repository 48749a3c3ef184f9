/** Entries of the suppression list as the API takes and gives them. */
import { canonicalAddress, parseMailbox } from "../core/address.ts";
import { recipientHash } from "../core/recipient-hash.ts";
import { err, ok, type Result } from "../core/result.ts";
import {
  ALL_STREAMS,
  blankChange,
  type StoredSuppression,
  type SuppressionChange,
  type SuppressionPolicy,
  type SuppressionReason,
  standingOf,
  suppressionId,
} from "../core/suppression.ts";
import type { Services } from "../edge/context.ts";
import { type ApiError, apiError } from "../edge/errors.ts";

/** What Resend's dialect knows as origins, and which of our reasons each one stands for. */
export const ORIGINS = {
  bounce: ["hard_bounce", "soft_bounce", "provider_list"],
  complaint: ["complaint"],
  manual: ["manual", "unsubscribe"],
} as const satisfies Record<string, readonly SuppressionReason[]>;

export type Origin = keyof typeof ORIGINS;

/** Reasons that people may enter, with the fact that each adds. */
const ENTERED = {
  manual: "manualAt",
  hard_bounce: "hardAt",
  complaint: "complainedAt",
  unsubscribe: "unsubscribedAt",
} as const satisfies Partial<Record<SuppressionReason, keyof SuppressionChange>>;

/** The reasons that may be given with an address. */
export const ENTERED_REASONS = Object.keys(ENTERED) as (keyof typeof ENTERED)[];

/** What somebody enters. */
export interface Entered {
  readonly email: string;
  readonly stream?: string | undefined;
  readonly reason?: keyof typeof ENTERED | undefined;
}

/** The change that an entry makes, or what is wrong with one of its fields. */
export async function changeOf(
  { email, stream = ALL_STREAMS, reason = "manual" }: Entered,
  scope: string,
  services: Pick<Services, "now" | "stream">,
): Promise<Result<SuppressionChange, { readonly field: string; readonly reason: string }>> {
  const mailbox = parseMailbox(email);
  if (!mailbox.ok) return err({ field: "email", reason: mailbox.error });
  if (stream !== ALL_STREAMS) {
    if (services.stream(stream) === null) {
      return err({ field: "stream", reason: "there is no stream of this name" });
    }
    if (reason === "complaint" || reason === "hard_bounce") {
      return err({ field: "stream", reason: `a ${reason} is about all streams` });
    }
  }
  const { address } = mailbox.value;
  const hash = await recipientHash(address);
  const at = services.now();
  const blank = blankChange({ account: scope, hash, stream, address: canonicalAddress(address) });
  return ok({ ...blank, firstAt: at, lastAt: at, [ENTERED[reason]]: at });
}

const iso = (at: number): string => new Date(at).toISOString();

/**
 * An entry as the API shows it; null when nothing is against the address at the moment.
 *
 * @param asked reasons that are asked for: the first of them is told as the entry's
 */
export function entryOf(
  row: StoredSuppression,
  policy: SuppressionPolicy,
  now: number,
  asked: readonly SuppressionReason[] | null = null,
) {
  const standing = standingOf(row, policy, now);
  if (standing === null) return null;
  const reason = standing.reasons.find((one) => asked?.includes(one)) ?? standing.reasons[0];
  const origins = Object.keys(ORIGINS) as Origin[];
  const has = (origin: Origin): boolean =>
    ORIGINS[origin].some((one: SuppressionReason) => one === reason);
  const [override] = row.overrides;
  return {
    id: suppressionId(row.hash, row.stream),
    email: row.address,
    origin: origins.find(has) ?? "manual",
    source_id: row.messageId === "" ? null : row.messageId,
    created_at: iso(row.firstSeenAt),
    reason,
    reasons: standing.reasons,
    stream: row.stream,
    lanes: standing.lane === "*" ? ["transactional", "broadcast"] : [standing.lane],
    source: row.source === "" ? null : row.source,
    first_seen_at: iso(row.firstSeenAt),
    last_seen_at: iso(row.lastSeenAt),
    expires_at: standing.expiresAt === null ? null : iso(standing.expiresAt),
    override:
      override === undefined
        ? null
        : {
            at: iso(override.at),
            by: override.by,
            note: override.note,
            active: row.overriddenAt >= row.complainedAt,
            earlier: row.overrides.slice(1).map((one) => ({ ...one, at: iso(one.at) })),
          },
  };
}

/** How long a client waits before it asks a list again that did not answer. */
const RETRY_MS = 1_000;

/** What `ask` answers, or the error that tells to repeat the request. */
export async function answered<T>(
  { log }: Pick<Services, "log">,
  ask: () => Promise<T>,
): Promise<Result<T, ApiError>> {
  try {
    return ok(await ask());
  } catch (error) {
    log("suppressions_unavailable", { reason: String(error) });
    const sentence = "The suppression list does not answer at the moment; repeat the request.";
    return err(apiError("unavailable", sentence, RETRY_MS));
  }
}
