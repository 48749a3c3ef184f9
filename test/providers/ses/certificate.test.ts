import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readCertificate } from "../../../src/providers/ses/certificate.ts";
import { certificateOf, makeSns } from "../../support/sns.ts";

const fixture = (name: string) =>
  readFileSync(join(import.meta.dirname, "../../fixtures", name), "utf8");

const { pem } = await makeSns();
const built = pem({ notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2027, 0, 1) });

/** What Node's own parser says. */
function official(text: string) {
  const certificate = new X509Certificate(text);
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  return {
    spki: Uint8Array.from(spki),
    notBefore: certificate.validFromDate.getTime(),
    notAfter: certificate.validToDate.getTime(),
  };
}

describe("a certificate is read as Node reads it", () => {
  test.each([
    ["made by OpenSSL", fixture("localhost-cert.pem")],
    ["another made by OpenSSL", fixture("other-cert.pem")],
    ["of version 3", built],
    ["of version 1", pem({ notBefore: 0, notAfter: Date.UTC(2027, 0, 1) }, 1)],
    ["that ends after 2049", pem({ notBefore: Date.UTC(1999, 0, 1), notAfter: Date.UTC(2061, 5) })],
    ["with text around it", `A bag of attributes\r\n${built.replaceAll("\n", "\r\n")}\r\nmore`],
    ["the first of two", `${built}${fixture("other-cert.pem")}`],
  ])("%s", (_title, text) => {
    expect(readCertificate(text)).toEqual(official(text));
  });

  test("with any validity", () => {
    const { spki } = official(built);
    const second = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) / 1_000 }).map((s) => s * 1_000);
    fc.assert(
      fc.property(second, second, (notBefore, notAfter) => {
        const text = certificateOf(spki, { notBefore, notAfter });
        expect(readCertificate(text)).toEqual({ spki, notBefore, notAfter });
      }),
      { numRuns: 50 },
    );
  });
});

describe("what is no certificate is null", () => {
  test.each(["", "x", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----", "{}"])(
    "%j",
    (text) => {
      expect(readCertificate(text)).toBe(null);
    },
  );

  test("cut off or changed anywhere, without throwing or reading on", () => {
    const der = Buffer.from(built.replace(/-----.*-----|\s/g, ""), "base64");
    const [begin, end] = ["-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"];
    const wrapped = (bytes: Uint8Array) =>
      `${begin}\n${Buffer.from(bytes).toString("base64")}\n${end}`;
    for (let length = 0; length < der.length; length++) {
      expect(readCertificate(wrapped(der.subarray(0, length)))).toBe(null);
    }
    fc.assert(
      fc.property(fc.nat(der.length - 1), fc.nat(255), (at, value) => {
        const changed = Uint8Array.from(der);
        changed[at] = value;
        const read = readCertificate(wrapped(changed));
        if (read !== null) expect(read.spki.length).toBeLessThanOrEqual(der.length);
      }),
      { numRuns: 500 },
    );
  });
});
