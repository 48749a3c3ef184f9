/** The wire format inside workerd, where dns-packet has the runtime's own Buffer. */
import { expect, test } from "vitest";
import { askDoh } from "../../../src/verify/dns/doh.ts";
import { decodeAnswer, encodeQuestion } from "../../../src/verify/dns/message.ts";
import {
  ANSWER_AAAA,
  ANSWER_CHAIN,
  ANSWER_MX,
  ANSWER_NXDOMAIN,
  ANSWER_TXT,
  QUERY_A,
  QUERY_MX,
} from "./golden.ts";

const MX = { name: "example.com", type: "MX" } as const;
const never = new AbortController().signal;

test("questions are written in workerd as RFC 1035 and RFC 8484 have them", () => {
  const query = encodeQuestion({ name: "www.example.com", type: "A" });
  expect([...(query ?? [])]).toEqual([...QUERY_A]);
  expect([...(encodeQuestion(MX) ?? [])]).toEqual([...QUERY_MX]);
});

test("answers are read in workerd as in Node", () => {
  expect(decodeAnswer(ANSWER_MX, MX)).toEqual({
    ok: true,
    value: {
      kind: "records",
      records: [
        { host: "mx1.example.com", preference: 10 },
        { host: "mx22.b.com", preference: 5 },
      ],
      ttlS: 300,
    },
  });
  expect(decodeAnswer(ANSWER_CHAIN, MX)).toMatchObject({ value: { ttlS: 60 } });
  expect(decodeAnswer(ANSWER_NXDOMAIN, MX)).toEqual({
    ok: true,
    value: { kind: "nxdomain", negativeTtlS: 900 },
  });
  expect(decodeAnswer(ANSWER_TXT, { ...MX, type: "TXT" })).toMatchObject({
    value: { records: ["v=spf1 -all", "\u00f0\u0080\u0041", ""] },
  });
  expect(decodeAnswer(ANSWER_AAAA, { name: "www.example.com", type: "AAAA" })).toMatchObject({
    value: { records: ["2001:db8:abcd:12:1:2:3:4"] },
  });
});

test("hostile bytes are no throw in workerd", () => {
  for (let length = 0; length < ANSWER_MX.length; length++) {
    expect(decodeAnswer(ANSWER_MX.subarray(0, length), MX).ok).toBe(false);
  }
  const loop = Uint8Array.from(ANSWER_MX);
  // The first record's owner points to itself.
  loop[30] = 29;
  expect(decodeAnswer(loop, MX)).toEqual({ ok: false, error: "broken_record" });
});

test("the runtime's streams are read piece by piece", async () => {
  const headers = { "content-type": "application/dns-message" };
  const pieces = async (): Promise<Response> => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const write = async (): Promise<void> => {
      for (const octet of ANSWER_MX) await writer.write(Uint8Array.of(octet));
      await writer.close();
    };
    write().catch(() => undefined);
    return new Response(readable, { headers });
  };
  expect(await askDoh("https://r/", MX, pieces, never)).toMatchObject({
    kind: "records",
    ttlS: 300,
  });
});
