/**
 * What each answer of SES's `SendEmail` means for a message. Errors are those of
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html#API_SendEmail_Errors,
 * https://docs.aws.amazon.com/ses/latest/APIReference-V2/CommonErrors.html and
 * https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-error-messages.html.
 */
import type { Answer } from "../http.ts";
import {
  accepted,
  ambiguous,
  failed,
  outcomeOfStatus,
  RETRY_DEFAULT_MS,
  rejected,
  throttled,
} from "../outcomes.ts";
import type { Outcome, RefusedRecipient } from "../provider.ts";

/**
 * A used-up daily quota is a sliding window of 24 hours, so some of it opens again at any time.
 * https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas-errors.html advises waits of up
 * to 10 minutes.
 */
const QUOTA_WAIT_MS = 600_000;

/**
 * Maps one answer to one outcome.
 *
 * @param fromDomain the sender's domain in A-labels, to tell an unverified sender from the
 *   unverified recipients of an account in the SES sandbox
 * @param refused recipients that were left out of the call
 */
export function outcomeOf(
  answer: Answer,
  fromDomain: string,
  refused: readonly RefusedRecipient[],
): Outcome {
  const { status } = answer;
  if (status < 200 || status >= 300) return refusalOf(answer, fromDomain);
  if (answer.body === null) return ambiguous(`SES answered ${status}, then no readable body`);
  return accepted("SES", answer.json?.MessageId, refused);
}

function refusalOf(answer: Answer, fromDomain: string): Outcome {
  const { status } = answer;
  const name = errorName(answer);
  const message = errorMessage(answer);
  const text = answer.redacted(`SES answered ${status}${name ? ` ${name}` : ""}. ${message}`);
  if (name === null) return outcomeOfStatus(answer, name, text);
  if (THROTTLING.has(name)) {
    const usualMs = QUOTA.test(`${name} ${message}`) ? QUOTA_WAIT_MS : RETRY_DEFAULT_MS;
    return throttled(answer.retryAfterMs ?? usualMs, text);
  }
  if (ACCOUNT.has(name)) return rejected("account", name, text);
  if (CONFIGURATION.has(name)) return failed(false, name, text);
  if (UNREAD.has(name)) return failed(true, name, text);
  switch (name) {
    case "MailFromDomainNotVerifiedException":
      return rejected("sender", name, text);
    case "MessageRejected":
      return messageRejected(name, message, text, fromDomain);
    case "BadRequestException":
    case "InvalidParameterValue":
    case "ValidationException":
    case "ValidationError":
      return badRequest(name, message, text);
    default:
      return outcomeOfStatus(answer, name, text);
  }
}

/**
 * The error's name: from the header `x-amzn-errortype`, or from `__type` or `code` of the body; in
 * either place a namespace may stand before a "#" and a URL after a ":"
 * (https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization).
 */
function errorName({ headers, json }: Answer): string | null {
  for (const given of [headers.get("x-amzn-errortype"), json?.__type, json?.code]) {
    if (typeof given !== "string") continue;
    const name = given.split(":")[0]?.split("#").at(-1)?.trim() ?? "";
    if (NAME.test(name)) return name;
  }
  return null;
}

function errorMessage({ json }: Answer): string {
  const message = json?.message ?? json?.Message;
  return typeof message === "string" ? message : "";
}

const NAME = /^[A-Za-z][A-Za-z0-9.]{0,63}$/;

/**
 * The account's rate or quota, or the API's. `LimitExceededException` too: SendEmail creates no
 * resource that there could be too many of, so it is the number of emails.
 */
const THROTTLING: ReadonlySet<string> = new Set([
  ...["TooManyRequestsException", "LimitExceededException"],
  ...["Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled"],
  ...["RequestThrottledException", "RequestLimitExceeded", "SlowDown"],
]);
const QUOTA = /LimitExceededException|\bquota\b|\bdaily\b/i;

/** The credentials, their rights or clock, or what AWS has decided about the account. */
const ACCOUNT: ReadonlySet<string> = new Set([
  ...["AccountSuspendedException", "SendingPausedException", "AccountSendingPausedException"],
  ...["ConfigurationSetSendingPausedException"],
  ...["AccessDenied", "AccessDeniedException", "NotAuthorized", "OptInRequired"],
  ...["ExpiredToken", "ExpiredTokenException", "RequestExpired", "UnrecognizedClientException"],
  ...["IncompleteSignature", "IncompleteSignatureException", "InvalidSignatureException"],
  ...["SignatureDoesNotMatch", "InvalidClientTokenId", "MissingAuthenticationToken"],
  ...["MissingAuthenticationTokenException"],
]);

/** What the source names does not exist, or this is not the API that was meant. */
const CONFIGURATION: ReadonlySet<string> = new Set([
  ...["NotFoundException", "ConfigurationSetDoesNotExist", "UnknownOperationException"],
  ...["SerializationException", "InvalidAction"],
]);

/** The request did not arrive whole, so nothing was taken. */
const UNREAD: ReadonlySet<string> = new Set([
  ...["RequestAbortedException", "RequestTimeoutException", "MalformedHttpRequestException"],
]);

function messageRejected(name: string, text: string, shown: string, fromDomain: string): Outcome {
  if (/suppress|blacklist/i.test(text)) return rejected("recipient", "suppressed", shown);
  if (/\b(paused|suspended|shut down)\b/i.test(text)) return rejected("account", name, shown);
  if (!/\bnot verified\b/i.test(text)) return rejected("content", name, shown);
  // In the SES sandbox recipients need verification too, and are then the identities listed.
  const listed = /failed the check[^:]*:(.*)/is.exec(text)?.[1]?.toLowerCase();
  const sender = listed === undefined || listed.includes(fromDomain);
  return rejected(sender ? "sender" : "account", name, shown);
}

function badRequest(name: string, text: string, shown: string): Outcome {
  if (/configuration ?set|contact ?list|\btopic\b|\btenant\b|\barn\b/i.test(text)) {
    return failed(false, name, shown);
  }
  if (/\bfrom ?(email ?)?address|\bsender\b|\bsource\b/i.test(text)) {
    return rejected("sender", name, shown);
  }
  // What SES says of an address it cannot read; the sender's was fine when it was verified.
  if (/\baddress|\bdomain\b|\brecipients?\b|\blocal part\b/i.test(text)) {
    return rejected("recipient", name, shown);
  }
  return rejected("content", name, shown);
}
