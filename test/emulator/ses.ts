/**
 * A strict emulator of Amazon SES version 2: SendEmail and ListEmailIdentities, with their
 * signatures, shapes, limits and errors.
 */
import { randomUUID } from "node:crypto";
import { isJsonType, jsonIn } from "./checks.ts";
import type { ProviderEmulator, ReceivedRequest } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { type ApiError, checkEmail } from "./ses-validate.ts";
import { checkSignature, type KnownKey } from "./sigv4.ts";
import { json, type Wire, type WireAnswer } from "./wire.ts";

/** Where the emulated account is. */
export const REGION = "eu-west-1";

/** A key of a user, and one of a role, which comes with a token. */
export const USER_KEY = {
  accessKeyId: "AKIAEXAMPLEEXAMPLE00",
  secretAccessKey: "s3cr3t/Of+TheEmulatedUser/Example0000000",
} as const satisfies KnownKey;
export const ROLE_KEY = {
  accessKeyId: "ASIAEXAMPLEEXAMPLE00",
  secretAccessKey: "s3cr3t/Of+TheEmulatedRole/Example0000000",
  sessionToken: "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCWV1LXdlc3QtMSJGMEQCIA==",
} as const satisfies KnownKey;

const identity = (name: string, enabled = true, type = "DOMAIN") => ({
  IdentityType: type,
  IdentityName: name,
  SendingEnabled: enabled,
  VerificationStatus: enabled ? "SUCCESS" : "PENDING",
});

const IDENTITIES = [
  identity("acme.example"),
  identity("news@other.example", true, "EMAIL_ADDRESS"),
  identity("Mail.Acme.Example"),
  identity("pending.example", false),
  identity("xn--bcher-kva.example"),
];
/** Fewer than are asked for: PageSize is the most that a page may have. */
const PAGE = 2;

/** A name with a "#" goes into the body as `__type`, any other into the header. */
const fail = ({ status, name, message }: ApiError): WireAnswer =>
  name.includes("#")
    ? json(status, { __type: name, message })
    : json(
        status,
        { message },
        name === ""
          ? {}
          : { "x-amzn-errortype": `${name}:http://internal.amazon.com/coral/com.amazonaws.ses/` },
      );

const signature = (request: ReceivedRequest) =>
  checkSignature(request, [USER_KEY, ROLE_KEY], { service: "ses", region: REGION }, Date.now());

const wire: Wire = {
  take(request) {
    const problem = checkRequest(request);
    if (problem !== null) return fail(problem);
    const parsed = jsonIn(request.body);
    if (parsed === undefined) {
      return fail({ status: 400, name: "SerializationException", message: "not JSON" });
    }
    const email = checkEmail(parsed);
    if ("status" in email) return fail(email);
    return [{ key: email.posternId ?? email.subject, subject: email.subject }];
  },
  accept: ([message]) => json(200, { MessageId: message?.id }),
  newId: () => `0102${randomUUID().slice(0, 12).replaceAll("-", "")}-${randomUUID()}-000000`,
  error: ({ status = 503, name, message = "" }) =>
    fail({
      status,
      name: name ?? (status === 429 ? "TooManyRequestsException" : "ServiceUnavailable"),
      message,
    }),
  inside: json(200, { __type: "MessageRejected", message: "inside" }),
  withoutId: json(200, {}),
  query: (request) => {
    const { pathname, searchParams } = new URL(request.url, "http://emulator");
    if (request.method !== "GET" || pathname !== "/v2/email/identities") return null;
    const problem = signature(request);
    return problem === null ? identities(searchParams) : fail(problem);
  },
};

function checkRequest(request: ReceivedRequest): ApiError | null {
  const { headers, method, url } = request;
  if (method !== "POST" || url !== "/v2/email/outbound-emails") {
    return { status: 404, name: "UnknownOperationException", message: "" };
  }
  const problem = signature(request);
  if (problem !== null) return problem;
  if (!isJsonType(headers["content-type"])) {
    return { status: 400, name: "SerializationException", message: "Content-Type is not JSON" };
  }
  return null;
}

/** A token has every character of base64: whoever sends it back must encode it. */
const tokenOf = (start: number) => `+/${Buffer.from(String(start)).toString("base64")}==`;

function identities(query: URLSearchParams): WireAnswer {
  const size = Number(query.get("PageSize") ?? PAGE);
  const token = query.get("NextToken");
  const start = token === null ? 0 : IDENTITIES.findIndex((_, index) => tokenOf(index) === token);
  if (start < 0 || !(size >= 0 && size <= 1000)) {
    return fail({ status: 400, name: "BadRequestException", message: "NextToken or PageSize" });
  }
  const end = start + Math.min(size, PAGE);
  return json(200, {
    EmailIdentities: IDENTITIES.slice(start, end),
    ...(end < IDENTITIES.length ? { NextToken: tokenOf(end) } : {}),
  });
}

/** Amazon SES, emulated. */
export const sesEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wire, options),
  source: (url) => ({
    settings: {
      provider: "ses",
      region: REGION,
      base_url: url,
      access_key_id: "AWS_ACCESS_KEY_ID",
      secret_access_key: "AWS_SECRET_ACCESS_KEY",
    },
    secrets: {
      AWS_ACCESS_KEY_ID: USER_KEY.accessKeyId,
      AWS_SECRET_ACCESS_KEY: USER_KEY.secretAccessKey,
    },
  }),
};
