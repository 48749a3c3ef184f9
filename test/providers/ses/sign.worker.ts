/** In the Workers runtime the same request is signed as in Node. */
import { expect, test } from "vitest";
import { signed } from "../../../src/providers/ses/sign.ts";

test("a request is signed by the Workers runtime's own cryptography", async () => {
  const headers = await signed(
    {
      method: "POST",
      url: "https://email.eu-west-1.amazonaws.com/v2/email/outbound-emails",
      body: new TextEncoder().encode('{"a":"é"}') as Uint8Array<ArrayBuffer>,
    },
    {
      region: "eu-west-1",
      accessKeyId: "AKIAEXAMPLEEXAMPLE00",
      secretAccessKey: "s3cr3t/Of+TheEmulatedUser/Example0000000",
      sessionToken: "token==",
      keys: new Map(),
    },
    Date.UTC(2026, 0, 31, 23, 59, 59),
  );
  expect(headers).toEqual({
    // As aws4 makes it in Node.
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLEEXAMPLE00/20260131/eu-west-1/ses/aws4_request, " +
      "SignedHeaders=host;x-amz-date;x-amz-security-token, " +
      "Signature=2c556096ec4bcd6cea3b982d73d7d781fa1cbcce5535159aa8a121213f57498b",
    "content-type": "application/json",
    "x-amz-date": "20260131T235959Z",
    "x-amz-security-token": "token==",
  });
});
