/** AWS Signature Version 4, by which SES knows the caller and that nothing was changed. */
import { AwsV4Signer } from "aws4fetch";

/** What signs the calls of one source. */
export interface Signing {
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials; they end by themselves. */
  readonly sessionToken: string | null;
  /** Keys derived for a day and region, by aws4fetch's own names: four HMACs less a call. */
  readonly keys: Map<string, ArrayBuffer>;
}

/**
 * Signs one request; sending it is left to the caller, so that one send stays one call (the
 * `fetch` of aws4fetch would repeat it up to ten times).
 *
 * @param now Unix milliseconds: AWS takes a signature for 15 minutes around its time
 * @returns the headers to send, `Authorization` among them
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export async function signed(
  request: {
    readonly method: "GET" | "POST";
    readonly url: string;
    readonly body?: Uint8Array<ArrayBuffer>;
  },
  signing: Signing,
  now: number,
): Promise<Record<string, string>> {
  const { method, url, body } = request;
  const { region, accessKeyId, secretAccessKey, sessionToken, keys } = signing;
  const signer = new AwsV4Signer({
    method,
    url,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    ...(body === undefined ? {} : { body }),
    service: "ses",
    region,
    accessKeyId,
    secretAccessKey,
    ...(sessionToken === null ? {} : { sessionToken }),
    cache: keys,
    datetime: new Date(now).toISOString().replace(/[:-]|\.\d{3}/g, ""),
  });
  return Object.fromEntries((await signer.sign()).headers);
}

/** What of a source's credentials must not be shown; the rest of a request is no secret. */
export const secretsOf = ({ accessKeyId, secretAccessKey, sessionToken }: Signing): string[] => [
  accessKeyId,
  secretAccessKey,
  sessionToken ?? "",
];
