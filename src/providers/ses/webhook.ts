/** SES's events by Amazon SNS: a frame that is signed, and in it the event as JSON in a text. */
import { ok, type Result } from "../../core/result.ts";
import { fieldsOf, textOf } from "../answer.ts";
import type { HookReading, HookRefusal, Hooks } from "../hooks.ts";
import { jsonOf, MALFORMED } from "../receive.ts";
import { eventsOf } from "./events.ts";
import { proveSns, readSns, type SnsMessage, snsUrl } from "./sns.ts";

/** SNS takes messages of 256 KB; quotes and line breaks in them are escaped here. */
const BYTES_MAX = 1_048_576;

/** How SES's events are proved and read. */
export const hooks: Hooks = {
  bytesMax: BYTES_MAX,
  proof: "signature",
  provesBy: "topics",
  prove: (request, { topics }, deps) => proveSns(request, topics, deps),
  read: ({ body }) => {
    const frame = readSns(body);
    return frame.ok ? reading(frame.value) : frame;
  },
};

const NOTHING: HookReading = { events: [], unknown: [] };

function reading(frame: SnsMessage): Result<HookReading, HookRefusal> {
  switch (frame.type) {
    case "Notification":
      return notification(frame);
    case "SubscriptionConfirmation":
      return confirmation(frame);
    case "UnsubscribeConfirmation":
      // Its token would subscribe again: whoever ended it had a reason, and people are told.
      return ok({ events: [], unknown: [{ type: frame.type, raw: withoutToken(frame) }] });
  }
}

const withoutToken = ({ at, id, message, topic }: SnsMessage) => ({
  TopicArn: topic,
  MessageId: id,
  Timestamp: new Date(at).toISOString(),
  Message: message,
});

/** Fetching the URL is what confirms. It has to do that, and at SNS. */
function confirmation({ subscribeUrl }: SnsMessage): Result<HookReading, HookRefusal> {
  const url = snsUrl(subscribeUrl);
  if (url?.searchParams.get("Action") !== "ConfirmSubscription") return MALFORMED;
  return ok({ ...NOTHING, confirm: url.href });
}

/** What SES says when a topic is set up, as text or under this name: about no mail. */
const SET_UP = /^Successfully validated SNS topic/;
const SUBSCRIBED = "AmazonSnsSubscriptionSucceeded";

function notification({ id, message }: SnsMessage): Result<HookReading, HookRefusal> {
  if (SET_UP.test(message)) return ok(NOTHING);
  const json = jsonOf(new TextEncoder().encode(message));
  if (!json.ok) {
    if (/^\s*[[{]/.test(message)) return json;
    return ok({ events: [], unknown: [{ type: "text", raw: message }] });
  }
  const fields = fieldsOf(json.value);
  // Event publishing has the one name, feedback notifications of an identity have the other.
  const type = textOf(fields.eventType) || textOf(fields.notificationType);
  if (type === "") return MALFORMED;
  if (type === SUBSCRIBED) return ok(NOTHING);
  const events = eventsOf(type, fields, id);
  return ok(
    events === null ? { events: [], unknown: [{ type, raw: fields }] } : { events, unknown: [] },
  );
}
