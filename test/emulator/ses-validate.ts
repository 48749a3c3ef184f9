/** What SES refuses in `SendEmail`, and stricter: members it does not know are refused too. */
import { z } from "zod";
import { isBase64 } from "./checks.ts";

/** An answer in SES's error shape. */
export interface ApiError {
  readonly status: number;
  readonly name: string;
  readonly message: string;
}

/** A body that passed: what the emulator needs of it. */
export interface ValidEmail {
  readonly subject: string;
  /** Our message id from the tags, if it is there. */
  readonly posternId: string | undefined;
}

const RECIPIENTS_MAX = 50;
const MESSAGE_MAX_BYTES = 40_000_000;
const LINE_MAX = 998;

const DOMAIN = /[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\.[A-Za-z0-9-]+/.source;
const LOCAL = /(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+|"(?:[^"\\]|\\.)*")/.source;
const WORD = /(?:"(?:[ !#-[\]-~]|\\[ -~])*"|[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+)/.source;
const ADDRESS = `${LOCAL}@${DOMAIN}`;
const MAILBOX = new RegExp(`^(?:${ADDRESS}|(?:${WORD} )+<${ADDRESS}>)$`);

/** SES sets these itself: https://docs.aws.amazon.com/ses/latest/dg/header-fields.html */
const SET_BY_SES: ReadonlySet<string> = new Set([
  ...["bcc", "cc", "to", "from", "sender", "reply-to", "return-path", "subject", "date"],
  ...["message-id", "mime-version", "received"],
]);
const isSetBySes = (name: string): boolean =>
  SET_BY_SES.has(name.toLowerCase()) || /^(content|x-ses)-/i.test(name);

const mailbox = z.string().max(2048).regex(MAILBOX, "Illegal address");
const mailboxes = z.array(mailbox).min(1).optional();
const text = z.strictObject({ Data: z.string().min(1), Charset: z.literal("UTF-8").optional() });
const blob = z.string().refine((given) => given !== "" && isBase64(given), "not base64");
const tagText = z.string().regex(/^[A-Za-z0-9_-]{1,256}$/, "Invalid tag");
const feature = z.enum(["ENABLED", "DISABLED"]);
const name = z.string().min(1).max(64);

const header = z.strictObject({
  Name: z
    .string()
    .regex(/^[!-9;-@A-~]{1,126}$/)
    .refine((given) => !isSetBySes(given), "Header is not allowed"),
  Value: z.string().regex(/^[ -~]{1,870}$/),
});

const attachment = z
  .strictObject({
    RawContent: blob,
    FileName: z
      .string()
      .max(255)
      .regex(/\.[A-Za-z0-9]+$/, "FileName has no extension"),
    ContentType: z
      .string()
      .max(78)
      .regex(/^[\w.+-]+\/[\w.+-]+(; ?[\w-]+=[\w-]+)*$/)
      .optional(),
    ContentDisposition: z.enum(["ATTACHMENT", "INLINE"]).optional(),
    ContentDescription: z.string().max(1000).optional(),
    ContentId: z.string().min(1).max(78).optional(),
    ContentTransferEncoding: z.enum(["BASE64", "QUOTED_PRINTABLE", "SEVEN_BIT"]).optional(),
  })
  .refine(
    ({ ContentTransferEncoding: encoding = "SEVEN_BIT", RawContent }) =>
      encoding !== "SEVEN_BIT" || Buffer.from(RawContent, "base64").every((byte) => byte < 0x80),
    "the content is not 7-bit",
  );

const simple = z.strictObject({
  Subject: text,
  Body: z
    .strictObject({ Text: text.optional(), Html: text.optional() })
    .refine(({ Text, Html }) => Text !== undefined || Html !== undefined, "The body is empty"),
  Headers: z.array(header).max(15).optional(),
  Attachments: z.array(attachment).optional(),
});

const raw = z.strictObject({ Data: blob });

const sendEmail = z.strictObject({
  FromEmailAddress: mailbox,
  FromEmailAddressIdentityArn: z.string().startsWith("arn:aws").optional(),
  Destination: z.strictObject({
    ToAddresses: mailboxes,
    CcAddresses: mailboxes,
    BccAddresses: mailboxes,
  }),
  ReplyToAddresses: mailboxes,
  FeedbackForwardingEmailAddress: mailbox.optional(),
  FeedbackForwardingEmailAddressIdentityArn: z.string().startsWith("arn:aws").optional(),
  Content: z.union([z.strictObject({ Simple: simple }), z.strictObject({ Raw: raw })]),
  EmailTags: z.array(z.strictObject({ Name: tagText, Value: tagText })).optional(),
  ConfigurationSetName: name.optional(),
  EndpointId: z.string().optional(),
  TenantName: name.optional(),
  ListManagementOptions: z
    .strictObject({ ContactListName: name, TopicName: name.optional() })
    .optional(),
  ConfigurationOverrides: z
    .strictObject({
      Tracking: z.strictObject({
        OpenTrackingEnabled: feature.optional(),
        ClickTrackingEnabled: feature.optional(),
      }),
    })
    .optional(),
});

/** Checks a parsed body; the error is what SES would answer. */
export function checkEmail(value: unknown): ValidEmail | ApiError {
  const read = sendEmail.safeParse(value);
  if (!read.success) return badRequest(z.prettifyError(read.error).slice(0, 500));
  const { Destination, Content, EmailTags = [] } = read.data;
  const recipients = Object.values(Destination).flatMap((list) => list ?? []);
  if (recipients.length === 0) return badRequest("Destination is empty.");
  if (recipients.length > RECIPIENTS_MAX) return badRequest("Recipient count exceeds 50.");
  const tags = new Map(EmailTags.map((tag) => [tag.Name, tag.Value]));
  if (tags.size < EmailTags.length) return badRequest("Duplicate tag.");
  const posternId = tags.get("postern_id");
  if ("Simple" in Content) {
    const { Subject, Headers = [] } = Content.Simple;
    const names = Headers.map((one) => one.Name.toLowerCase());
    if (new Set(names).size < names.length) return badRequest("Duplicate header.");
    return { subject: Subject.Data, posternId };
  }
  const subject = checkRaw(Buffer.from(Content.Raw.Data, "base64"));
  return typeof subject === "string" ? { subject, posternId } : subject;
}

/** Checks a MIME message as far as SES reads it; its subject, as it stands there. */
function checkRaw(bytes: Buffer): string | ApiError {
  const mime = bytes.toString("latin1");
  if (bytes.byteLength > MESSAGE_MAX_BYTES) return rejectedMessage("Message is too long");
  if (/[^\t\r\n -~]/.test(mime)) return rejectedMessage("Message is not 7-bit");
  if (/\r(?!\n)|(?<!\r)\n/.test(mime)) return rejectedMessage("A line does not end with CRLF");
  if (mime.split("\r\n").some((line) => line.length > LINE_MAX)) {
    return rejectedMessage("Line too long");
  }
  const end = mime.indexOf("\r\n\r\n");
  if (end < 0) return rejectedMessage("Missing empty line after the header");
  const fields = mime
    .slice(0, end)
    .replace(/\r\n(?=[ \t])/g, "")
    .split("\r\n")
    .map((line) => /^([!-9;-~]+):[ \t]*(.*)$/.exec(line));
  if (fields.includes(null)) return rejectedMessage("A header field has no name");
  const values = new Map<string, string>();
  for (const field of fields) {
    const lower = field?.[1]?.toLowerCase() ?? "";
    if (values.has(lower)) return rejectedMessage(`Duplicate header '${lower}'.`);
    if (lower === "bcc" || lower.startsWith("x-ses-")) return rejectedMessage("Not for here");
    values.set(lower, field?.[2] ?? "");
  }
  for (const needed of ["from", "mime-version", "content-type"]) {
    if (!values.has(needed)) return rejectedMessage(`Missing required header '${needed}'.`);
  }
  return values.get("subject") ?? "";
}

const badRequest = (message: string): ApiError => ({
  status: 400,
  name: "BadRequestException",
  message,
});

const rejectedMessage = (message: string): ApiError => ({
  status: 400,
  name: "MessageRejected",
  message,
});
