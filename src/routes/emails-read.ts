/**
 * Reading emails: what D1 has recorded and what the Outbox still holds, merged by the same rule as
 * everything else, so that a message can be read the moment it is accepted.
 */
import { parseMailbox } from "../core/address.ts";
import { attemptKey, type Bounces, standingBounce } from "../core/attempts.ts";
import type { Bounce } from "../core/bounce.ts";
import type { Addressee, Content, Head, ShardRef, StoredUnit } from "../core/custody.ts";
import {
  mergeFacts,
  mergeTimelines,
  rankOf,
  type State,
  type TimelineEntry,
} from "../core/delivery-state.ts";
import { linkUrl } from "../core/links.ts";
import { MARK } from "../core/marks.ts";
import { recipientHash } from "../core/recipient-hash.ts";
import type { StoredRecipient } from "../core/recipient-row.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { AppContext, Page } from "../edge/context.ts";
import { type ApiError, apiError } from "../edge/errors.ts";
import { readable } from "../edge/readable.ts";

interface View {
  readonly id: string;
  readonly envelope: Head["envelope"];
  readonly recipients: RecipientView[];
  readonly timeline: readonly TimelineEntry[];
  readonly source: string | null;
  readonly providerMessageId: string | null;
}

interface RecipientView {
  readonly email: string;
  readonly kind: "to" | "cc" | "bcc";
  readonly state: State;
  readonly at: number;
  readonly code: string;
  readonly text: string;
  /** Of the bounce that the state is of. */
  readonly bounce: Bounce | null;
  readonly marks: number;
  readonly opens: number;
  readonly clicks: number;
}

/** One email as the API shows it, null when there is none. */
export async function readEmail(
  c: AppContext,
  ref: ShardRef,
  id: string,
): Promise<Result<object | null, ApiError>> {
  const services = c.get("services");
  const [held, recorded] = await Promise.allSettled([
    services.readOutbox(ref, id),
    services.readRecorded(ref.account, id),
  ]);
  for (const answer of [held, recorded]) {
    if (answer.status === "rejected")
      services.log("read_failed", { reason: String(answer.reason) });
  }
  const unit = held.status === "fulfilled" ? held.value : null;
  const rows = recorded.status === "fulfilled" ? recorded.value : [];
  const view = viewOf(id, unit, rows);
  if (view !== null) {
    const content = unit === null ? null : await contentOf(c, unit);
    const link = await unsubscribeField(c, ref.account, view);
    return ok({ ...wire(view), ...wireDetails(view), ...link, ...contentFields(content) });
  }
  const blind = held.status === "rejected" || recorded.status === "rejected";
  const sentence = "The email cannot be read at the moment; repeat the request.";
  return blind ? err(apiError("unavailable", sentence, 1_000)) : ok(null);
}

/** A page of emails, newest first: the recorded ones and those still in custody. */
export async function readEmails(c: AppContext, page: Page): Promise<object> {
  const services = c.get("services");
  const { account, scope } = c.get("caller");
  // One more than asked for tells whether there are more.
  const wider = { ...page, limit: page.limit + 1 };
  const [held, rows] = await Promise.all([
    services.listOutbox(account, scope, wider),
    services.listRecorded(scope, wider),
  ]);
  const recorded = Map.groupBy(rows, (row) => row.message_id);
  const units = new Map(held.map((unit) => [unit.id, unit]));
  const ids = [...new Set([...recorded.keys(), ...units.keys()])].sort().reverse();
  const shown = page.before === null ? ids.slice(0, page.limit) : ids.slice(-page.limit);
  const views = shown.flatMap(
    (id) => viewOf(id, units.get(id) ?? null, recorded.get(id) ?? []) ?? [],
  );
  return { object: "list", has_more: ids.length > page.limit, data: views.map(wire) };
}

function viewOf(
  id: string,
  unit: StoredUnit | null,
  rows: readonly StoredRecipient[],
): View | null {
  const stored = rows.find((row) => row.message !== null)?.message;
  const head = unit === null ? null : (JSON.parse(unit.head) as Head);
  const envelope = head?.envelope ?? (stored ? (JSON.parse(stored) as Head["envelope"]) : null);
  // A row without its message was made by an event that came before the outcome it belongs to.
  if (envelope === null) return null;
  const numbers = new Set(rows.map((row) => row.recipient_no));
  unit?.recipients.forEach((_, no) => {
    numbers.add(no);
  });
  const ordered = [...numbers]
    .sort((a, b) => a - b)
    .map((no) => {
      const row = rows.find((one) => one.recipient_no === no) ?? null;
      return recipientView(row, unit, no, head?.addressees[no] ?? null);
    });
  let timeline: readonly TimelineEntry[] = unit?.timeline ?? [];
  for (const row of rows) {
    timeline = mergeTimelines(timeline, JSON.parse(row.timeline) as TimelineEntry[]);
  }
  const source = unit?.source || (rows.find((row) => row.source !== null)?.source ?? null);
  const providerMessageId = unit?.providerMessageId || (rows[0]?.provider_message_id ?? null);
  return { id, envelope, recipients: ordered, timeline, source, providerMessageId };
}

/** Where one recipient stands, of what is recorded and what its Outbox has. */
function recipientView(
  row: StoredRecipient | null,
  unit: StoredUnit | null,
  no: number,
  addressee: Addressee | null,
): RecipientView {
  const facts = [unit?.recipients[no], row === null ? undefined : factOf(row)].filter(
    (fact) => fact !== undefined,
  );
  const [first, second] = facts;
  const fact = first === undefined || second === undefined ? first : mergeFacts(first, second);
  const newest =
    unit !== null && unit.providerMessageId !== ""
      ? attemptKey(unit.source, unit.providerMessageId)
      : (row?.attempt_key ?? "");
  const source = unit?.source || (row?.source ?? null);
  const bounces = JSON.parse(row?.bounces ?? "{}") as Bounces;
  const bounce = standingBounce(bounces, newest, source);
  const engagement = JSON.parse(row?.engagement ?? "[]") as string[];
  const count = (letter: string): number =>
    engagement.filter((entry) => entry.startsWith(letter)).length;
  return {
    email: addressee?.mailbox ?? row?.address ?? "",
    kind: addressee?.kind ?? row?.kind ?? "to",
    state: bounce === null ? (fact?.state ?? "pending") : "bounced",
    at: bounce?.at ?? fact?.at ?? 0,
    code: bounce?.code ?? fact?.code ?? "",
    text: bounce?.text ?? fact?.text ?? "",
    bounce: bounce === null ? null : { kind: bounce.kind, category: bounce.category },
    marks: row?.marks ?? 0,
    opens: count("o"),
    clicks: count("c"),
  };
}

const factOf = ({ state, state_at: at, code, text }: StoredRecipient) => ({
  state,
  at,
  code,
  text,
});

/**
 * The dialect's event for where an email stands: that of its best-informed recipient, or a
 * complaint.
 */
function lastEvent(view: View): string {
  if (view.timeline.some((entry) => entry.type === "complained")) return "complained";
  const best = view.recipients.reduce<State>(
    (state, one) => (rankOf(one.state) > rankOf(state) ? one.state : state),
    "pending",
  );
  if (best === "pending") return "queued";
  const marks = view.recipients.reduce((all, one) => all | one.marks, 0);
  if (best === "delivered" && (marks & MARK.clicked) !== 0) return "clicked";
  if (best === "delivered" && (marks & MARK.opened) !== 0) return "opened";
  return best === "sent" && (marks & MARK.deferred) !== 0 ? "delivery_delayed" : best;
}

const iso = (at: number): string => new Date(at).toISOString();

function wire(view: View): object {
  const { envelope } = view;
  const of = (kind: "to" | "cc" | "bcc"): string[] =>
    view.recipients.filter((one) => one.kind === kind).map((one) => one.email);
  return {
    object: "email",
    id: view.id,
    from: envelope.from,
    to: of("to"),
    cc: of("cc"),
    bcc: of("bcc"),
    reply_to: envelope.replyTo,
    subject: envelope.subject,
    created_at: iso(envelope.createdAt),
    scheduled_at: null,
    last_event: lastEvent(view),
    tags: envelope.tags,
    metadata: envelope.metadata ?? {},
    stream: envelope.stream,
    expires_at: iso(envelope.expiresAt),
    source: view.source,
  };
}

function wireDetails(view: View): object {
  return {
    provider_message_id: view.providerMessageId,
    recipients: view.recipients.map(
      ({ email, kind, state, at, code, text, bounce, marks, opens, clicks }) => ({
        email,
        kind,
        state,
        at: iso(at),
        ...(code === "" ? {} : { code }),
        ...(text === "" ? {} : { text }),
        ...(bounce === null ? {} : { bounce }),
        ...((marks & MARK.complained) === 0 ? {} : { complained: true }),
        ...((marks & MARK.unsubscribed) === 0 ? {} : { unsubscribed: true }),
        ...(opens === 0 ? {} : { opens }),
        ...(clicks === 0 ? {} : { clicks }),
      }),
    ),
    timeline: view.timeline.map(({ at, type, no, attempt, source, code, text, bounce }) => ({
      type,
      at: iso(at),
      ...(no === undefined ? {} : { recipient: view.recipients[no]?.email }),
      ...(attempt === undefined ? {} : { attempt }),
      ...(source === undefined ? {} : { source }),
      ...(code ? { code } : {}),
      ...(text ? { text } : {}),
      ...(bounce ? { bounce } : {}),
    })),
  };
}

/** Where its reader unsubscribes, as its header says and for whoever tries it out. */
async function unsubscribeField(c: AppContext, account: string, view: View): Promise<object> {
  const { links, stream } = view.envelope;
  const [only] = view.recipients;
  const mailbox = parseMailbox(only?.email ?? "");
  if (!(links?.unsubscribe || links?.marked) || !mailbox.ok) return {};
  const whose = { account, messageId: view.id, no: 0 };
  const hash = await recipientHash(mailbox.value.address);
  const signer = await c.get("services").signer();
  const link = { purpose: "unsubscribe", ...whose, hash, stream } as const;
  return { unsubscribe_url: await linkUrl(signer, links.base, link) };
}

async function contentOf(c: AppContext, unit: StoredUnit): Promise<Content | null> {
  if (unit.content === null) return null;
  if ("inline" in unit.content) return JSON.parse(unit.content.inline) as Content;
  const { key } = unit.content;
  const services = c.get("services");
  const text = await readable(services, () => services.readContent(key));
  return text.ok && text.value !== null ? (JSON.parse(text.value) as Content) : null;
}

/** Content is kept until the message is recorded as handed over; after that it is null. */
const contentFields = (content: Content | null): object => ({
  html: content?.html ?? null,
  text: content?.text ?? null,
  headers: content?.headers ?? null,
});
