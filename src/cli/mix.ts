/** The mail of a demo: a deterministic mix of what happens to mail, by the sandbox's recipients. */

/** What the sandbox does with a recipient, and the ledger's column it ends in. */
const ENDS = {
  delivered: "delivered",
  complained: "delivered",
  deferred: "delivered",
  bounced: "bounced",
  suppressed: "suppressed",
  timeout: "unknown",
} as const;

type Magic = keyof typeof ENDS;

/** One kind of message, and how many of a hundred are of it. */
interface Kind {
  readonly ofHundred: number;
  readonly recipients: readonly Magic[];
  /** `on_unknown: "hold"` keeps an ambiguous attempt as unknown instead of repeating it. */
  readonly fields?: { readonly stream?: string; readonly on_unknown?: "hold" };
}

const KINDS: readonly Kind[] = [
  { ofHundred: 72, recipients: ["delivered"] },
  { ofHundred: 5, recipients: ["bounced"] },
  { ofHundred: 3, recipients: ["complained"] },
  { ofHundred: 3, recipients: ["deferred"] },
  { ofHundred: 3, recipients: ["suppressed"] },
  { ofHundred: 1, recipients: ["timeout"], fields: { on_unknown: "hold" } },
  { ofHundred: 5, recipients: ["delivered", "bounced", "delivered"] },
  { ofHundred: 8, recipients: ["delivered"], fields: { stream: "broadcast" } },
];

/** Prime to 100, so that a hundred messages in a row hold every kind, spread evenly. */
const STRIDE = 37;

function kindOf(index: number): Kind {
  let slot = (index * STRIDE) % 100;
  for (const kind of KINDS) {
    if (slot < kind.ofHundred) return kind;
    slot -= kind.ofHundred;
  }
  throw new Error("the kinds do not add up to a hundred");
}

/** The body of `POST /emails` for the message with this index, which is 0 or more. */
export function message(index: number): Record<string, unknown> {
  const kind = kindOf(index);
  return {
    from: "Postern demo <demo@example.com>",
    to: kind.recipients.map((magic, no) => `${magic}+${index}-${no}@sandbox.test`),
    subject: `Message ${index}`,
    text: `Message ${index} of a demo.`,
    ...kind.fields,
  };
}

/** Recipients by the ledger's column they end in, `complained` being a part of `delivered`. */
export interface Expected {
  recipients: number;
  delivered: number;
  bounced: number;
  suppressed: number;
  unknown: number;
  complained: number;
}

/** What becomes of the first `count` messages. */
export function expected(count: number): Expected {
  const sum = { recipients: 0, delivered: 0, bounced: 0, suppressed: 0, unknown: 0, complained: 0 };
  for (let index = 0; index < count; index++) {
    for (const magic of kindOf(index).recipients) {
      sum.recipients += 1;
      sum[ENDS[magic]] += 1;
      if (magic === "complained") sum.complained += 1;
    }
  }
  return sum;
}

/** A transparent pixel. */
const PIXEL = "R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

const LETTERS: readonly Record<string, unknown>[] = [
  { to: ["Ann <ann@example.org>"], text: "Plain." },
  {
    to: ["Jürgen Groß <jurgen@example.org>", "山田 <yamada@example.net>"],
    cc: ["cc@example.org"],
    reply_to: ["help@example.com"],
    text: "Grüße\n.\nFrom here",
    html: "<p>Grüße \u{1f600}</p>",
    tags: [{ name: "campaign", value: "demo" }],
    metadata: { order: "7" },
  },
  {
    to: ["ann@example.org"],
    bcc: ["bcc@example.org"],
    html: '<img src="cid:pixel">',
    attachments: [
      { filename: "pixel.gif", content: PIXEL, content_type: "image/gif", content_id: "pixel" },
      { filename: "notes.txt", content: "aGVsbG8=" },
    ],
  },
  {
    to: ["news@example.org"],
    stream: "broadcast",
    text: "News.",
    headers: { "List-Unsubscribe": "<https://example.com/u>" },
  },
];

/**
 * The body of `POST /emails` for a message through a provider: every shape of message in turn.
 *
 * @param takes what the provider takes besides ordinary mail
 */
export function letter(
  index: number,
  takes: { readonly broadcasts: boolean; readonly inline: boolean },
): Record<string, unknown> {
  const shapes = LETTERS.filter(
    ({ stream, attachments }) =>
      (takes.broadcasts || stream === undefined) && (takes.inline || attachments === undefined),
  );
  return {
    from: "Postern demo <demo@example.com>",
    subject: `Message ${index}: Grüße`,
    ...shapes[index % shapes.length],
  };
}
