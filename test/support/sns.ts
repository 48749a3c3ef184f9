/**
 * Amazon SNS as it signs: a key, a certificate around it and the frame of a message. In Node and in
 * workerd alike, so it has WebCrypto only.
 */

/** DER (X.690): a tag, the length in as few bytes as hold it, the content. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = Uint8Array.from(parts.flatMap((part) => [...part]));
  const length: number[] = [];
  for (let rest = content.length; rest > 0; rest = Math.floor(rest / 256)) {
    length.unshift(rest % 256);
  }
  const head = content.length < 0x80 ? [content.length] : [0x80 | length.length, ...length];
  return Uint8Array.from([tag, ...head, ...content]);
}

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text);
const oid = (...bytes: number[]): Uint8Array => der(0x06, Uint8Array.from(bytes));
const NULL = der(0x05);
/** sha256WithRSAEncryption */
const ALGORITHM = der(0x30, oid(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b), NULL);

/** UTCTime up to 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). */
function timeOf(ms: number): Uint8Array {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, "");
  const year = Number(digits.slice(0, 4));
  return year < 2050 ? der(0x17, ascii(digits.slice(2))) : der(0x18, ascii(digits));
}

const base64 = (bytes: Uint8Array): string => btoa(String.fromCharCode(...bytes));

export interface Validity {
  readonly notBefore: number;
  readonly notAfter: number;
}

/** A certificate in PEM around a key; nobody has signed it. `version` 1 has no extensions. */
export function certificateOf(
  spki: Uint8Array,
  { notBefore, notAfter }: Validity,
  version: 1 | 3 = 3,
): string {
  const name = der(
    0x30,
    der(0x31, der(0x30, oid(0x55, 0x04, 0x03), der(0x0c, ascii("sns.amazonaws.com")))),
  );
  const signed = der(
    0x30,
    ...(version === 3 ? [der(0xa0, der(0x02, Uint8Array.of(2)))] : []),
    der(0x02, Uint8Array.of(1, 2, 3)),
    ALGORITHM,
    name,
    der(0x30, timeOf(notBefore), timeOf(notAfter)),
    name,
    spki,
  );
  const certificate = der(0x30, signed, ALGORITHM, der(0x03, new Uint8Array(257)));
  const lines = base64(certificate).match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

export type Frame = Readonly<Record<string, string>>;

const ORDER = {
  Notification: ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"],
  other: ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"],
};

/** Of an SNS of our own. */
export interface Sns {
  readonly pem: (validity: Validity, version?: 1 | 3) => string;
  /** The frame with its signature. */
  readonly sign: (frame: Frame) => Promise<Frame>;
}

/** Makes keys for both versions of the signature, around one key pair. */
export async function makeSns(): Promise<Sns> {
  const rsa = { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048 };
  const exponent = { publicExponent: Uint8Array.of(1, 0, 1), hash: "SHA-256" };
  const pair = (await crypto.subtle.generateKey({ ...rsa, ...exponent }, true, [
    "sign",
    "verify",
  ])) as CryptoKeyPair;
  const spki = new Uint8Array(
    (await crypto.subtle.exportKey("spki", pair.publicKey)) as ArrayBuffer,
  );
  const pkcs8 = (await crypto.subtle.exportKey("pkcs8", pair.privateKey)) as ArrayBuffer;
  return {
    pem: (validity, version) => certificateOf(spki, validity, version),
    sign: async (frame) => {
      const hash = frame.SignatureVersion === "1" ? "SHA-1" : "SHA-256";
      const key = await crypto.subtle.importKey("pkcs8", pkcs8, { ...rsa, hash }, false, ["sign"]);
      const order = frame.Type === "Notification" ? ORDER.Notification : ORDER.other;
      const text = order.flatMap((name) =>
        frame[name] === undefined ? [] : [`${name}\n${frame[name]}\n`],
      );
      const signature = await crypto.subtle.sign(rsa.name, key, ascii(text.join("")).slice());
      return { ...frame, Signature: base64(new Uint8Array(signature)) };
    },
  };
}
