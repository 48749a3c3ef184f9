import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { QuestionType } from "../../../src/verify/dns/answer.ts";
import { MESSAGE_MAX, RECORDS_MAX } from "../../../src/verify/dns/frame.ts";
import { CHAIN_MAX, decodeAnswer, encodeQuestion } from "../../../src/verify/dns/message.ts";
import {
  mxData,
  soaData,
  TO_QUESTION,
  TYPE,
  wireMessage,
  wireName,
  wireRecord,
} from "../../support/doh/wire.ts";
import * as golden from "./golden.ts";

const question = [...wireName("example.com"), 0, 15, 0, 1];

/** What is read, or the error. */
function read(bytes: Uint8Array, name = "example.com", type: QuestionType = "MX") {
  const decoded = decodeAnswer(bytes, { name, type });
  return decoded.ok ? decoded.value : decoded.error;
}

describe("a question", () => {
  test("is the bytes that RFC 8484 gives", () => {
    const query = encodeQuestion({ name: "www.example.com", type: "A" });
    expect(Buffer.from(query ?? [])).toEqual(Buffer.from(golden.QUERY_A));
  });

  test("is written in lower case, with or without the final dot", () => {
    for (const name of ["example.com", "EXAMPLE.com."]) {
      const query = encodeQuestion({ name, type: "MX" });
      expect(Buffer.from(query ?? [])).toEqual(Buffer.from(golden.QUERY_MX));
    }
  });

  test("is not written for what is no host name", () => {
    const label = "a".repeat(63);
    const longest = `${label}.${label}.${label}.${"a".repeat(61)}`;
    expect(encodeQuestion({ name: longest, type: "A" })).toHaveLength(12 + 255 + 4);
    const wrong = [`${longest}a`, `${label}a.com`, "", ".", "a..com", ".com", "a b.com", "é.com"];
    for (const name of [...wrong, "a\n.com", "a\0.com", "a.com\n"]) {
      expect(encodeQuestion({ name, type: "A" }), name).toBeNull();
    }
  });
});

describe("an answer", () => {
  test("is read as RFC 8484 gives it", () => {
    expect(read(golden.ANSWER_AAAA, "www.example.com", "AAAA")).toEqual({
      kind: "records",
      records: ["2001:db8:abcd:12:1:2:3:4"],
      ttlS: 3709,
    });
  });

  test("gives compressed hosts in lower case, and the shortest TTL", () => {
    expect(read(golden.ANSWER_MX)).toEqual({
      kind: "records",
      records: [
        { host: "mx1.example.com", preference: 10 },
        { host: "mx22.b.com", preference: 5 },
      ],
      ttlS: 300,
    });
  });

  test("gives the root as a host of one dot", () => {
    expect(read(golden.ANSWER_NULL_MX)).toMatchObject({ records: [{ host: ".", preference: 0 }] });
  });

  test("is followed over aliases in any order, with the shortest TTL of all", () => {
    expect(read(golden.ANSWER_CHAIN)).toEqual({
      kind: "records",
      records: [{ host: "m.net", preference: 1 }],
      ttlS: 60,
    });
  });

  test("joins the strings of a TXT record and keeps every octet", () => {
    expect(read(golden.ANSWER_TXT, "example.com", "TXT")).toMatchObject({
      records: ["v=spf1 -all", "\u00f0\u0080\u0041", ""],
    });
  });

  test("says that a name does not exist for the lesser of SOA TTL and minimum", () => {
    expect(read(golden.ANSWER_NXDOMAIN)).toEqual({ kind: "nxdomain", negativeTtlS: 900 });
    const authorities = [wireRecord(wireName("com"), TYPE.SOA, 900, soaData("com", 77))];
    expect(read(wireMessage({ question, authorities }))).toEqual({
      kind: "nodata",
      negativeTtlS: 77,
    });
  });

  test("without SOA, or with another zone's, does not say how long it is nothing", () => {
    expect(read(wireMessage({ question }))).toEqual({ kind: "nodata", negativeTtlS: null });
    const authorities = [wireRecord(wireName("net"), TYPE.SOA, 900, soaData("net", 77))];
    expect(read(wireMessage({ question, authorities, rcode: 3 }))).toEqual({
      kind: "nxdomain",
      negativeTtlS: null,
    });
  });

  test("that an alias leads to nothing is kept no longer than the alias", () => {
    const answers = [wireRecord(TO_QUESTION, TYPE.CNAME, 40, wireName("gone.com"))];
    const authorities = [wireRecord(wireName("com"), TYPE.SOA, 900, soaData("com", 800))];
    expect(read(wireMessage({ question, answers, authorities, rcode: 3 }))).toEqual({
      kind: "nxdomain",
      negativeTtlS: 40,
    });
  });

  test("holds for the question's name in any case", () => {
    const shouted = [...wireName("EXAMPLE.COM"), 0, 15, 0, 1];
    const answers = [wireRecord(wireName("eXample.com"), TYPE.MX, 9, mxData(1, "m.com"))];
    expect(read(wireMessage({ question: shouted, answers }))).toMatchObject({ kind: "records" });
  });

  test("counts neither records of other names nor of other classes", () => {
    const other = wireRecord(wireName("other.com"), TYPE.MX, 9, mxData(1, "m.com"));
    const chaos = wireRecord(TO_QUESTION, TYPE.MX, 9, mxData(1, "m.com"));
    chaos.splice(4, 2, 0, 3);
    expect(read(wireMessage({ question, answers: [other, chaos] }))).toMatchObject({
      kind: "nodata",
    });
  });

  test("with a TTL of 2^31 or more is not kept", () => {
    const answers = [wireRecord(TO_QUESTION, TYPE.MX, 0x8000_0000, mxData(1, "m.com"))];
    expect(read(wireMessage({ question, answers }))).toMatchObject({ ttlS: 0 });
  });

  test(`is followed over ${CHAIN_MAX} aliases and no more`, () => {
    const chain = (aliases: number) => {
      const owner = (at: number) => wireName(at === 0 ? "example.com" : `a${at}.com`);
      const links = Array.from({ length: aliases }, (_, at) =>
        wireRecord(owner(at), TYPE.CNAME, 60, owner(at + 1)),
      );
      const last = wireRecord(owner(aliases), TYPE.MX, 60, mxData(1, "m.com"));
      return wireMessage({ question, answers: [...links, last] });
    };
    expect(read(chain(CHAIN_MAX))).toMatchObject({ kind: "records" });
    expect(read(chain(CHAIN_MAX + 1))).toBe("alias_chain");
  });
});

describe("what is no answer", () => {
  const record = wireRecord(TO_QUESTION, TYPE.MX, 300, mxData(0, "."));

  test("is told apart", () => {
    const parts = { question, answers: [record] };
    const error = (more: object) => read(wireMessage({ ...parts, ...more }));
    expect(error({})).toMatchObject({ kind: "records" });
    expect(error({ id: 1 })).toBe("not_an_answer");
    expect(error({ flags: 0x0100 })).toBe("not_an_answer");
    expect(error({ flags: 0x8980 })).toBe("not_an_answer");
    expect(error({ flags: 0x8380 })).toBe("truncated");
    expect(error({ flags: 0x8380, counts: [1, 9, 0, 0] })).toBe("truncated");
    for (const rcode of [1, 2, 4, 5, 6, 15]) expect(error({ rcode })).toBe("rcode");
    expect(error({ rcode: 3 })).toBe("contradiction");
    expect(error({ counts: [1, 65_535, 65_535, 65_535] })).toBe("too_many_records");
    expect(error({ counts: [1, RECORDS_MAX, 0, 0] })).toBe("too_many_records");
    expect(error({ counts: [1, 2, 0, 0] })).toBe("broken_frame");
    expect(error({ counts: [1, 0, 0, 0] })).toBe("broken_frame");
    expect(error({ question: [], answers: [] })).toBe("other_question");
    expect(error({ question: [...question, ...question], counts: [2, 1, 0, 0] })).toBe(
      "other_question",
    );
    expect(error({ question: [...wireName("example.org"), 0, 15, 0, 1] })).toBe("other_question");
    expect(error({ question: [...wireName("example.com"), 0, 16, 0, 1] })).toBe("other_question");
    expect(error({ question: [...wireName("example.com"), 0, 15, 0, 3] })).toBe("other_question");
    expect(read(new Uint8Array(11))).toBe("too_short");
    expect(read(new Uint8Array(MESSAGE_MAX + 1))).toBe("too_long");
  });

  test("a referral, and an alias that leads nowhere, prove nothing", () => {
    const authorities = [wireRecord(wireName("com"), TYPE.NS, 60, wireName("ns.com"))];
    expect(read(wireMessage({ question, authorities }))).toBe("referral");
    const answers = [wireRecord(TO_QUESTION, TYPE.CNAME, 60, wireName("b.com"))];
    expect(read(wireMessage({ question, answers }))).toBe("alias_chain");
    const self = [wireRecord(TO_QUESTION, TYPE.CNAME, 60, TO_QUESTION)];
    expect(read(wireMessage({ question, answers: self }))).toBe("alias_chain");
  });

  test("a pointer that leads to itself, ahead or out of the message is broken", () => {
    const at = 12 + question.length;
    for (const pointer of [at, at + 1, at + 2, 0x3fff]) {
      const owner = [0xc0 | (pointer >> 8), pointer & 0xff];
      const answers = [wireRecord(owner, TYPE.MX, 300, mxData(1, "m.com"))];
      expect(read(wireMessage({ question, answers })), String(pointer)).toBe("broken_record");
    }
  });

  test("a record that ends elsewhere than it says is broken", () => {
    const data: [QuestionType, number[]][] = [
      ["MX", [...mxData(1, "m.com"), 0]],
      ["MX", [0, 1]],
      ["A", [192, 0, 2]],
      ["A", [192, 0, 2, 1, 1]],
      ["AAAA", new Array(15).fill(1)],
      ["TXT", [5, 97, 98]],
    ];
    for (const [type, octets] of data) {
      const asked = [...wireName("example.com"), 0, TYPE[type], 0, 1];
      const answers = [wireRecord(TO_QUESTION, TYPE[type], 300, octets)];
      const bytes = wireMessage({ question: asked, answers });
      expect(read(bytes, "example.com", type), `${type} ${octets}`).toBe("broken_record");
    }
  });

  test("a name of more than 255 octets by way of pointers is broken", () => {
    const label = [63, ...new Array(63).fill(97)];
    const first = wireRecord(TO_QUESTION, TYPE.TXT, 1, [...label, ...label, ...label, 0]);
    const toLabels = 12 + question.length + 12;
    const owner = [...label, 0xc0 | (toLabels >> 8), toLabels & 0xff];
    const answers = [first, wireRecord(owner, TYPE.MX, 300, mxData(1, "m.com"))];
    expect(read(wireMessage({ question, answers }))).toBe("broken_record");
  });

  test("cut short anywhere it is never read as an answer", () => {
    for (const whole of [golden.ANSWER_MX, golden.ANSWER_CHAIN, golden.ANSWER_NXDOMAIN]) {
      for (let length = 0; length < whole.length; length++) {
        expect(typeof read(whole.subarray(0, length)), `${length} bytes`).toBe("string");
      }
    }
  });

  test("any bytes are read without a throw", () => {
    const seeds = [
      golden.ANSWER_MX,
      golden.ANSWER_CHAIN,
      golden.ANSWER_TXT,
      golden.ANSWER_NXDOMAIN,
    ];
    const mutated = fc
      .tuple(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat({ max: 90 }), fc.nat({ max: 255 })), { maxLength: 6 }),
      )
      .map(([seed, changes]) => {
        const bytes = Uint8Array.from(seed);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        return bytes;
      });
    const types = fc.constantFrom<QuestionType>("A", "AAAA", "MX", "TXT");
    const bytes = fc.oneof(mutated, fc.uint8Array({ maxLength: 300 }));
    fc.assert(
      fc.property(bytes, types, (given, type) => {
        const decoded = decodeAnswer(given, { name: "example.com", type });
        if (decoded.ok && decoded.value.kind === "records") {
          expect(decoded.value.records.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 3_000 },
    );
  });

  test("the dearest message, all pointers, is bounded by the number of records", () => {
    // A staircase of pointers, each to the one before, and records that climb all of it twice.
    const stairs = 12 + question.length + 12;
    const steps: number[] = [0, 0];
    for (let at = stairs; at + 2 < 0x3fff; at += 2) steps.push(0xc0 | (at >> 8), at & 0xff);
    const top = stairs + steps.length - 2;
    const owner = [0xc0 | (top >> 8), top & 0xff];
    const first = wireRecord(TO_QUESTION, TYPE.TXT, 1, steps);
    const climb = (records: number) => {
      const one = wireRecord(owner, TYPE.MX, 1, [0, 1, ...owner]);
      const answers = [first, ...Array.from({ length: records - 2 }, () => one)];
      return wireMessage({ question, answers });
    };
    const from = performance.now();
    expect(read(climb(RECORDS_MAX))).toMatchObject({ kind: "nodata" });
    // About 50 ms; the rest is for a busy machine.
    expect(performance.now() - from).toBeLessThan(1_000);
    expect(read(climb(RECORDS_MAX + 1))).toBe("too_many_records");
  });
});
