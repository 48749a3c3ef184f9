/**
 * Proof that Amazon SNS posted a message: its signature by a certificate that SNS serves itself
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).
 */
import { bytesOfBase64 } from "../../core/base64.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { discard, fieldsOf, readAnswer } from "../answer.ts";
import type { HookDeps, HookRefusal, HookRequest } from "../hooks.ts";
import { jsonOf } from "../receive.ts";
import { type Certificate, readCertificate } from "./certificate.ts";

/** The kinds of messages that SNS posts. */
export type SnsType = "Notification" | "SubscriptionConfirmation" | "UnsubscribeConfirmation";

/** What SNS posts, of which every field but the last three is signed. */
export interface SnsMessage {
  readonly type: SnsType;
  readonly id: string;
  readonly topic: string;
  readonly message: string;
  /** Unix ms of the publication, the same for each repeat. */
  readonly at: number;
  /** Of a confirmation. */
  readonly subscribeUrl: string;
  /** `key\nvalue\n` of what is signed. */
  readonly signed: string;
  /** Empty when there is none. */
  readonly signature: string;
  readonly version: string;
  readonly certificateUrl: string;
}

/** By `Type`, what is signed and in which order; the subject only where there is one. */
const CONFIRMATION = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token"] as const;
const SIGNED: Readonly<Record<SnsType, readonly string[]>> = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  SubscriptionConfirmation: [...CONFIRMATION, "TopicArn", "Type"],
  UnsubscribeConfirmation: [...CONFIRMATION, "TopicArn", "Type"],
};

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

const refuse = (reason: HookRefusal["reason"], text: string): Result<never, HookRefusal> =>
  err({ reason, text });

const isType = (type: unknown): type is SnsType =>
  typeof type === "string" && Object.hasOwn(SIGNED, type);

/** Reads the frame that SNS puts around a message; it is plain JSON under `text/plain`. */
export function readSns(body: Uint8Array): Result<SnsMessage, HookRefusal> {
  const json = jsonOf(body);
  if (!json.ok) return json;
  const fields = fieldsOf(json.value);
  if (fields !== json.value) return refuse("malformed", "the body is not an SNS message");
  const { Type: type } = fields;
  if (type === undefined) {
    // Raw message delivery leaves the frame out, and with it all proof.
    return refuse("missing_proof", "not an SNS message: switch raw message delivery off");
  }
  if (!isType(type)) return refuse("malformed", "this Type is none of SNS's");
  let signed = "";
  for (const key of SIGNED[type]) {
    const value = fields[key];
    if (key === "Subject" && (value === undefined || value === null)) continue;
    if (typeof value !== "string") return refuse("malformed", `${key} is missing`);
    // A line break would make one signed text readable as another message.
    if (key !== "Message" && value.includes("\n")) {
      return refuse("malformed", `${key} has a line break`);
    }
    signed += `${key}\n${value}\n`;
  }
  const text = (key: string): string => {
    const value = fields[key];
    return typeof value === "string" ? value : "";
  };
  const at = TIME.test(text("Timestamp")) ? Date.parse(text("Timestamp")) : Number.NaN;
  if (Number.isNaN(at)) return refuse("malformed", "Timestamp is not a time");
  return ok({
    type,
    id: text("MessageId"),
    topic: text("TopicArn"),
    message: text("Message"),
    at,
    subscribeUrl: text("SubscribeURL"),
    signed,
    signature: text("Signature"),
    version: text("SignatureVersion"),
    certificateUrl: text("SigningCertURL"),
  });
}

/**
 * SNS repeats a post for an hour at most, and what it gives up may lie in a dead-letter queue for
 * as long as SQS keeps anything, 14 days, before it is posted again as it was. Reading an event
 * twice changes nothing, so a long window costs nothing
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html).
 */
export const SNS_WINDOW_MS = 14 * 86_400_000 + 3_600_000;

/** Clocks differ; nothing is published later than it is posted. */
const AHEAD_MAX_MS = 900_000;

const HASHES: Readonly<Record<string, string>> = { "1": "SHA-1", "2": "SHA-256" };

/** Proves that SNS posted this, for one of `topics`. */
export async function proveSns(
  { body }: HookRequest,
  topics: readonly string[],
  deps: Pick<HookDeps, "now" | "fetch">,
): Promise<Result<null, HookRefusal>> {
  const read = readSns(body);
  if (!read.ok) return read;
  const { at, certificateUrl, signature: given, signed, topic, version } = read.value;
  if (given === "") return refuse("missing_proof", "there is no Signature");
  if (!topics.includes(topic)) return refuse("bad_proof", "this topic is not configured");
  const hash = Object.hasOwn(HASHES, version) ? HASHES[version] : undefined;
  const signature = bytesOfBase64(given);
  if (hash === undefined || signature === null) return refuse("bad_proof", "no known signature");
  const age = deps.now() - at;
  if (age > SNS_WINDOW_MS || age < -AHEAD_MAX_MS) return refuse("stale", "of another time");
  const url = snsUrl(certificateUrl);
  if (url === null || !url.pathname.endsWith(".pem") || url.search !== "") {
    return refuse("bad_proof", "SigningCertURL is not of SNS");
  }
  const found = await certificateAt(url.href, deps);
  if (!found.ok) return found;
  const { notBefore, notAfter, spki } = found.value;
  // When it was signed counts: a message may be repeated after its certificate has ended.
  if (at < notBefore || at > notAfter) return refuse("bad_proof", "the certificate is not valid");
  const proved = await verify(spki, hash, signature, bytesOf(signed));
  return proved ? ok(null) : refuse("bad_proof", "the signature is not of this message");
}

const bytesOf = (text: string): Uint8Array<ArrayBuffer> => {
  const bytes = new TextEncoder().encode(text);
  return new Uint8Array(bytes);
};

async function verify(
  spki: Uint8Array<ArrayBuffer>,
  hash: string,
  signature: Uint8Array<ArrayBuffer>,
  signed: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const algorithm = { name: "RSASSA-PKCS1-v1_5", hash };
  try {
    const key = await crypto.subtle.importKey("spki", spki, algorithm, false, ["verify"]);
    return await crypto.subtle.verify(algorithm, key, signature, signed);
  } catch {
    // The certificate has a key of another kind.
    return false;
  }
}

/**
 * SNS in a region, `us-gov-west-1`. The looser pattern of AWS's own validators lets
 * `sns.s3-us-west-2.amazonaws.com` pass, which serves the files of whoever has the bucket `sns`.
 */
const HOST = /^sns\.[a-z]{2,4}(-[a-z]{2,12}){1,3}-\d{1,2}\.amazonaws\.com(\.cn)?$/;

/** A URL of SNS itself, over HTTPS at the usual port; null for any other. */
export function snsUrl(text: string): URL | null {
  const url = URL.parse(text);
  if (url === null || url.protocol !== "https:" || url.port !== "") return null;
  if (url.username !== "" || url.password !== "" || url.hash !== "") return null;
  return HOST.test(url.hostname) ? url : null;
}

/** SNS answers in a fraction of a second; who posts waits for 15. */
const FETCH_MS = 5_000;
/** A certificate has 2 KB. */
const PEM_MAX_BYTES = 16_384;
/** One a region is in use, and two while it changes. */
const KEPT_MAX = 32;
/** A certificate that SNS withdraws is believed for no longer than this. */
const KEPT_MS = 86_400_000;

/** By URL, the oldest first; only what SNS has served is ever kept. */
const kept = new Map<string, { readonly certificate: Certificate; readonly until: number }>();

async function certificateAt(
  url: string,
  { fetch, now }: Pick<HookDeps, "now" | "fetch">,
): Promise<Result<Certificate, HookRefusal>> {
  const known = kept.get(url);
  if (known !== undefined && now() < known.until) return ok(known.certificate);
  const pem = await pemAt(url, fetch);
  if (!pem.ok) return pem;
  const certificate = readCertificate(pem.value);
  if (certificate === null) return refuse("bad_proof", "SigningCertURL has no certificate");
  kept.delete(url);
  kept.set(url, { certificate, until: now() + KEPT_MS });
  const [oldest] = kept.keys();
  if (kept.size > KEPT_MAX && oldest !== undefined) kept.delete(oldest);
  return ok(certificate);
}

/** Statuses that say nothing of the certificate: it may be there later. */
const isPassing = (status: number): boolean => status >= 500 || status === 429 || status === 408;

async function pemAt(url: string, fetch: HookDeps["fetch"]): Promise<Result<string, HookRefusal>> {
  const later = refuse("unavailable", "the certificate of SNS cannot be had now");
  let response: Response;
  try {
    // A redirect would lead to where nobody has looked whether it is of SNS.
    response = await fetch(url, { redirect: "manual", signal: AbortSignal.timeout(FETCH_MS) });
  } catch {
    return later;
  }
  if (response.status !== 200) {
    discard(response.body);
    if (isPassing(response.status)) return later;
    return refuse("bad_proof", "there is no certificate at SigningCertURL");
  }
  const text = await readAnswer(response, PEM_MAX_BYTES);
  if (text.ok) return text;
  if (text.error === "unreadable") return later;
  return refuse("bad_proof", "what is at SigningCertURL is no certificate");
}
