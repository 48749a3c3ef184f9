/** `[vars.POSTERN.verify]`: who is asked about addresses, and what answers are made into advice. */
import { z } from "zod";
import { isLoopback } from "../core/public-url.ts";
import { REASONS, RECOMMENDATIONS } from "../verify/verdict.ts";

/** Resolvers that are asked in turn: a third one hardly ever knows what two do not. */
const RESOLVERS_MAX = 4;

const DAYS_MAX = 36_500;

/**
 * Whether a server that the operator names is asked by https, or is on the machine itself, for
 * development and tests.
 */
function isAskable(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === "https:" || (protocol === "http:" && isLoopback(hostname));
}

const url = z.string().max(2_048).refine(isAskable, "must be an https:// URL");

/** A backend that talks SMTP to mailbox operators, which a Worker cannot. */
const probe = z.strictObject({
  backend: z.literal("reacher"),
  url,
  /** The older API is at `/v0/check_email`. */
  path: z.string().startsWith("/").max(256).default("/v1/check_email"),
  /** The name of the secret that it is asked with. */
  secret: z.string().min(1).optional(),
  /** A server of one's own reads the first, the hosted one the second. */
  secret_header: z.enum(["x-reacher-secret", "authorization"]).default("x-reacher-secret"),
  /** What the backend says in MAIL FROM and EHLO. */
  from: z.string().max(254).optional(),
  hello: z.string().max(255).optional(),
  /** A probe talks SMTP: greylisting and tarpits are slow, and whoever waits is a person. */
  time_limit_ms: z.number().int().min(100).max(60_000).default(10_000),
  /** Mailbox operators block who asks for many: probes of one operator in a minute. */
  per_site_per_minute: z.number().min(1).max(6_000).default(60),
});

export const verify = z
  .strictObject({
    /** DNS over HTTPS (RFC 8484); the next one is asked when the one before is slow or fails. */
    resolvers: z
      .array(url)
      .min(1)
      .max(RESOLVERS_MAX)
      .default(["https://cloudflare-dns.com/dns-query", "https://dns.google/dns-query"]),
    /** Nine in ten answers of a large resolver are there by then. */
    hedge_ms: z.number().int().min(1).max(10_000).default(200),
    /** Of one question to one resolver; authoritative servers far away take a second. */
    time_limit_ms: z.number().int().min(10).max(30_000).default(2_500),
    /** Forms of addresses that are taken beside plain ones. */
    forms: z
      .strictObject({
        quoted: z.boolean().default(true),
        literal: z.boolean().default(false),
        smtputf8: z.boolean().default(true),
      })
      .prefault({}),
    /** Advice by reason, over the defaults. */
    advice: z.partialRecord(z.enum(REASONS), z.enum(RECOMMENDATIONS)).default({}),
    /** Confidence below which an address is to be reviewed, and blocked. */
    review_below: z.number().min(0).max(1).default(0.9),
    block_below: z.number().min(0).max(1).default(0.5),
    /** How long a hard bounce, and a delivery, of our own counts as proof. */
    hard_days: z.number().positive().max(DAYS_MAX).default(365),
    delivered_days: z.number().positive().max(DAYS_MAX).default(90),
    /** Whether accounts learn about domains from one another's mail. */
    share_evidence: z.boolean().default(false),
    /** How long acceptance waits for a `strict` verification; after that the message is taken. */
    strict_ms: z.number().int().min(1).max(20_000).default(3_000),
    probe: probe.optional(),
  })
  .refine((one) => one.block_below <= one.review_below, "block_below <= review_below");
