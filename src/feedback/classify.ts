/**
 * What a bounce means. The provider's own fields come first where they are specific, then the words
 * of the diagnostic, then the enhanced status code (RFC 3463), then the reply code (RFC 5321):
 * operators put any refusal behind `550 5.1.1`, and say in words what it is.
 *
 * An error in the one direction costs one more attempt, in the other a reader who gets no mail any
 * more. So `hard` needs words or codes that say it and nothing that speaks against it.
 */
import type { Bounce, BounceCategory, BounceHint } from "../core/bounce.ts";
import { enhancedCodeOf, replyCodeOf } from "../core/smtp-reply.ts";
import { categoryOfCodes } from "./classify/codes.ts";
import { firstOf } from "./classify/match.ts";
import { MAILBOX_RULES, NO_ADDRESS_RULES, SYSTEM_RULES } from "./classify/recipient.ts";
import { SENDER_RULES } from "./classify/sender.ts";
import { WEAK_RULES } from "./classify/weak.ts";
import { wordsOf } from "./classify/words.ts";

/** What is known of a bounce. */
export interface Diagnostic {
  /** The provider's own fields. */
  readonly hint?: BounceHint | undefined;
  /** Enhanced status code, reply code or the provider's own word; empty when there is none. */
  readonly code: string;
  /** What the other server said. */
  readonly text: string;
  /** The reply code where the provider has a field for it. */
  readonly smtpCode?: number | null | undefined;
}

/** The mail, not the address. */
const BLOCKS: ReadonlySet<BounceCategory> = new Set([
  "policy",
  "reputation",
  "authentication",
  "content",
  "too_large",
  "provider_list",
]);

/** Classifies a bounce, or a deferral: what is refused for now is `soft`. Never throws. */
export function classify(diagnostic: Diagnostic): Bounce {
  const { hint = {} } = diagnostic;
  if (hint.category === "provider_list") {
    return { kind: hint.kind ?? "block", category: hint.category };
  }
  const told = read(diagnostic);
  if (hint.category !== undefined && hint.kind !== undefined) return specific(hint, told);
  const category = hint.category ?? told.category;
  if (hint.kind === undefined) return { kind: kindOf(category, told.transient), category };
  return general(hint.kind, category, told);
}

interface Told {
  readonly category: BounceCategory;
  /** The words are understood; else the codes speak, if there are any. */
  readonly understood: boolean;
  readonly transient: boolean;
  /** There is neither word nor code. */
  readonly silent: boolean;
}

/** A provider's verdict with its reason stands, unless the other server's words are against it. */
function specific(hint: BounceHint, told: Told): Bounce {
  const { kind = "soft", category = "unknown" } = hint;
  if (kind !== "hard") return { kind, category };
  const against = told.transient || (told.understood && told.category !== "recipient");
  if (!against) return { kind, category };
  return { kind: kindOf(told.category, told.transient), category: told.category };
}

/** A verdict without a reason is a limit: providers call most of 5xx permanent. */
function general(kind: Bounce["kind"], category: BounceCategory, told: Told): Bounce {
  if (kind === "hard") {
    if (told.silent) return { kind, category: category === "unknown" ? "recipient" : category };
    return { kind: kindOf(category, told.transient), category };
  }
  if (kind === "block" && category === "unknown") return { kind, category };
  const own = kindOf(category, told.transient);
  return { kind: own === "hard" ? "soft" : own, category };
}

function kindOf(category: BounceCategory, transient: boolean): Bounce["kind"] {
  if (transient) return "soft";
  if (category === "recipient") return "hard";
  return BLOCKS.has(category) ? "block" : "soft";
}

/** 5.0.0 and the like say the class only. */
const GENERIC = /^[245]\.0\.0$/;

function read({ code, text, smtpCode }: Diagnostic): Told {
  const given = enhancedCodeOf(code);
  const generic = given === null || GENERIC.test(given);
  const enhanced = generic ? (enhancedCodeOf(text) ?? given) : given;
  const reply = smtpCode ?? replyCodeOf(code) ?? replyCodeOf(text);
  const temporary = enhanced?.[0] === "4" || (reply !== null && reply >= 400 && reply < 500);
  const words = wordsOf(text);
  const said = meaning({ words, text, enhanced, reply });
  const silent = words.trim() === "" && enhanced === null && reply === null;
  if (said !== null) {
    const transient = temporary || said.doubtful === true;
    return { category: said.category, understood: true, transient, silent };
  }
  const category = categoryOfCodes(enhanced, reply);
  return { category, understood: false, transient: temporary, silent };
}

interface Meaning {
  readonly category: BounceCategory;
  /** The words may hide something else. */
  readonly doubtful?: boolean;
}

interface Said {
  readonly words: string;
  readonly text: string;
  readonly enhanced: string | null;
  readonly reply: number | null;
}

/** "Mailbox unavailable" is RFC 5321's own text for 550, whatever the reason is. */
const UNAVAILABLE =
  / (?:mailbox|recipient|user|address|account) (?:\S+ ){0,2}(?:unavailable|not available) /;
/** Statuses with which it is the mailbox that does not exist (Microsoft: 5.4.1 and 5.5.0). */
const CONFIRMS = /^5\.(?:1\.(?:0|1|10)|5\.0|0\.0)$/;

/** Statuses that are never those of an unknown user: the mailbox exists, or it is the sender's. */
const CONTRADICTS = /^[45]\.(?:2\.[1-4]|1\.[78])$/;

/**
 * Refusals by a recipient's filter that are worded as an unknown user. A status code would tell
 * them apart and is missing: docomo's `550 Unknown user` also hides that a sender is refused, what
 * follows an empty place for the address is said after DATA, when the address was taken, and
 * sendmail, which gives 5.1.1 to users that it does not know, puts the words of its access table
 * behind the dots.
 */
const SENDMAIL =
  /(?:^| said) @ ¤(?! (?:user unknown|unknown user|host unknown|unknown host|user not local) )/;
const BARE = /5\d\d[- ]\s*unknown\s+user\s+[^\s<>@]{1,64}@[^\s<>@]{1,255}\s*$/i;
const EMPTY_PLACE = /^\s*(?:smtp;\s*)?5\d\d\s*:\s*(?:user unknown|unknown user)/i;

function meaning({ words, text, enhanced, reply }: Said): Meaning | null {
  const first = firstOf(SENDER_RULES, words) ?? firstOf(MAILBOX_RULES, words);
  if (first !== null) return { category: first };
  if (firstOf(NO_ADDRESS_RULES, words) !== null) {
    const contradicted = enhanced !== null && CONTRADICTS.test(enhanced);
    if (contradicted) return { category: categoryOfCodes(enhanced, null) };
    const masked = SENDMAIL.test(words) || BARE.test(text) || EMPTY_PLACE.test(text);
    return { category: "recipient", doubtful: enhanced === null && masked };
  }
  const other = firstOf(SYSTEM_RULES, words) ?? firstOf(WEAK_RULES, words);
  if (other !== null) return { category: other };
  const confirmed = enhanced === null ? reply === 550 : CONFIRMS.test(enhanced);
  return confirmed && UNAVAILABLE.test(words) ? { category: "recipient" } : null;
}
