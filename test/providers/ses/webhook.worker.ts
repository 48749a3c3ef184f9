/** In the Workers runtime SNS's signatures are proved as in Node. */
import { expect, test } from "vitest";
import { hooks } from "../../../src/providers/ses/webhook.ts";
import { makeSns } from "../../support/sns.ts";

const NOW = Date.UTC(2026, 10, 5, 12);
const TOPIC = "arn:aws:sns:eu-west-1:123456789012:postern";

test.each(["1", "2"])("version %s, by a certificate that is fetched", async (SignatureVersion) => {
  const sns = await makeSns();
  const pem = sns.pem({ notBefore: NOW - 1_000, notAfter: NOW + 1_000 });
  const signed = await sns.sign({
    Type: "Notification",
    MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
    TopicArn: TOPIC,
    Message: '{"eventType":"Send","mail":{"destination":["ann@example.net"]}}',
    Timestamp: new Date(NOW).toISOString(),
    SignatureVersion,
    SigningCertURL: `https://sns.eu-west-1.amazonaws.com/runtime-${SignatureVersion}.pem`,
  });
  const prove = (frame: object) =>
    hooks.prove?.(
      {
        headers: new Headers(),
        body: Uint8Array.from(new TextEncoder().encode(JSON.stringify(frame))),
      },
      { basic: [], bearer: [], header: null, signing: [], topics: [TOPIC], handles: [] },
      {
        now: () => NOW,
        fetch: async () => new Response(pem),
        once: async () => true,
      },
    );
  expect(await prove(signed)).toEqual({ ok: true, value: null });
  expect(await prove({ ...signed, MessageId: "other" })).toMatchObject({
    error: { reason: "bad_proof" },
  });
});
