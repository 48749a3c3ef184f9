import { describe, expect, test } from "vitest";
import { SNS_WINDOW_MS, snsUrl } from "../../../src/providers/ses/sns.ts";
import { hooks } from "../../../src/providers/ses/webhook.ts";
import { keysOf, postTo } from "../../contract/webhook.ts";
import { certificateOf, type Frame, makeSns } from "../../support/sns.ts";

const NOW = Date.UTC(2026, 10, 5, 12);
const DAY_MS = 86_400_000;
const HOST = "https://sns.eu-west-1.amazonaws.com";
const TOPIC = "arn:aws:sns:eu-west-1:123456789012:postern";
const VALID = { notBefore: NOW - 30 * DAY_MS, notAfter: NOW + 30 * DAY_MS };

const sns = await makeSns();

let count = 0;
/** A URL that nothing was fetched from before: what is fetched is kept. */
const freshUrl = (): string =>
  `https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-${count++}.pem`;

const frame = (given: Record<string, string> = {}): Frame => ({
  Type: "Notification",
  MessageId: "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
  TopicArn: TOPIC,
  Message: JSON.stringify({ notificationType: "AmazonSnsSubscriptionSucceeded" }),
  Timestamp: new Date(NOW).toISOString(),
  SignatureVersion: "2",
  SigningCertURL: freshUrl(),
  ...given,
});

interface World {
  readonly answer?: (url: string, init: RequestInit) => Response | Promise<Response>;
  readonly now?: number;
  readonly asked?: string[];
  readonly topics?: readonly string[];
}

const served = () => new Response(sns.pem(VALID));

/** "taken", or why it was refused. */
async function verdict(given: unknown, world: World = {}): Promise<string> {
  const { answer = served, asked = [], now = NOW, topics = [TOPIC] } = world;
  const fetch = (async (input: string, init: RequestInit) => {
    asked.push(String(input));
    return answer(String(input), init);
  }) as typeof globalThis.fetch;
  const body = typeof given === "string" ? given : JSON.stringify(given);
  const headers = { "content-type": "text/plain; charset=UTF-8" };
  const result = await postTo({ hooks, keys: keysOf({ topics }), now, fetch }, { headers, body });
  return result.ok ? "taken" : result.error.reason;
}

const confirmation = (given: Record<string, string> = {}): Frame =>
  frame({
    Type: "SubscriptionConfirmation",
    Message: "You have chosen to subscribe.\nTo confirm, visit the SubscribeURL.",
    Token: "2336412f37",
    SubscribeURL: `${HOST}/?Action=ConfirmSubscription&TopicArn=${TOPIC}`,
    ...given,
  });

describe("SNS's signature", () => {
  test.each(["1", "2"])("of version %s proves a message, with or without a subject", async (v) => {
    const plain = frame({ SignatureVersion: v });
    expect(await verdict(await sns.sign(plain))).toBe("taken");
    const subject = { ...plain, Subject: "Amazon SES Email Event Notification" };
    expect(await verdict(await sns.sign(subject))).toBe("taken");
    expect(await verdict({ ...(await sns.sign(plain)), Subject: null })).toBe("taken");
  });

  test("of one version is none of another, and of a third is none at all", async () => {
    const one = await sns.sign(frame({ SignatureVersion: "1" }));
    expect(await verdict({ ...one, SignatureVersion: "2" })).toBe("bad_proof");
    for (const SignatureVersion of ["", "3", "__proto__", "constructor"]) {
      expect(await verdict({ ...one, SignatureVersion })).toBe("bad_proof");
    }
  });

  test("covers every field that is read, of a notification and of a confirmation", async () => {
    for (const [given, names] of [
      [frame({ Subject: "s" }), ["Message", "MessageId", "Subject", "Timestamp"]],
      [confirmation(), ["Message", "MessageId", "Timestamp", "Token", "SubscribeURL"]],
    ] as const) {
      const signed: Frame = await sns.sign(given);
      expect(await verdict(signed)).toBe("taken");
      for (const name of names) {
        const other = name === "Timestamp" ? new Date(NOW - 1_000).toISOString() : "other";
        expect(await verdict({ ...signed, [name]: other }), name).toBe("bad_proof");
      }
    }
    const { Subject: _, ...without } = await sns.sign(frame({ Subject: "s" }));
    expect(await verdict(without)).toBe("bad_proof");
    const asOther = { ...(await sns.sign(confirmation())), Type: "Notification" };
    expect(await verdict(asOther)).toBe("bad_proof");
  });

  test("by another key is none, and a key that is not RSA proves nothing", async () => {
    const other = await makeSns();
    expect(await verdict(await other.sign(frame()))).toBe("bad_proof");
    const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
      "sign",
    ]);
    const spki = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
    const answer = () => new Response(certificateOf(spki, VALID));
    expect(await verdict(await sns.sign(frame()), { answer })).toBe("bad_proof");
  });

  test("is missing where raw delivery left the frame out, and where it is empty", async () => {
    expect(await verdict({ eventType: "Bounce", mail: {} })).toBe("missing_proof");
    expect(await verdict(frame())).toBe("missing_proof");
    expect(await verdict({ ...frame(), Signature: "%%%" })).toBe("bad_proof");
  });

  test("with a line break in a field could be of another message, and is refused", async () => {
    const signed = await sns.sign(frame({ MessageId: "a\nSubject\nb" }));
    expect(await verdict(signed)).toBe("malformed");
  });
});

describe("a message is refused without asking for a certificate", () => {
  test("of a topic that is not configured", async () => {
    const asked: string[] = [];
    const signed = await sns.sign(frame({ TopicArn: `${TOPIC}2` }));
    expect(await verdict(signed, { asked })).toBe("bad_proof");
    expect(await verdict(await sns.sign(frame()), { asked, topics: [] })).toBe("not_configured");
    expect(asked).toEqual([]);
  });

  test("of a time that no repeat explains", async () => {
    const asked: string[] = [];
    const at = async (ms: number) =>
      verdict(await sns.sign(frame({ Timestamp: new Date(ms).toISOString() })), { asked });
    expect(await at(NOW - SNS_WINDOW_MS - 1)).toBe("stale");
    expect(await at(NOW + 900_001)).toBe("stale");
    expect(asked).toEqual([]);
    expect(await at(NOW - SNS_WINDOW_MS)).toBe("taken");
    expect(await at(NOW + 900_000)).toBe("taken");
    for (const Timestamp of ["", "yesterday", "2026", "2026-13-45T99:00:00Z", String(NOW)]) {
      expect(await verdict(await sns.sign(frame({ Timestamp })))).toBe("malformed");
    }
  });

  test.each([
    "http://sns.eu-west-1.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com:8443/a.pem",
    "https://user@sns.eu-west-1.amazonaws.com/a.pem",
    "https://:secret@sns.eu-west-1.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com/a.pem.txt",
    "https://sns.eu-west-1.amazonaws.com/?a.pem",
    "https://sns.eu-west-1.amazonaws.com/a.pem?Action=x",
    "https://sns.eu-west-1.amazonaws.com/a.pem#b",
    "https://sns.eu-west-1.amazonaws.com.evil.example/a.pem",
    "https://sns.eu-west-1.amazonaws.com.cn.evil.example/a.pem",
    "https://evil.example/sns.eu-west-1.amazonaws.com/a.pem",
    "https://evil.example\\@sns.eu-west-1.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com@evil.example/a.pem",
    "https://xsns.eu-west-1.amazonaws.com/a.pem",
    "https://sns.eu.west.amazonaws.com/a.pem",
    "https://sns.eu_west.amazonaws.com/a.pem",
    "https://sns.eu.amazonaws.com/a.pem",
    "https://sns.eu-west-1.amazonaws.com./a.pem",
    "https://s3.eu-west-1.amazonaws.com/sns/a.pem",
    "https://sns-eu-west-1.amazonaws.com/a.pem",
    // A bucket of S3 may be called sns.
    "https://sns.s3-eu-west-1.amazonaws.com/a.pem",
    "https://sns.s3-website-us-east-1.amazonaws.com/a.pem",
    "https://sns.s3-accelerate.amazonaws.com/a.pem",
    "https://sns.compute-1.amazonaws.com/a.pem",
    "file:///a.pem",
    "a.pem",
    "",
  ])("with a certificate at %j", async (SigningCertURL) => {
    const asked: string[] = [];
    expect(await verdict(await sns.sign(frame({ SigningCertURL })), { asked })).toBe("bad_proof");
    expect(asked).toEqual([]);
  });

  test("SNS in any region, China's too, is SNS", () => {
    const regions = ["us-gov-west-1", "ap-southeast-7", "mx-central-1", "us-northeast-1"];
    const hosts = regions.map((region) => `${region}.amazonaws.com`);
    for (const host of [...hosts, "cn-north-1.amazonaws.com.cn"]) {
      expect(snsUrl(`https://sns.${host}/a.pem`)?.hostname).toBe(`sns.${host}`);
    }
    expect(snsUrl("https://SNS.EU-WEST-1.amazonaws.com:443/a.pem")).not.toBe(null);
  });
});

describe("a certificate", () => {
  test("is asked for once a day, and again when its time is over", async () => {
    const asked: string[] = [];
    const given = await sns.sign(frame());
    for (const now of [NOW, NOW + DAY_MS - 1])
      expect(await verdict(given, { asked, now })).toBe("taken");
    expect(asked).toEqual([given.SigningCertURL]);
    expect(await verdict(given, { asked, now: NOW + DAY_MS })).toBe("taken");
    expect(asked).toHaveLength(2);
  });

  test("is forgotten when 32 others were served since", async () => {
    const asked: string[] = [];
    const first = await sns.sign(frame());
    await verdict(first, { asked });
    for (let index = 0; index < 31; index++) await verdict(await sns.sign(frame()), { asked });
    await verdict(first, { asked });
    expect(asked).toHaveLength(32);
    await verdict(await sns.sign(frame()), { asked });
    await verdict(first, { asked });
    expect(asked).toHaveLength(34);
  });

  test("has to be valid when the message was signed", async () => {
    const given = await sns.sign(frame());
    for (const validity of [
      { notBefore: NOW - DAY_MS, notAfter: NOW - 1_000 },
      { notBefore: NOW + 1_000, notAfter: NOW + DAY_MS },
    ]) {
      const fresh = await sns.sign(frame());
      const answer = () => new Response(sns.pem(validity));
      expect(await verdict(fresh, { answer })).toBe("bad_proof");
    }
    const ended = () => new Response(sns.pem({ ...VALID, notAfter: NOW + DAY_MS }));
    const late = { answer: ended, now: NOW + 10 * DAY_MS };
    expect(await verdict(given, late)).toBe("taken");
  });

  test.each([
    ["a server error", () => new Response("", { status: 503 }), "unavailable"],
    ["too many requests", () => new Response("", { status: 429 }), "unavailable"],
    ["a broken connection", () => Promise.reject(new TypeError("reset")), "unavailable"],
    ["nothing there", () => new Response("", { status: 404 }), "bad_proof"],
    ["a redirect", () => Response.redirect("https://evil.example/a.pem"), "bad_proof"],
    ["a page", () => new Response("<html>"), "bad_proof"],
    ["a page without end", () => new Response("x".repeat(20_000)), "bad_proof"],
  ])("%s: %o -> %s", async (_title, answer, reason) => {
    const given = await sns.sign(frame());
    expect(await verdict(given, { answer })).toBe(reason);
    // Nothing of it is kept: the next try asks again.
    expect(await verdict(given)).toBe("taken");
  });

  test("is asked for without following redirects and with a time limit", async () => {
    let seen: RequestInit = {};
    const answer = (_url: string, init: RequestInit) => {
      seen = init;
      return served();
    };
    await verdict(await sns.sign(frame()), { answer });
    expect(seen.redirect).toBe("manual");
    expect(seen.signal).toBeInstanceOf(AbortSignal);
  });
});

describe("the handshake", () => {
  const read = async (given: Frame) => {
    const body = JSON.stringify(await sns.sign(given));
    const fetch = (async () => served()) as typeof globalThis.fetch;
    const subject = { hooks, keys: keysOf({ topics: [TOPIC] }), now: NOW, fetch };
    return postTo(subject, { headers: {}, body });
  };

  test("gives the URL that confirms, once it is proved", async () => {
    const given = confirmation();
    const result = await read(given);
    expect(result).toEqual({
      ok: true,
      value: { events: [], unknown: [], confirm: given.SubscribeURL },
    });
  });

  test.each([
    "https://evil.example/?Action=ConfirmSubscription",
    "http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription",
    "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
    "https://sns.eu-west-1.amazonaws.com/",
    "",
  ])("never leads to %j", async (SubscribeURL) => {
    const result = await read(confirmation({ SubscribeURL }));
    expect(result.ok ? "taken" : result.error.reason).toBe("malformed");
  });

  test("its end is told and not undone, and the token is not kept", async () => {
    const result = await read(confirmation({ Type: "UnsubscribeConfirmation" }));
    if (!result.ok) throw new Error(result.error.reason);
    expect(result.value.confirm).toBe(undefined);
    expect(result.value.unknown).toMatchObject([{ type: "UnsubscribeConfirmation" }]);
    expect(JSON.stringify(result.value)).not.toMatch(/2336412f37|SubscribeURL"/);
  });
});
