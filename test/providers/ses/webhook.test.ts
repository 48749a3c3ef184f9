import { describe, expect, test } from "vitest";
import { eventsOf } from "../../../src/providers/ses/events.ts";
import { SNS_WINDOW_MS } from "../../../src/providers/ses/sns.ts";
import { hooks } from "../../../src/providers/ses/webhook.ts";
import { keysOf, type Posted, postTo, webhookContract } from "../../contract/webhook.ts";
import { type Frame, makeSns } from "../../support/sns.ts";
import {
  about,
  bounce,
  bounced,
  complaint,
  EVENT_ID,
  event,
  events,
  mail,
  preferences,
  subscription,
  timestamp,
} from "./events.ts";

const NOW = Date.UTC(2026, 10, 5, 16, 35);
const TOPIC = "arn:aws:sns:eu-west-1:123456789012:postern";
const URL = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-events.pem";

const sns = await makeSns();
const other = await makeSns();
const pem = sns.pem({ notBefore: NOW - 86_400_000 * 60, notAfter: NOW + 86_400_000 * 60 });

const frame = (Message: string, at = NOW): Frame => ({
  Type: "Notification",
  MessageId: EVENT_ID,
  TopicArn: TOPIC,
  Subject: "Amazon SES Email Event Notification",
  Message,
  Timestamp: new Date(at).toISOString(),
  SignatureVersion: "1",
  SigningCertURL: URL,
  UnsubscribeURL: "https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe",
});
const posted = (signed: object): Posted => ({
  headers: {
    "content-type": "text/plain; charset=UTF-8",
    "x-amz-sns-message-type": "Notification",
  },
  body: JSON.stringify(signed),
});
const said = (all: readonly unknown[]) => JSON.stringify(all.length === 1 ? all[0] : all);
const postText = async (message: string) => posted(await sns.sign(frame(message)));
const post = (all: readonly unknown[]) => postText(said(all));
const edited = ({ headers, body }: Posted, change: (given: Frame) => object): Posted => ({
  headers,
  body: JSON.stringify(change(JSON.parse(String(body)) as Frame)),
});

const subject = {
  hooks,
  keys: keysOf({ topics: [`${TOPIC}-other`, TOPIC] }),
  now: NOW,
  fetch: (async () => new Response(pem)) as typeof fetch,
  post,
  postAged: async (all: readonly unknown[], ageMs: number) =>
    posted(await sns.sign(frame(said(all), NOW - ageMs))),
  windowMs: SNS_WINDOW_MS,
  events,
  several: [
    [
      bounce("Permanent", "General", [
        { emailAddress: "ann@example.net" },
        { emailAddress: "Bob <bob@example.net>" },
      ]),
      event("Send", { send: {} }, { destination: ["Cyd <cyd@example.net>", "dan@example.net"] }),
    ],
    [
      ...["ann@example.net", "bob@example.net"].map((address) => ({
        type: "bounced" as const,
        address,
      })),
      ...["cyd@example.net", "dan@example.net"].map((address) => ({
        type: "sent" as const,
        address,
      })),
    ],
  ] as const,
  batches: false,
  unknown: { notificationType: "Received", mail: mail() },
  malformed: async () => [
    ...["", "null", "[]", "5", '"text"', "{", "[".repeat(40_000)].map((body) => ({
      headers: {},
      body,
    })),
    ...(await Promise.all(
      ["null", "[]", "5", "{}", "{", `${"[".repeat(40)}${"]".repeat(40)}`].map(postText),
    )),
  ],
  proofHeaders: [],
  stripProof: (given: Posted) => edited(given, ({ Signature: _, ...rest }) => rest),
  forge: async (all: readonly unknown[]) => posted(await other.sign(frame(said(all)))),
  tamper: (given: Posted) => edited(given, (one) => ({ ...one, Message: `${one.Message} ` })),
};

webhookContract("SES", subject);

const read = async (message: unknown) => {
  const text = typeof message === "string" ? message : JSON.stringify(message);
  const result = await postTo(subject, await postText(text));
  if (!result.ok) throw new Error(result.error.reason);
  return result.value;
};

describe("feedback of an identity, without event publishing", () => {
  test("is read the same, without our id, which only tags give back", async () => {
    const { eventType, ...rest } = events["a delivery"][0];
    const { tags: _, ...bare } = mail();
    const { events: told } = await read({ ...rest, mail: bare, notificationType: eventType });
    expect(told).toMatchObject([{ ...about, messageId: "", account: "", type: "delivered" }]);
  });

  test("what is said when a topic is set up is about no mail", async () => {
    const nothing = { events: [], unknown: [] };
    const notice = { notificationType: "AmazonSnsSubscriptionSucceeded", message: "You have" };
    expect(await read(notice)).toEqual(nothing);
    const text = "Successfully validated SNS topic for Amazon SES event publishing.";
    expect(await read(text)).toEqual(nothing);
    expect((await read("hello")).unknown).toEqual([{ type: "text", raw: "hello" }]);
  });
});

describe("what nobody can say about one recipient is kept, and nobody's", () => {
  const destination = ["ann@example.net", "bob@example.net"];
  test.each([
    ["an open of one of several", event("Open", { open: { timestamp } }, { destination })],
    ["a click of one of several", event("Click", { click: { link: "x" } }, { destination })],
    ["a report on authentication", complaint({ complaintFeedbackType: "auth-failure" })],
    ["a subscription that comes back", subscription(preferences(true), preferences(false))],
    ["a bounce of no one", bounce("Permanent", "General", [])],
  ])("%s", async (_title, given) => {
    expect(await read(given)).toEqual({
      events: [],
      unknown: [{ type: given.eventType, raw: given }],
    });
  });
});

test("words of JavaScript's own are no types, and strange fields throw nothing", async () => {
  for (const word of ["__proto__", "constructor", "toString"]) {
    expect((await read(event(word, {}))).unknown).toHaveLength(1);
    expect((await read(bounced(word, word))).events).toMatchObject([{ type: "bounced" }]);
  }
  for (const strange of [null, 5, "x", [], [null], {}, { timestamp: {}, recipients: [{}] }]) {
    for (const [given] of Object.values(events)) {
      for (const key of Object.keys(given)) {
        const told = eventsOf(given.eventType, { ...given, [key]: strange }, "") ?? [];
        for (const { address } of told) expect(typeof address).toBe("string");
      }
    }
  }
});
