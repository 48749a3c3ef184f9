/** What the zone says to a query, as an HTTP answer, or the absence of one. */

import {
  type Asked,
  aaaaData,
  aData,
  mxData,
  type Parts,
  RCODE,
  readQuery,
  soaData,
  TO_QUESTION,
  TYPE,
  txtData,
  u16,
  wireMessage,
  wireName,
  wireRecord,
} from "./wire.ts";
import { DEFAULT_SOA, DEFAULT_TTL, type Fault, nameIn, type Zone, type ZoneType } from "./zone.ts";

/** `cut`: the connection ends within the body. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly cut?: boolean;
}

export interface Told {
  /** Null: the query is none. */
  readonly asked: { readonly name: string; readonly type: string } | null;
  readonly answer: HttpAnswer | "slow" | "dead";
}

const MEDIA_TYPE = "application/dns-message";
/** More than any client should go through. */
const ALIASES_MAX = 40;

const typeName = (type: number): string =>
  Object.entries(TYPE).find(([, number]) => number === type)?.[0] ?? `TYPE${type}`;

const message = (body: Buffer): HttpAnswer => ({
  status: 200,
  headers: { "content-type": MEDIA_TYPE },
  body,
});

const http = (status: number, headers: Readonly<Record<string, string>> = {}): HttpAnswer => ({
  status,
  headers: { "content-type": "text/plain", ...headers },
  body: Buffer.from("no"),
});

/** The answer to the bytes of a query. */
export function answerTo(zone: Zone, query: Buffer, injected: Fault | null = null): Told {
  const asked = readQuery(query);
  if (asked === null) return { asked: null, answer: http(400) };
  const type = typeName(asked.type);
  const { fault } = nameIn(zone, asked.name) ?? {};
  const set = typeof fault === "object" ? fault[type as ZoneType] : fault;
  const goesWrong = injected ?? set ?? null;
  const answer = goesWrong === null ? message(honest(zone, asked)) : wrong(goesWrong, zone, asked);
  return { asked: { name: asked.name, type }, answer };
}

/** What a recursive resolver says: aliases followed, the SOA with what is not there. */
function honest(zone: Zone, { name, type, question }: Asked): Buffer {
  const answers: number[][] = [];
  let at = name;
  for (let step = 0; step < ALIASES_MAX; step++) {
    const held = nameIn(zone, at);
    const owner = at === name ? TO_QUESTION : wireName(at);
    if (held === null || held.nxdomain === true) {
      const authorities = soaOf(at, held?.soa);
      return wireMessage({ rcode: RCODE.nxdomain, question, answers, authorities });
    }
    const ttl = held.ttl ?? DEFAULT_TTL;
    if (held.cname !== undefined) {
      answers.push(wireRecord(owner, TYPE.CNAME, ttl, wireName(held.cname)));
      at = held.cname;
      continue;
    }
    const records = dataOf(held, type).map((data) => wireRecord(owner, type, ttl, data));
    if (records.length === 0) {
      return wireMessage({ question, answers, authorities: soaOf(at, held.soa) });
    }
    return wireMessage({ question, answers: [...answers, ...records] });
  }
  return wireMessage({ question, answers });
}

/** The zone's apex is taken to be the last two labels. */
function soaOf(name: string, soa = DEFAULT_SOA as typeof DEFAULT_SOA | null): number[][] {
  if (soa === null) return [];
  const zone = name.split(".").slice(-2).join(".");
  return [wireRecord(wireName(zone), TYPE.SOA, soa.ttl, soaData(zone, soa.minimum))];
}

function dataOf(held: NonNullable<ReturnType<typeof nameIn>>, type: number): number[][] {
  switch (type) {
    case TYPE.MX:
      return (held.mx ?? []).map(([preference, host]) => mxData(preference, host));
    case TYPE.A:
      return (held.a ?? []).map(aData);
    case TYPE.AAAA:
      return (held.aaaa ?? []).map(aaaaData);
    case TYPE.TXT:
      return (held.txt ?? []).map((one) => txtData(typeof one === "string" ? [one] : one));
    default:
      return [];
  }
}

function wrong(fault: Fault, zone: Zone, asked: Asked): Told["answer"] {
  const { question } = asked;
  // Most of these hold a record that would be believed, were the rest not wrong.
  const record = wireRecord(TO_QUESTION, asked.type, 300, bait(asked.type));
  const wire = (parts: Parts): HttpAnswer =>
    message(wireMessage({ question, answers: [record], ...parts }));
  const owned = (owner: readonly number[]): HttpAnswer =>
    wire({ answers: [wireRecord(owner, asked.type, 300, bait(asked.type))] });
  switch (fault) {
    case "slow":
    case "dead":
      return fault;
    case "servfail":
    case "refused":
    case "formerr":
    case "notimp":
      return wire({ rcode: RCODE[fault], answers: [] });
    case "truncated":
      return wire({ flags: 0x8380 });
    case "garbage":
      return message(Buffer.from(Array.from({ length: 200 }, (_, at) => (at * 151 + 7) & 0xff)));
    case "empty":
      return message(Buffer.alloc(0));
    case "short":
      return message(wireMessage({ question, answers: [record] }).subarray(0, -1));
    case "cut":
      return { ...message(honest(zone, asked)), cut: true };
    case "http_429":
      return http(429, { "retry-after": "1" });
    case "http_500":
      return http(500);
    case "redirect":
      return http(302, { location: "/other" });
    case "content_type":
      return { ...wire({}), headers: { "content-type": "application/dns-json" } };
    case "too_long":
      return message(Buffer.concat([wireMessage({ question }), Buffer.alloc(70_000)]));
    case "query_back":
      return wire({ flags: 0x0100 });
    case "wrong_name":
      return wire({ question: [...wireName("elsewhere.com"), ...question.slice(-4)] });
    case "wrong_type":
      return wire({ question: [...question.slice(0, -4), 0, 99, 0, 1] });
    case "wrong_id":
      return wire({ id: 4711 });
    case "no_question":
      return wire({ question: [], answers: [] });
    case "pointer_loop":
      // The owner points to itself.
      return owned([0xc0, 12 + question.length]);
    case "pointer_ahead":
      return owned([0xc0, 12 + question.length + 2]);
    case "pointer_outside":
      return owned([0xff, 0xff]);
    case "huge_counts":
      return wire({ counts: [1, 65_535, 65_535, 65_535] });
    case "record_overrun":
      return wire({ answers: [withLength(record, bait(asked.type).length, 200)] });
    case "record_too_long": {
      // In a TXT record: the length of a string that is not there.
      const data = [...bait(asked.type), 5];
      return wire({ answers: [wireRecord(TO_QUESTION, asked.type, 300, data)] });
    }
    case "trailing_bytes":
      return message(Buffer.concat([wireMessage({ question, answers: [record] }), Buffer.of(1)]));
    case "alias_loop": {
      const loop = wireRecord(TO_QUESTION, TYPE.CNAME, 300, wireName("b.loop.com"));
      const back = wireRecord(wireName("b.loop.com"), TYPE.CNAME, 300, wireName(asked.name));
      return wire({ answers: [loop, back] });
    }
    case "alias_open":
      return wire({ answers: [wireRecord(TO_QUESTION, TYPE.CNAME, 300, wireName("b.open.com"))] });
    case "referral": {
      const servers = wireRecord(wireName("com"), TYPE.NS, 300, wireName("a.gtld-servers.net"));
      return wire({ answers: [], authorities: [servers] });
    }
    case "nxdomain_with_records":
      return wire({ rcode: RCODE.nxdomain });
  }
}

/** Data that would do harm: a null MX, a private address, SPF of a domain without mail. */
function bait(type: number): number[] {
  switch (type) {
    case TYPE.MX:
      return mxData(0, ".");
    case TYPE.A:
      return aData("10.6.6.6");
    case TYPE.AAAA:
      return aaaaData("fd00::6");
    default:
      return txtData(["v=spf1 -all"]);
  }
}

/** The record with another stated length of its data. */
function withLength(record: readonly number[], dataBytes: number, stated: number): number[] {
  const at = record.length - dataBytes - 2;
  return [...record.slice(0, at), ...u16(stated), ...record.slice(at + 2)];
}
