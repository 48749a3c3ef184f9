/**
 * Reacher's HTTP API (check-if-email-exists): one POST, answered with what an SMTP conversation
 * without a message has shown (https://docs.reacher.email/advanced/openapi/v1-check_email).
 *
 * A mailbox is only ever said to be missing on the one shape of answer that says so without any
 * contradiction. Whatever else comes, or does not come, is `unavailable` or `blocked`.
 */
import { z } from "zod";
import { enhancedCodeOf, replyCodeOf } from "../../core/smtp-reply.ts";
import type { ProbeOutcome } from "../verdict.ts";
import { readText } from "./body.ts";
import type { ProbeAnswer, ProbeBackend } from "./ports.ts";

export interface ReacherSettings {
  /** Where it is, without the path: `https://reacher.example.com`. */
  readonly url: string;
  /** `/v1/check_email`; `/v0/check_email` is the older one, with the same wire. */
  readonly path: string;
  /** Null: it asks for none. */
  readonly secret: string | null;
  /** A server of one's own reads `x-reacher-secret`, the hosted one `authorization`. */
  readonly secretHeader: "x-reacher-secret" | "authorization";
  /** What it says in MAIL FROM and EHLO; null: what it is configured to say. */
  readonly from: string | null;
  readonly hello: string | null;
}

/** Bytes of an answer: about 1.5 KB with debug details, and as many again for a long MX list. */
const ANSWER_MAX_BYTES = 65_536;

/** The SMTP part of an answer when the mail host gave a clear reply. */
const clear = z.object({
  can_connect_smtp: z.boolean(),
  has_full_inbox: z.boolean(),
  is_catch_all: z.boolean(),
  is_deliverable: z.boolean(),
  is_disabled: z.boolean(),
  error: z.never().optional(),
});

/** What it calls an error; a message may be nested. */
const error = z.object({ type: z.string(), message: z.unknown().optional() });

/** The SMTP part otherwise: as servers send it, and as the OpenAPI document has it. */
const unclear = z.union([
  z.object({ error, description: z.string().nullish() }),
  error.transform((bare) => ({ error: bare, description: null })),
]);

/** What is read of an answer; other fields are ignored. */
const answer = z.object({
  input: z.string(),
  is_reachable: z.enum(["safe", "risky", "invalid", "unknown"]),
  smtp: z.union([unclear, clear]),
  misc: z.unknown().optional(),
});

const flagged = z.object({ is_disposable: z.boolean(), is_role_account: z.boolean() });

const quiet = (outcome: ProbeOutcome): ProbeAnswer => ({
  outcome,
  smtp_code: null,
  enhanced: null,
  fault: false,
});

/** It says nothing about the mailbox, and the backend is not to blame. */
const UNCLEAR = quiet("unavailable");

/** The backend has failed. */
const FAULT: ProbeAnswer = { ...UNCLEAR, fault: true };

/** What it answers to an address that it cannot read; the address is at fault then. */
const NOT_READ: ReadonlySet<number> = new Set([400, 422]);

/** A Reacher server; `ask` posts once and never follows a redirect. */
export function createReacher(
  settings: ReacherSettings,
  deps: { readonly fetch: typeof fetch },
): ProbeBackend {
  const { secret, from, hello } = settings;
  const url = `${settings.url.replace(/\/+$/, "")}${settings.path}`;
  const headers = {
    "Content-Type": "application/json",
    "User-Agent": "postern",
    ...(secret === null ? {} : { [settings.secretHeader]: secret }),
  };
  const asked = {
    ...(from === null ? {} : { from_email: from }),
    ...(hello === null ? {} : { hello_name: hello }),
  };
  return {
    name: "reacher",
    async ask(address, signal) {
      try {
        const response = await deps.fetch(url, {
          method: "POST",
          headers,
          body: JSON.stringify({ to_email: address, ...asked }),
          // A redirect would carry the address and the secret to another host.
          redirect: "manual",
          signal,
        });
        const text = await readText(response.body, ANSWER_MAX_BYTES);
        if (NOT_READ.has(response.status)) return UNCLEAR;
        return response.status === 200 && text !== null ? readAnswer(text, address) : FAULT;
      } catch {
        return FAULT;
      }
    },
  };
}

/** What the body of a 200 says about `address`. Total: what is not understood is a fault. */
export function readAnswer(text: string, address: string): ProbeAnswer {
  const parsed = answer.safeParse(parseJson(text));
  // An answer about another address is none.
  if (!parsed.success || parsed.data.input.toLowerCase() !== address.toLowerCase()) return FAULT;
  const { is_reachable: reachable, smtp: told, misc } = parsed.data;
  if (told.error !== undefined) return failed(told);
  return quiet(outcomeOf(reachable, told, misc));
}

type Reachable = z.infer<typeof answer>["is_reachable"];

function outcomeOf(reachable: Reachable, told: z.infer<typeof clear>, misc: unknown): ProbeOutcome {
  if (!told.can_connect_smtp || reachable === "unknown") return "unavailable";
  // A domain that takes any local part says nothing by refusing or taking this one.
  if (told.is_catch_all) return "catch_all";
  if (told.is_deliverable) {
    const contradicted = told.is_disabled || told.has_full_inbox || reachable === "invalid";
    return contradicted ? "unavailable" : "accepted";
  }
  if (told.has_full_inbox) return told.is_disabled ? "unavailable" : "mailbox_full";
  if (!isRefused(reachable, misc)) return "unavailable";
  return told.is_disabled ? "mailbox_disabled" : "mailbox_not_found";
}

/**
 * Whether the summary says the same as the SMTP part that says no. It is `invalid` then, but for
 * role accounts and disposable domains, which it calls `risky` whatever the mail host replied.
 */
function isRefused(reachable: Reachable, misc: unknown): boolean {
  if (reachable === "invalid") return true;
  const flags = flagged.safeParse(misc);
  return (
    reachable === "risky" &&
    flags.success &&
    (flags.data.is_disposable || flags.data.is_role_account)
  );
}

/** Its names for a refusal of the prober. */
const REFUSED_PROBER: ReadonlySet<string> = new Set(["IpBlacklisted", "NeedsRDNS"]);

/** Policy refuses for good (RFC 3463 section 3.8), or reverse DNS is missing (RFC 7372). */
const REFUSED_BY_CODE = /^(?:5\.7\.\d+|[45]\.7\.25)$/;

/** How mail hosts put that they do not talk to this client. */
const REFUSED_BY_WORDS = new RegExp(
  [
    String.raw`\b(?:black|block|deny)[ -]?list`,
    String.raw`\b(?:blocked|banned|dnsbls?|rbl|spamhaus|ptr)\b`,
    String.raw`\breverse (?:dns|host)`,
    String.raw`\b(?:poor|bad|low) reputation`,
  ].join("|"),
  "i",
);

/** The proxy through which it talks SMTP has failed. */
const OWN_FAILURES: ReadonlySet<string> = new Set(["SocksError"]);

function failed({ error, description }: z.infer<typeof unclear>): ProbeAnswer {
  if (OWN_FAILURES.has(error.type)) return FAULT;
  const { message } = error;
  const text = typeof message === "string" ? message : (JSON.stringify(message) ?? "");
  const enhanced = enhancedCodeOf(text);
  const blocked =
    REFUSED_PROBER.has(description ?? "") ||
    REFUSED_BY_CODE.test(enhanced ?? "") ||
    REFUSED_BY_WORDS.test(text);
  return {
    outcome: blocked ? "blocked" : "unavailable",
    smtp_code: replyCodeOf(text),
    enhanced,
    fault: false,
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
