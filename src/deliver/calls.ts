/**
 * Which messages leave together: one provider call each, or one for several where the provider
 * reports about every one. Messages are never held back for company: only what is at hand anyway
 * shares a call.
 */
import {
  type Claimed,
  type ClaimRequest,
  type Head,
  SHARED_CONTENT_MAX,
  shardName,
} from "../core/custody.ts";
import type { OfferItem } from "../core/pace.ts";
import type { Provider } from "../providers/provider.ts";
import type { Planned } from "./plan.ts";
import type { Claim } from "./send.ts";

/**
 * Messages in one call, whatever the provider takes: an unclear answer leaves all of them unknown,
 * and a hundred already make the fixed cost of a call small.
 */
const TOGETHER_MAX = 100;

/** The messages of one provider call to be. */
export type Call = readonly Planned[];

/** Groups what may share a call; the rest goes one by one, in the order given. */
export function callsOf(
  routed: readonly Planned[],
  provider: (source: string) => Provider | null,
): Call[] {
  const groups = new Map<string, Planned[]>();
  for (const [index, planned] of routed.entries()) {
    const key = companyOf(planned, provider) ?? `alone ${index}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [planned]);
    else group.push(planned);
  }
  return [...groups.values()].flatMap((group) => chunks(group, provider));
}

/** Messages with the same answer may share a call; null goes alone. */
function companyOf(
  { ref, source, head: { envelope }, peeked }: Planned,
  provider: (source: string) => Provider | null,
): string | null {
  if (peeked.batch !== null) return `again ${shardName(ref)} ${peeked.batch}`;
  const adapter = source === null ? null : provider(source);
  const capabilities = adapter?.capabilities;
  const batch = capabilities?.batch ?? null;
  if (batch === null || !peeked.fresh) return null;
  // One unanswered call would leave all of it to be sent twice.
  const told = batch.deduplicatesForMs > 0 || batch.oneByOne || adapter?.lookup !== undefined;
  if (!told && peeked.onUnknown === "retry") return null;
  // The Outbox knows one window of a source, for a call of one and of several.
  if (batch.deduplicatesForMs !== capabilities?.deduplicatesForMs) return null;
  const { size, attachments, digest, stream } = envelope;
  if (attachments > 0 || !(size <= SHARED_CONTENT_MAX)) return null;
  if (batch.sharesContent && digest === undefined) return null;
  const same = batch.sharesContent ? digest : "";
  // One Outbox remembers a call; on an unclear answer all of its members go the same way.
  return ["first", shardName(ref), source, stream, peeked.onUnknown, same].join(" ");
}

/** A call that is repeated stays whole; a new one has as many messages as the provider takes. */
function chunks(group: Planned[], provider: (source: string) => Provider | null): Call[] {
  const first = group[0];
  if (first === undefined || first.peeked.batch !== null) return [group];
  const most = provider(first.source ?? "")?.capabilities.batch?.messagesMax ?? 1;
  const size = Math.min(most, TOGETHER_MAX);
  const calls: Call[] = [];
  for (let at = 0; at < group.length; at += size) calls.push(group.slice(at, at + size));
  return calls;
}

/** Whether all of it has to leave or none. */
export const isRepeat = (call: Call): boolean => call.length > 1 && call[0]?.peeked.batch !== null;

/** What one message of a call asks of its source: its recipients, and its part of the call. */
export const offerOf = ({ head, sites, slow }: Planned, call: Call): OfferItem => ({
  lane: head.envelope.lane,
  calls: 1 / call.length,
  sites,
  ...(slow.length > 0 ? { slow } : {}),
});

/** What a call asks for as a whole. */
export function offerOfAll(call: Call): OfferItem {
  const sites: Record<string, number> = {};
  for (const planned of call) {
    for (const [site, count] of Object.entries(planned.sites)) {
      sites[site] = (sites[site] ?? 0) + count;
    }
  }
  return { lane: call[0]?.head.envelope.lane ?? "transactional", calls: 1, sites };
}

/** What is asked of the Outbox for one call, numbered among the calls of the same claim. */
export function requestsOf(call: Call, label: number): ClaimRequest[] {
  return call.map(({ request, peeked }) => {
    if (request.attempt === null) return request;
    const fresh = call.length > 1 ? { label } : null;
    const group = peeked.batch === null ? fresh : { key: peeked.batch };
    return { ...request, attempt: { ...request.attempt, group } };
  });
}

/** What was claimed of a call: together if it has a key, or else each by itself. */
export function claimsOf(
  call: Call,
  byId: ReadonlyMap<string, Claimed>,
  all: readonly Claimed[],
): { call: Call; claims: Claim[] }[] {
  const open = call.filter((one) => byId.has(one.id));
  const key = byId.get(open[0]?.id ?? "")?.batch ?? null;
  if (key === null) {
    return open.flatMap((one) => {
      const claimed = byId.get(one.id);
      return claimed === undefined ? [] : [{ call: [one], claims: [{ head: one.head, claimed }] }];
    });
  }
  const heads = new Map(open.map((one) => [one.id, one.head]));
  const claims = all.flatMap((claimed): Claim[] => {
    if (claimed.batch !== key) return [];
    const head = heads.get(claimed.id) ?? (JSON.parse(claimed.head ?? "null") as Head | null);
    return head === null ? [] : [{ head, claimed }];
  });
  return [{ call: open, claims }];
}
