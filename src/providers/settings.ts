/** Fields of a source that several providers have, each with its limit and reason. */
import { z } from "zod";
import { err, ok, type Result } from "../core/result.ts";

const rate = z.strictObject({
  requests_per_second: z.number().positive().optional(),
  recipients_per_second: z.number().positive().optional(),
});

const site = z.strictObject({
  per_minute: z.number().positive(),
  /** How many may leave at once after a pause. */
  burst: z.number().int().min(1),
});

/** The pace of a source: every provider has it. */
export const pace = {
  rate: rate.default({}),
  sites: z.record(z.string().toLowerCase(), site).default({}),
};

/**
 * An API answers within a second; longer than this is a call that may or may not have been taken.
 */
export const TIME_LIMIT_MS = 10_000;

/** Every provider that is reached over the network. */
export const remote = {
  ...pace,
  time_limit_ms: z.number().int().min(10).max(60_000).default(TIME_LIMIT_MS),
};

/** A provider that recognises a repeated key. */
export const deduplication = { deduplicates: z.boolean().default(true) };

/** A provider that takes several messages in a call. */
export const batching = { batch: z.boolean().default(true) };

/** The name of a secret. */
export const secretName = z.string().min(1);

/** Names of secrets of one purpose, each good on its own: the old and the new while they change. */
const secretNames = z.array(secretName).max(4).default([]);

/** HTTP allows more; a name is a token (RFC 9110 section 5.1). */
const headerName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, "a header's name is A-Z, 0-9 and -");

const webhook = z.strictObject({
  /** Secrets whose value is `user:password`. */
  basic: secretNames,
  bearer: secretNames,
  header: z.strictObject({ name: headerName, secrets: secretNames }).optional(),
  /** The provider's signing keys. */
  signing: secretNames,
  /** Amazon SNS topics, by ARN. */
  topics: z
    .array(z.string().regex(/^arn:aws[a-z-]*:sns:/, "a topic's ARN"))
    .max(16)
    .default([]),
  /** The provider's names of our accounts, such as MailChannels' customer handles. */
  handles: z.array(z.string().min(1).max(128)).max(16).default([]),
});

export type WebhookSettings = z.infer<typeof webhook>;

/** What `POST /hooks/NAME` believes; left out: nothing. */
export const hooked = { webhook: webhook.optional() };

/** Where an API answers, without a trailing slash; given for emulators and compatible services. */
export const baseUrl = (usual: string) => z.url().default(usual).transform(withoutSlash);

/** The same for an API with several regions: given, it goes before the address of the region. */
export const regionalUrl = z.url().transform(withoutSlash).optional();

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, "");
}

/** The values of the secrets named, or which one is not set. */
export function secrets<Name extends string>(
  named: Readonly<Record<Name, string>>,
  read: (name: string) => string | null,
): Result<Record<Name, string>, string> {
  const values: Partial<Record<Name, string>> = {};
  for (const [field, name] of Object.entries<string>(named)) {
    const value = read(name);
    if (value === null) return err(`the secret ${name} is not set`);
    values[field as Name] = value;
  }
  return ok(values as Record<Name, string>);
}
