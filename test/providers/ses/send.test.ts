import { ses } from "../../../src/providers/ses/send.ts";
import { providerContract } from "../../contract/provider.ts";
import type { Plan } from "../../emulator/emulator.ts";
import { sesEmulator, USER_KEY } from "../../emulator/ses.ts";

const under = { definition: ses, emulator: sesEmulator };
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean) => ({ kind: "failed", fault: "provider", retryable });
const throttled = (retryAfterMs: number) => ({ kind: "throttled", retryAfterMs });
const plan = (status: number, name: string, message = ""): Plan => ({ status, name, message });
const LEAK = `for jane.roe@customer.example and ${USER_KEY.secretAccessKey}\r\nX: y`;
const QUOTA_WAIT_MS = 600_000;
const FAILED_CHECK =
  "Email address is not verified. The following identities failed the check in region EU-WEST-1: ";

/** Each a name, with its documented status, that says all by itself. */
const ACCOUNT: readonly (readonly [number, string])[] = [
  [400, "AccountSuspendedException"],
  [400, "SendingPausedException"],
  [400, "AccessDeniedException"],
  [403, "AccessDeniedException"],
  [403, "ExpiredTokenException"],
  [400, "IncompleteSignature"],
  [403, "InvalidClientTokenId"],
  [403, "InvalidSignatureException"],
  [403, "SignatureDoesNotMatch"],
  [403, "MissingAuthenticationTokenException"],
  [401, "NotAuthorized"],
  [403, "OptInRequired"],
  [400, "RequestExpired"],
  [403, "UnrecognizedClientException"],
  [403, "SomethingElseForbidden"],
];

const rate = throttled(1000);
const quota = throttled(QUOTA_WAIT_MS);

providerContract("ses", {
  ...under,
  deduplicates: false,
  errors: [
    ...ACCOUNT.map(([status, name]) => ({
      plan: plan(status, name, LEAK),
      outcome: rejected("account", name),
    })),
    { plan: plan(429, "TooManyRequestsException"), outcome: rate },
    { plan: plan(400, "ThrottlingException", "Maximum sending rate exceeded."), outcome: rate },
    { plan: plan(400, "Throttling", "Maximum sending rate exceeded."), outcome: rate },
    { plan: plan(503, "SlowDown"), outcome: rate },
    { plan: plan(400, "ThrottlingException", "Daily message quota exceeded."), outcome: quota },
    { plan: plan(429, "TooManyRequestsException", "Daily sending quota"), outcome: quota },
    { plan: plan(400, "LimitExceededException"), outcome: quota },
    { plan: { ...plan(429, "Throttling"), retryAfter: "5" }, outcome: throttled(5000) },
    {
      plan: plan(400, "MessageRejected", `${FAILED_CHECK}news@acme.example`),
      outcome: rejected("sender", "MessageRejected"),
    },
    {
      plan: plan(400, "MessageRejected", "Email address not verified."),
      outcome: rejected("sender", "MessageRejected"),
    },
    {
      plan: plan(400, "MessageRejected", `${FAILED_CHECK}jane.roe@customer.example`),
      outcome: rejected("account", "MessageRejected"),
    },
    {
      plan: plan(400, "MessageRejected", "Address blacklisted."),
      outcome: rejected("recipient", "suppressed"),
    },
    {
      plan: plan(400, "MessageRejected", "Address is on the suppression list"),
      outcome: rejected("recipient", "suppressed"),
    },
    {
      plan: plan(400, "MessageRejected", "Sending paused for this account."),
      outcome: rejected("account", "MessageRejected"),
    },
    {
      plan: plan(400, "MessageRejected", `Transaction failed: unsupported attachment ${LEAK}`),
      outcome: rejected("content", "MessageRejected"),
    },
    {
      plan: plan(400, "com.amazonaws.sesv2#MessageRejected", LEAK),
      outcome: rejected("content", "MessageRejected"),
    },
    {
      plan: plan(400, "MailFromDomainNotVerifiedException"),
      outcome: rejected("sender", "MailFromDomainNotVerifiedException"),
    },
    {
      plan: plan(400, "BadRequestException", "Illegal address"),
      outcome: rejected("recipient", "BadRequestException"),
    },
    {
      plan: plan(400, "BadRequestException", "Domain contains control or whitespace"),
      outcome: rejected("recipient", "BadRequestException"),
    },
    {
      plan: plan(400, "BadRequestException", "Missing final '@domain'"),
      outcome: rejected("recipient", "BadRequestException"),
    },
    {
      plan: plan(400, "BadRequestException", "Recipient count exceeds 50."),
      outcome: rejected("recipient", "BadRequestException"),
    },
    {
      plan: plan(400, "BadRequestException", "The FromEmailAddress is not valid"),
      outcome: rejected("sender", "BadRequestException"),
    },
    {
      plan: plan(400, "BadRequestException", "Duplicate header 'X-A'"),
      outcome: rejected("content", "BadRequestException"),
    },
    { plan: plan(400, "BadRequestException", "The topic does not exist"), outcome: failed(false) },
    {
      plan: plan(400, "ValidationException", "Value at 'content.simple' is not valid"),
      outcome: rejected("content", "ValidationException"),
    },
    { plan: plan(400, "SerializationException"), outcome: failed(false) },
    { plan: plan(400, "RequestAbortedException"), outcome: failed(true) },
    { plan: plan(408, "RequestTimeoutException"), outcome: failed(true) },
    { plan: plan(404, "NotFoundException", "Configuration set <x>"), outcome: failed(false) },
    { plan: plan(404, "UnknownOperationException"), outcome: failed(false) },
    {
      plan: plan(413, "RequestEntityTooLargeException"),
      outcome: rejected("content", "RequestEntityTooLargeException"),
    },
    { plan: plan(500, "InternalFailure", LEAK), outcome: failed(true) },
    { plan: plan(500, "InternalServiceErrorException"), outcome: failed(true) },
    { plan: plan(503, "ServiceUnavailable"), outcome: failed(true) },
    { plan: plan(502, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(504, ""), outcome: { kind: "ambiguous" } },
    { plan: plan(403, ""), outcome: rejected("account", "http_403") },
    { plan: plan(418, ""), outcome: failed(false) },
    { plan: plan(500, "Not A Name!"), outcome: { ...failed(true), code: "http_500" } },
  ],
});
