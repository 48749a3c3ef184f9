/**
 * HTTP Message Signatures (RFC 9421) as MailChannels makes them: Ed25519 (section 3.3.6) over
 * Content-Digest (RFC 9530), whose SHA-256 is the body's. Header fields are Structured Fields
 * (RFC 8941), of which only the canonical writing is taken: the signature is over that writing.
 */

/** A header with one signature is some 200 characters. */
const HEADER_MAX = 2_048;
/** One is MailChannels', others may be of those who passed it on. */
const SIGNATURES_MAX = 4;
/** RFC 8032 section 5.1.6. */
const SIGNATURE_BYTES = 64;

const LABEL = "([a-z*][a-z0-9_.*-]{0,63})";
/** `label=("name" "name");parameter=value`: section 2.3. */
const INPUT = new RegExp(
  `${LABEL}=((\\([^()]{0,512}\\))((?:;[a-z][a-z0-9_.*-]{0,31}=(?:\\d{1,15}|"[^"\\\\]{0,256}"))*))`,
  "y",
);
const PARAMETER = /;([^=]+)=(?:(\d+)|"([^"]*)")/g;
/** `label=:base64:` (RFC 8941 section 3.3.5). */
const BYTES = new RegExp(`${LABEL}=:([A-Za-z0-9+/]{0,512}={0,2}):`, "y");
const SEPARATOR = /[ \t]*,[ \t]*/y;

/** One signature of a request. */
export interface MessageSignature {
  readonly keyId: string;
  /** Unix seconds. */
  readonly created: number;
  readonly signature: Uint8Array<ArrayBuffer>;
  /** What is signed (section 2.5). */
  readonly base: Uint8Array<ArrayBuffer>;
}

/**
 * The signatures of a request that cover its Content-Digest and say their key and their time.
 * Components that are no header field, and algorithms other than Ed25519, are not MailChannels'.
 */
export function signaturesOf(headers: Headers): readonly MessageSignature[] {
  const made = new Map(members(BYTES, headers.get("signature")).map((one) => [one[1], one[2]]));
  const inputs = members(INPUT, headers.get("signature-input")).slice(0, SIGNATURES_MAX);
  return inputs.flatMap(([, label, whole = "", list = "", rest = ""]) => {
    const parameters = new Map<string | undefined, string | number>(
      [...rest.matchAll(PARAMETER)].map(([, name, number, text = ""]) => [
        name,
        number === undefined ? text : Number(number),
      ]),
    );
    const keyId = parameters.get("keyid");
    const created = parameters.get("created");
    const signature = bytesOf(made.get(label) ?? "");
    const lines = linesOf(list, headers);
    if (signature?.length !== SIGNATURE_BYTES || lines === null) return [];
    if (typeof keyId !== "string" || typeof created !== "number") return [];
    if ((parameters.get("alg") ?? "ed25519") !== "ed25519") return [];
    const base = new TextEncoder().encode(`${lines}"@signature-params": ${whole}`);
    return [{ keyId, created, signature, base: Uint8Array.from(base) }];
  });
}

/** The lines of the covered fields (section 2.5); null: not covered, or not to be had. */
function linesOf(list: string, headers: Headers): string | null {
  const names: readonly string[] = list.match(/"[a-z0-9-]+"/g) ?? [];
  if (`(${names.join(" ")})` !== list || !names.includes('"content-digest"')) return null;
  // The same field twice says nothing more, and is forbidden.
  if (new Set(names).size !== names.length) return null;
  const lines = names.map((name) => {
    const value = headers.get(name.slice(1, -1));
    return value === null ? null : `${name}: ${value.trim()}\n`;
  });
  return lines.includes(null) ? null : lines.join("");
}

/** Whether Content-Digest has the SHA-256 of this body (RFC 9530 section 2). */
export async function digestHolds(
  headers: Headers,
  body: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const digests = members(BYTES, headers.get("content-digest"));
  const told = digests.find(([, label]) => label === "sha-256")?.[2];
  if (told === undefined) return false;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", body));
  return told === btoa(String.fromCharCode(...digest));
}

/** Whether one of these public keys (SPKI, in base64 or PEM) made a signature. Never throws. */
export async function isSignedBy(
  { signature, base }: MessageSignature,
  keys: readonly string[],
): Promise<boolean> {
  const verified = await Promise.all(
    keys.map(async (text) => {
      const spki = bytesOf(text.replace(/-----[A-Z ]+-----|\s/g, ""));
      if (spki === null) return false;
      try {
        const key = await crypto.subtle.importKey("spki", spki, "Ed25519", false, ["verify"]);
        return await crypto.subtle.verify("Ed25519", key, signature, base);
      } catch {
        return false;
      }
    }),
  );
  return verified.includes(true);
}

/** The members of a dictionary (RFC 8941 section 3.2); none when any of it is something else. */
function members(member: RegExp, header: string | null): RegExpExecArray[] {
  const text = header?.trim() ?? "";
  if (text.length > HEADER_MAX) return [];
  const found: RegExpExecArray[] = [];
  for (let at = 0; ; ) {
    member.lastIndex = at;
    const match = member.exec(text);
    if (match === null) return [];
    found.push(match);
    if (member.lastIndex === text.length) return found;
    SEPARATOR.lastIndex = member.lastIndex;
    if (!SEPARATOR.test(text)) return [];
    at = SEPARATOR.lastIndex;
  }
}

function bytesOf(base64: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  } catch {
    return null;
  }
}
