/**
 * Whether a request is signed by a known key, checked by an implementation of AWS Signature
 * Version 4 that the adapters do not use.
 */
import { createHash } from "node:crypto";
import aws4 from "aws4";
import type { ReceivedRequest } from "./emulator.ts";

/** A key that the emulated account knows. */
export interface KnownKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of a temporary key: to be sent along, and signed. */
  readonly sessionToken?: string;
}

/** How a signature is refused. */
export interface SignatureError {
  readonly status: 403;
  readonly name: string;
  readonly message: string;
}

/** AWS takes a signature for so long before and after its own time. */
const SKEW_MAX_MS = 5 * 60_000;
const CREDENTIAL = /^Credential=([^/,\s]+)\/(\d{8})\/([^/,\s]+)\/([^/,\s]+)\/aws4_request$/;

const refuse = (name: string, message: string): SignatureError => ({
  status: 403,
  name,
  message,
});

/** Checks the signature of a request for a service of a region, as of `now` in Unix ms. */
export function checkSignature(
  request: ReceivedRequest,
  keys: readonly KnownKey[],
  scope: { readonly service: string; readonly region: string },
  now: number,
): SignatureError | null {
  const header = (name: string) => request.headers[name]?.toString() ?? "";
  if (header("authorization") === "") {
    return refuse("MissingAuthenticationTokenException", "Missing Authentication Token");
  }
  const date = header("x-amz-date");
  const fields = header("authorization")
    .replace(/^AWS4-HMAC-SHA256 /, "")
    .split(/, ?/);
  const credential = CREDENTIAL.exec(fields[0] ?? "");
  const signedHeaders = /^SignedHeaders=([a-z0-9;-]+)$/.exec(fields[1] ?? "")?.[1];
  const signature = /^Signature=([0-9a-f]{64})$/.exec(fields[2] ?? "")?.[1];
  const stated = /^\d{8}T\d{6}Z$/.test(date) && fields.length === 3 && signature !== undefined;
  if (credential === null || signedHeaders === undefined || !stated) {
    return refuse("IncompleteSignatureException", "Authorization or X-Amz-Date is not whole.");
  }
  const [, id, day, region, service] = credential;
  const key = keys.find((one) => one.accessKeyId === id);
  if (key === undefined || header("x-amz-security-token") !== (key.sessionToken ?? "")) {
    const message = `The security token included in the request is invalid: ${id}`;
    return refuse("UnrecognizedClientException", message);
  }
  const names = signedHeaders.split(";");
  const scoped = service === scope.service && region === scope.region && date.startsWith(`${day}T`);
  if (!scoped || !mustBeSigned(request).every((name) => names.includes(name))) {
    const message = `Credential should be scoped to ${scope.region} and ${scope.service}.`;
    return refuse("InvalidSignatureException", message);
  }
  if (Math.abs(timeOf(date) - now) > SKEW_MAX_MS) {
    const message = `Signature expired: ${date} is now earlier than the current time - 5 min.`;
    return refuse("InvalidSignatureException", message);
  }
  const hash = header("x-amz-content-sha256");
  const whole = hash === "" || hash === createHash("sha256").update(request.bytes).digest("hex");
  if (!whole || !expected(request, key, scope, names).endsWith(`Signature=${signature}`)) {
    const message = "The request signature we calculated does not match the one you provided.";
    return refuse("InvalidSignatureException", message);
  }
  return null;
}

/** `host` and every `x-amz-` header. */
const mustBeSigned = ({ headers }: ReceivedRequest): string[] => [
  "host",
  ...Object.keys(headers).filter((name) => name.startsWith("x-amz-")),
];

function timeOf(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)$/, "$1-$2-$3:$4:$5"));
}

/** The Authorization header that the holder of the key sends with this request. */
function expected(
  request: ReceivedRequest,
  key: KnownKey,
  scope: { readonly service: string; readonly region: string },
  names: readonly string[],
): string {
  const signer = new aws4.RequestSigner(
    {
      method: request.method,
      path: request.url,
      ...scope,
      headers: Object.fromEntries(
        names.map((name) => [name, request.headers[name]?.toString() ?? ""]),
      ),
      body: request.bytes,
      doNotModifyHeaders: true,
      extraHeadersToInclude: Object.fromEntries(names.map((name) => [name, true as const])),
    },
    key,
  );
  // It takes the time from the header only where it may add headers.
  signer.datetime = request.headers["x-amz-date"]?.toString() ?? "";
  return signer.sign().headers.Authorization ?? "";
}
