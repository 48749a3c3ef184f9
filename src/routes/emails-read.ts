/**
 * Reading emails: what D1 has recorded and what the Outbox still holds, merged by the same rule as
 * everything else, so that a message can be read the moment it is accepted.
 */
import type { Content, Head, ShardRef, StoredUnit } from "../core/custody.ts";
import {
  mergeFacts,
  mergeTimelines,
  rankOf,
  type State,
  type TimelineEntry,
} from "../core/delivery-state.ts";
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
    return ok({ ...wire(view), ...wireDetails(view), ...contentFields(content) });
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
  const recipients = new Map<number, RecipientView>();
  for (const row of rows) {
    const { address: email, kind, state, state_at: at, code, text } = row;
    recipients.set(row.recipient_no, {
      email: email ?? "",
      kind: kind ?? "to",
      state,
      at,
      code,
      text,
    });
  }
  unit?.recipients.forEach((fact, no) => {
    const addressee = head?.addressees[no];
    const other = recipients.get(no);
    const merged = other === undefined ? fact : mergeFacts(fact, other);
    const { state, at, code, text } = merged;
    const email = addressee?.mailbox ?? "";
    recipients.set(no, { email, kind: addressee?.kind ?? "to", state, at, code, text });
  });
  let timeline: readonly TimelineEntry[] = unit?.timeline ?? [];
  for (const row of rows) {
    timeline = mergeTimelines(timeline, JSON.parse(row.timeline) as TimelineEntry[]);
  }
  const ordered = [...recipients].sort(([a], [b]) => a - b).map(([, recipient]) => recipient);
  const source = unit?.source || (rows.find((row) => row.source !== null)?.source ?? null);
  const providerMessageId = unit?.providerMessageId || (rows[0]?.provider_message_id ?? null);
  return { id, envelope, recipients: ordered, timeline, source, providerMessageId };
}

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
  const deferred = view.timeline.some((entry) => entry.type === "deferred");
  return best === "sent" && deferred ? "delivery_delayed" : best;
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
    recipients: view.recipients.map(({ email, kind, state, at, code, text }) => ({
      email,
      kind,
      state,
      at: iso(at),
      ...(code === "" ? {} : { code }),
      ...(text === "" ? {} : { text }),
    })),
    timeline: view.timeline.map(({ at, type, no, attempt, source, code, text }) => ({
      type,
      at: iso(at),
      ...(no === undefined ? {} : { recipient: view.recipients[no]?.email }),
      ...(attempt === undefined ? {} : { attempt }),
      ...(source === undefined ? {} : { source }),
      ...(code ? { code } : {}),
      ...(text ? { text } : {}),
    })),
  };
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
