/**
 * Bounces in words: qmail's (QSBMF), Exim's, Exchange's without a status part, and whoever writes
 * like them. All put a recipient on a line, and behind or below it what the other server said.
 */
import type { EventType } from "../../core/delivery-state.ts";
import { firstOf, mailboxOf, momentOf } from "./fields.ts";
import type { InboundMail } from "./mail.ts";
import { codeOf, DIAGNOSTIC_MAX, type Said } from "./said.ts";

/** A recipient and what is said about it, in one line. */
export interface Diagnosis {
  readonly address: string;
  readonly text: string;
}

/** Lines that are read; then there is the original. */
const LINES_MAX = 300;
/** Characters of a line, beyond which it is none of a person's. */
const LINE_MAX = 1_000;
/** A message leaves with 50 recipients at most. */
const RECIPIENTS_MAX = 50;

/** From here on it is the original. */
const COPIES = [
  /^\s*--.*(?:copy of|original message|below this line|undelivered message|header)/i,
  /^\s*original message (?:headers|follows)/i,
];
/** The same without words, once a recipient was told of. */
const RULE = /^\s*-{5,}\s*$/;

/** `<jane@x>: why`, `jane@x` alone, `'jane@x' on 1/1/2026`, `jane@x<mailto:jane@x>`. */
const RECIPIENT = new RegExp(
  [
    /^\s*['"<(]?([^\s<>'"(),;:@]{1,64}@[^\s<>'"(),;:@]{1,255})['">)]*/,
    /(?:\s*[(<]\s*(?:mailto:)?[^\s<>()]*[>)])?/,
    /\s*(?::\s*(.*)|on\s.*)?$/,
  ]
    .map(({ source }) => source)
    .join(""),
  "i",
);

const anyOf = (patterns: readonly RegExp[], text: string): boolean =>
  patterns.some((pattern) => pattern.test(text));

/** The recipients of a text and what is said of each; one told of twice keeps what has a code. */
export function diagnosesIn(text: string): Diagnosis[] {
  const found = new Map<string, Diagnosis>();
  let address = "";
  let words: string[] = [];
  const close = (): void => {
    const said = words.join(" ").slice(0, DIAGNOSTIC_MAX);
    const other = found.get(address);
    const better = other === undefined || (codeOf("", other.text) === "" && said !== "");
    if (address !== "" && better && found.size < RECIPIENTS_MAX) {
      found.set(address, { address, text: said });
    }
    [address, words] = ["", []];
  };
  for (const full of text.split(/\r\n|\n|\r/, LINES_MAX)) {
    const line = full.slice(0, LINE_MAX);
    if (anyOf(COPIES, line) || (RULE.test(line) && (address !== "" || found.size > 0))) break;
    const [, recipient, rest = ""] = RECIPIENT.exec(line) ?? [];
    if (recipient !== undefined) {
      close();
      address = recipient;
      if (rest.trim() !== "") words.push(rest.trim());
    } else if (line.trim() !== "") {
      if (address !== "") words.push(line.trim());
    } else if (words.length > 0) close();
  }
  close();
  return [...found.values()];
}

/** How those begin that are bounces whatever their header says: Exim's is `auto-replied`. */
const OPENINGS = [
  /this is the [^\n]{0,60}qmail-send program/i,
  /created automatically by (?:the )?mail (?:delivery|system)/i,
  /delivery has failed to these recipients/i,
  /did not reach (?:some or all of )?(?:the|its) (?:intended )?recipient/i,
  /this is the mail system at host/i,
];

/** What the subject of a bounce says. */
const SUBJECTS = [
  /^(?:undeliver|returned mail|failure notice|non-?\s?deliver|mail delivery|unzustellbar)/i,
  /^(?:delivery (?:status|failure|has failed|problem)|message (?:delivery|could not|undeliver))/i,
  /^(?:could not (?:send|deliver)|mail could not|warning: )/i,
];

/** Who writes bounces. */
const DAEMONS = /^(?:mailer-daemon|mail-daemon|postmaster|mdaemon|microsoftexchange[^@]*)@/i;

/** It is still being tried. */
const DELAYS = [
  /has not yet been delivered|this is a warning message only/i,
  /(?:delivery|message) (?:is )?delayed/i,
  /will (?:(?:continue|keep) (?:trying|to try)|be retried)|delivery attempts will continue/i,
];

/** Characters of a text in which it says what it is. */
const HEAD_MAX = 2_000;

/** What an automatic answer says of itself (RFC 3834, and what was usual before it). */
function isAnswer({ header }: InboundMail): boolean {
  const automatic = firstOf(header, "auto-submitted").toLowerCase();
  const precedence = firstOf(header, "precedence").toLowerCase();
  return (
    automatic.startsWith("auto-replied") ||
    automatic.startsWith("auto-notified") ||
    precedence === "auto_reply" ||
    ["x-autoreply", "x-autorespond", "x-auto-reply-from"].some((name) => header.has(name)) ||
    /^(?:auto(?:matic)?[- ]?(?:reply|response)|out of (?:the )?office|abwesen)/i.test(
      firstOf(header, "subject"),
    )
  );
}

/** Whether it is a bounce in words, somebody's automatic answer, or neither. */
export function kindOfPlain(mail: InboundMail): "bounce" | "answer" | null {
  const { header, sender, text } = mail;
  const ndr = header.has("x-failed-recipients") || header.has("x-ms-exchange-message-is-ndr");
  if (ndr || anyOf(OPENINGS, text.slice(0, HEAD_MAX))) return "bounce";
  if (isAnswer(mail)) return "answer";
  const daemon = sender === "" || DAEMONS.test(mailboxOf(firstOf(header, "from")));
  return daemon && anyOf(SUBJECTS, firstOf(header, "subject")) ? "bounce" : null;
}

/** What a bounce in words says; none when no reason is found in it. */
export function plainEvents({ header, text }: InboundMail): Said[] {
  const type: EventType = anyOf(DELAYS, text.slice(0, HEAD_MAX)) ? "deferred" : "bounced";
  const named = diagnosesIn(text).filter((one) => one.text !== "");
  const told = named.length > 0 ? named : unnamed(text, firstOf(header, "x-failed-recipients"));
  const at = momentOf(firstOf(header, "date"));
  return told.map(({ address, text: said }) => ({
    address,
    type,
    at,
    code: codeOf("", said),
    text: said,
    raw: { report: "text", text: text.slice(0, HEAD_MAX) },
  }));
}

/** A line with a code, in a text that names nobody. */
function unnamed(text: string, failed: string): Diagnosis[] {
  const line = text
    .split(/\r\n|\n|\r/, LINES_MAX)
    .map((one) => one.slice(0, LINE_MAX).trim())
    .find((one) => codeOf("", one) !== "");
  if (line === undefined) return [];
  const addresses = failed.split(",").map(mailboxOf).slice(0, RECIPIENTS_MAX);
  return addresses.map((address) => ({ address, text: line }));
}
