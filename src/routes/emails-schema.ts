/**
 * The body of `POST /emails` in Resend's dialect with Postern's additive fields, and the way from
 * it to a message. Unknown fields are refused: a mistyped one would be silent loss of what was
 * meant.
 */
import { z } from "zod";
import { canonicalAddress, type Mailbox, parseMailbox } from "../core/address.ts";
import { refusalOfHeader } from "../core/header-names.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { Message, StreamTerms } from "../deliver/accept.ts";
import { type ApiError, apiError } from "../edge/errors.ts";
import { fieldError } from "../edge/validation.ts";
import { VERIFY_MODES } from "../verify/verdict.ts";

/** To, Cc and Bcc together: what most providers take in one call. */
export const RECIPIENTS_MAX = 50;

/**
 * RFC 5322 section 2.1.1: a line holds 998 characters, and a subject is one header line's worth.
 */
const SUBJECT_MAX = 998;
const HEADERS_MAX = 50;
const HEADER_VALUE_MAX = 4_096;
const TAGS_MAX = 50;
const ATTACHMENTS_MAX = 50;
const FILENAME_MAX = 255;

/** Mail that nobody waits for after a month is not transactional mail nor news. */
const EXPIRES_MAX_MS = 30 * 24 * 3_600_000;

// biome-ignore lint/suspicious/noControlCharactersInRegex: refusing them is the purpose
const ONE_LINE = /^[^\u0000-\u0008\u000a-\u001f\u007f]*$/;
const oneLine = (max: number) =>
  z.string().max(max).regex(ONE_LINE, "must not contain line breaks or control characters");

/** RFC 5322 section 2.2: printable ASCII but the colon. */
const headerName = z
  .string()
  .max(128)
  .regex(/^[!-9;-~]+$/, "a header name is printable ASCII without spaces or a colon");

const tagText = z
  .string()
  .max(256)
  .regex(/^[A-Za-z0-9_-]+$/, "may only contain ASCII letters, numbers, underscores and dashes");

/**
 * What every provider with such a field takes. Postmark's limits are the narrowest: 10 fields, of
 * which two are ours, names of 20 characters and values of 80.
 */
const METADATA_MAX = 8;
const METADATA_VALUE_MAX = 80;
const METADATA_TOO_MANY = `an email has at most ${METADATA_MAX} metadata fields`;
const metadataName = z
  .string()
  .regex(/^(?!postern_)[A-Za-z0-9_-]{1,20}$/i, "a name is A-Z, a-z, 0-9, _ and -, up to 20");

const mailboxes = z.union([z.string(), z.array(z.string())], {
  error: "expected a string or an array of strings",
});

const attachment = z.strictObject({
  filename: oneLine(FILENAME_MAX).min(1).optional(),
  content: z.string().optional(),
  path: z.string().max(2_048).optional(),
  content_type: oneLine(127).optional(),
  content_id: oneLine(127).optional(),
});

export const emailSchema = z.strictObject({
  from: z.string(),
  to: mailboxes,
  cc: mailboxes.optional(),
  bcc: mailboxes.optional(),
  reply_to: mailboxes.optional(),
  subject: oneLine(SUBJECT_MAX),
  html: z.string().optional(),
  text: z.string().optional(),
  headers: z.record(headerName, oneLine(HEADER_VALUE_MAX)).optional(),
  tags: z
    .array(z.strictObject({ name: tagText, value: tagText }))
    .max(TAGS_MAX)
    .optional(),
  metadata: z
    .record(metadataName, oneLine(METADATA_VALUE_MAX))
    .refine((fields) => Object.keys(fields).length <= METADATA_MAX, METADATA_TOO_MANY)
    .optional(),
  attachments: z.array(attachment).max(ATTACHMENTS_MAX).optional(),
  stream: z.string().default("transactional"),
  on_unknown: z.enum(["retry", "hold"]).optional(),
  verify: z.enum(VERIFY_MODES).optional(),
  expires_at: z.iso.datetime({ offset: true }).optional(),
});

export type EmailInput = z.infer<typeof emailSchema>;
export type AttachmentInput = z.infer<typeof attachment>;

/** Checks the shape of one email. */
export function parseEmail(value: unknown): Result<EmailInput, ApiError> {
  const parsed = emailSchema.safeParse(value);
  if (parsed.success) return ok(parsed.data);
  return err(fieldError(parsed.error, value));
}

const tooManyRecipients = (): ApiError =>
  apiError(
    "invalid_parameter",
    `An email has at most ${RECIPIENTS_MAX} recipients in \`to\`, \`cc\` and \`bcc\` together.`,
  );

/** What the way from input to message depends on. */
export interface Terms {
  readonly now: number;
  readonly stream: (name: string) => StreamTerms | null;
  readonly streamNames: () => readonly string[];
  /** Null: any From domain may be used. */
  readonly domains: readonly string[] | null;
}

/** From checked input, its attachments at hand, to a message that may be accepted. */
export function messageOf(
  input: EmailInput,
  attachments: Message["content"]["attachments"],
  terms: Terms,
): Result<Message, ApiError> {
  const from = mailboxOf("from", input.from);
  if (!from.ok) return from;
  if (terms.domains !== null && !terms.domains.includes(from.value.asciiDomain)) {
    return err(
      apiError(
        "domain_not_allowed",
        `The From domain ${from.value.asciiDomain} is not in this account's \`domains\`.`,
      ),
    );
  }
  const recipients = recipientsOf(input);
  if (!recipients.ok) return recipients;
  const replyTo = mailboxesOf("reply_to", input.reply_to);
  if (!replyTo.ok) return replyTo;
  const stream = terms.stream(input.stream);
  if (stream === null) {
    const names = terms.streamNames().join(", ");
    return err(apiError("invalid_parameter", `There is no such \`stream\`; there are: ${names}.`));
  }
  const expiresAt = input.expires_at === undefined ? null : Date.parse(input.expires_at);
  if (expiresAt !== null && (expiresAt <= terms.now || expiresAt > terms.now + EXPIRES_MAX_MS)) {
    return err(
      apiError("invalid_field", "`expires_at` must lie in the future, at most 30 days ahead."),
    );
  }
  if (input.html === undefined && input.text === undefined) {
    return err(apiError("missing_required_field", "Missing `html` or `text` field."));
  }
  const headers = input.headers ?? {};
  const refused = refusedHeader(headers);
  if (refused !== null) return err(refused);
  return ok({
    from: from.value,
    recipients: recipients.value,
    replyTo: replyTo.value,
    subject: input.subject,
    tags: input.tags ?? [],
    metadata: input.metadata ?? {},
    stream,
    onUnknown: input.on_unknown ?? null,
    expiresAt,
    content: {
      ...(input.html === undefined ? {} : { html: input.html }),
      ...(input.text === undefined ? {} : { text: input.text }),
      headers,
      attachments,
    },
  });
}

function refusedHeader(headers: Readonly<Record<string, string>>): ApiError | null {
  const names = Object.keys(headers);
  if (names.length > HEADERS_MAX) {
    return apiError("invalid_field", `An email has at most ${HEADERS_MAX} headers of its own.`);
  }
  for (const name of names) {
    const refusal = refusalOfHeader(name);
    if (refusal === null) continue;
    const why = refusal === "written" ? "Postern writes it" : "it gives orders to a provider";
    return apiError("invalid_field", `The header \`${name}\` is not for \`headers\`: ${why}.`);
  }
  return null;
}

function recipientsOf(input: EmailInput): Result<Message["recipients"], ApiError> {
  const all: { kind: "to" | "cc" | "bcc"; mailbox: Mailbox }[] = [];
  const seen = new Set<string>();
  for (const kind of ["to", "cc", "bcc"] as const) {
    const parsed = mailboxesOf(kind, input[kind]);
    if (!parsed.ok) return parsed;
    for (const mailbox of parsed.value) {
      // Named twice, a recipient gets the message once, where it was named first.
      const canonical = canonicalAddress(mailbox.address);
      if (!seen.has(canonical)) all.push({ kind, mailbox });
      seen.add(canonical);
    }
  }
  if (!all.some((one) => one.kind === "to")) {
    return err(apiError("missing_required_field", "The `to` field needs at least one recipient."));
  }
  return all.length > RECIPIENTS_MAX ? err(tooManyRecipients()) : ok(all);
}

function mailboxesOf(
  field: string,
  given: string | readonly string[] | undefined,
): Result<Mailbox[], ApiError> {
  const texts = given === undefined ? [] : typeof given === "string" ? [given] : given;
  // Counted before any is read: a list of millions is refused at once.
  if (texts.length > RECIPIENTS_MAX) return err(tooManyRecipients());
  const parsed: Mailbox[] = [];
  for (const text of texts) {
    const mailbox = mailboxOf(field, text);
    if (!mailbox.ok) return mailbox;
    parsed.push(mailbox.value);
  }
  return ok(parsed);
}

function mailboxOf(field: string, text: string): Result<Mailbox, ApiError> {
  const parsed = parseMailbox(text);
  if (parsed.ok) return parsed;
  const expected = "expected `email@example.com` or `Name <email@example.com>`";
  return err(
    apiError("invalid_field", `Invalid \`${field}\` field: ${expected}; ${parsed.error}.`),
  );
}
