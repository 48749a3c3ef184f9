import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  digestHolds,
  isSignedBy,
  signaturesOf,
} from "../../../src/providers/mailchannels/signature.ts";
import { base64, makeKey, signedBy } from "./signed.ts";

const KEY = await makeKey("mckey");
const AT = 1_793_896_434_000;
const BODY = new TextEncoder().encode("[]");
const HEADERS = await signedBy(KEY, BODY, AT);

const utf8 = (text: string) => new TextEncoder().encode(text);
const given = (changed: object) => new Headers({ ...HEADERS, ...changed });

/** Headers signed over other components or parameters. */
async function signedOver(list: string, parameters: string, more: Record<string, string> = {}) {
  const headers = new Headers({ "content-digest": HEADERS["content-digest"] ?? "", ...more });
  const lines = [...list.matchAll(/"([a-z0-9-]+)"/g)].map(
    ([quoted, name = ""]) => `${quoted}: ${headers.get(name)}\n`,
  );
  const base = utf8(`${lines.join("")}"@signature-params": ${list}${parameters}`);
  const signature = await crypto.subtle.sign("Ed25519", KEY.privateKey, base);
  headers.set("signature-input", `a=${list}${parameters}`);
  headers.set("signature", `a=:${base64(signature)}:`);
  return headers;
}

const verifies = async (headers: Headers) => {
  const [one] = signaturesOf(headers);
  return one === undefined ? null : isSignedBy(one, [KEY.publicKey]);
};

describe("published vectors", () => {
  test("Ed25519 of RFC 9421 appendix B.2.6, with the key of B.1.4", async () => {
    const base = [
      '"date": Tue, 20 Apr 2021 02:07:55 GMT',
      '"@method": POST',
      '"@path": /foo',
      '"@authority": example.com',
      '"content-type": application/json',
      '"content-length": 18',
      '"@signature-params": ("date" "@method" "@path" "@authority" "content-type" ' +
        '"content-length");created=1618884473;keyid="test-key-ed25519"',
    ].join("\n");
    const signature = Uint8Array.from(
      atob(
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==",
      ),
      (char) => char.charCodeAt(0),
    );
    const key = "MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=";
    const made = { keyId: "test-key-ed25519", created: 1_618_884_473, signature };
    expect(await isSignedBy({ ...made, base: utf8(base) }, [key])).toBe(true);
    expect(await isSignedBy({ ...made, base: utf8(`${base} `) }, [key])).toBe(false);
  });

  test("the SHA-256 of RFC 9530 appendix B.1", async () => {
    const digest = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:";
    const body = utf8('{"hello": "world"}\n');
    expect(await digestHolds(new Headers({ "content-digest": digest }), body)).toBe(true);
    expect(await digestHolds(new Headers({ "content-digest": digest }), utf8("{}"))).toBe(false);
  });
});

describe("what is signed is read as the signer wrote it", () => {
  test("the parameters in any order, and further header fields", async () => {
    const parts = [`;created=${AT / 1000}`, ';alg="ed25519"', ';keyid="mckey"', ';nonce="x,;=()"'];
    for (let turn = 0; turn < parts.length; turn++) {
      parts.push(parts.shift() ?? "");
      const headers = await signedOver('("content-type" "content-digest")', parts.join(""), {
        "content-type": "application/json",
      });
      expect(await verifies(headers)).toBe(true);
      headers.set("content-type", "text/plain");
      expect(await verifies(headers)).toBe(false);
    }
  });

  test("one of several signatures and digests", async () => {
    const headers = given({
      "content-digest": HEADERS["content-digest"] ?? "",
      "signature-input": `b=("date");created=1;keyid="x" , ${HEADERS["signature-input"]}`,
      signature: `b=:AAAA:,${HEADERS.signature}`,
    });
    expect(signaturesOf(headers).map(({ keyId }) => keyId)).toEqual(["mckey"]);
    expect(await verifies(headers)).toBe(true);
    const digest = `sha-512=:AAAA:, ${HEADERS["content-digest"]}`;
    expect(await digestHolds(given({ "content-digest": digest }), BODY)).toBe(true);
  });

  test("its key and its time", () => {
    expect(signaturesOf(given({}))[0]).toMatchObject({ keyId: "mckey", created: AT / 1000 });
  });
});

describe("is none", () => {
  const input = (changed: string) => given({ "signature-input": changed });
  const label = HEADERS["signature-input"]?.split("=")[0] ?? "";
  const rest = `;created=${AT / 1000};alg="ed25519";keyid="mckey"`;
  const cases: Readonly<Record<string, Headers>> = {
    "without the digest among what is signed": input(`${label}=("content-type")${rest}`),
    "over nothing": input(`${label}=()${rest}`),
    "over a field that is not there": input(`${label}=("content-digest" "x-none")${rest}`),
    "over the same field twice": input(`${label}=("content-digest" "content-digest")${rest}`),
    "over a part of the request that is no field": input(
      `${label}=("content-digest" "@method")${rest}`,
    ),
    "over a part of a field": input(`${label}=("content-digest";sf)${rest}`),
    "without a time": input(`${label}=("content-digest");alg="ed25519";keyid="mckey"`),
    "with a time that is a text": input(`${label}=("content-digest");created="1";keyid="mckey"`),
    "without a key": input(`${label}=("content-digest");created=1`),
    "of another algorithm": input(
      `${label}=("content-digest");created=1;alg="hmac-sha256";keyid="mckey"`,
    ),
    "under another label": input(`other=("content-digest")${rest}`),
    "with something behind it": input(`${HEADERS["signature-input"]} x`),
    "with a comma behind it": input(`${HEADERS["signature-input"]},`),
    "in a header longer than any": input(
      HEADERS["signature-input"] + ', b=("date");created=1;keyid="x"'.repeat(80),
    ),
    "when it is no base64": given({ signature: `${label}=:A:` }),
    "when it is no byte sequence": given({ signature: `${label}="AAAA"` }),
  };
  test.each(Object.keys(cases))("a signature %s", (name) => {
    expect(signaturesOf(cases[name] as Headers)).toEqual([]);
  });

  test("a digest of another kind, a text, or half of one", async () => {
    const whole = HEADERS["content-digest"] ?? "";
    for (const digest of [whole.replace("256", "512"), whole.slice(0, -2), whole.slice(9), ""]) {
      expect(await digestHolds(given({ "content-digest": digest }), BODY)).toBe(false);
    }
  });

  test("a key that is none, or of another kind", async () => {
    const [one] = signaturesOf(given({}));
    if (one === undefined) throw new Error("no signature");
    for (const key of ["", "%", "AAAA", "-----BEGIN PUBLIC KEY-----"]) {
      expect(await isSignedBy(one, [key])).toBe(false);
    }
    expect(await isSignedBy(one, [])).toBe(false);
  });
});

test("nothing in the headers throws, and nothing but the signer's words is signed", () => {
  const char = fc.constantFrom(...'ab"=();:,.* \t@-_019+/\\'.split(""), "é");
  const text = fc.array(char, { maxLength: 80 }).map((chars) => chars.join(""));
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      const headers = new Headers({ "content-digest": a, "signature-input": b, signature: c });
      for (const { base } of signaturesOf(headers)) {
        const input = headers.get("signature-input") ?? "";
        const signed = new TextDecoder().decode(base).split('"@signature-params": ')[1] ?? "";
        expect(input).toContain(signed);
      }
    }),
    { numRuns: 500 },
  );
});
