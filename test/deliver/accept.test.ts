import { describe, expect, test } from "vitest";
import { parseMailbox } from "../../src/core/address.ts";
import type { AcceptRequest, Head } from "../../src/core/custody.ts";
import { UNSUBSCRIBE_MARK } from "../../src/core/links.ts";
import { createSigner } from "../../src/core/signer.ts";
import { accept, type Message, type StreamTerms } from "../../src/deliver/accept.ts";

const BASE = "https://links.example.com";
const NONE = { opens: false, clicks: false, unsubscribe: false };
const mailbox = (text: string) => {
  const parsed = parseMailbox(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
};

interface Given {
  readonly terms?: Partial<StreamTerms>;
  readonly to?: readonly string[];
  readonly content?: Partial<Message["content"]>;
  readonly base?: string | null;
}

/** What is kept of an accepted broadcast. */
async function envelopeOf(given: Given = {}) {
  const { accepted, request, asked } = await taken(given);
  expect(accepted.ok).toBe(true);
  expect(asked.every((domain) => domain === "example.com")).toBe(true);
  const { envelope } = JSON.parse(request?.units[0]?.head ?? "") as Head;
  return envelope;
}

async function taken({ terms, to = ["ann@a.example"], content, base = BASE }: Given) {
  const stream: StreamTerms = {
    name: "news",
    lane: "broadcast",
    onUnknown: "hold",
    graceMs: 1,
    expiresAfterMs: 1_000,
    extras: NONE,
    links: { ...NONE, unsubscribe: true },
    ...terms,
  };
  const message: Message = {
    from: mailbox("Acme <news@example.com>"),
    recipients: to.map((one) => ({ kind: "to", mailbox: mailbox(one) })),
    replyTo: [],
    subject: "Hello",
    tags: [],
    metadata: {},
    stream,
    onUnknown: null,
    expiresAt: null,
    content: { html: "<p>Hello</p>", headers: {}, attachments: [], ...content },
  };
  const requests: AcceptRequest[] = [];
  const asked: string[] = [];
  const accepted = await accept(
    {
      account: "acme",
      shards: { keyed: 1, unkeyed: 1 },
      messages: [message],
      linkBase: (domain) => {
        asked.push(domain);
        return base;
      },
      idempotency: null,
      respond: () => "{}",
    },
    {
      now: () => 1_000,
      random: (count) => new Uint8Array(count),
      signer: () => createSigner("a secret"),
      accept: async (_ref, request) => {
        requests.push(request);
        return { kind: "accepted" };
      },
      replay: async () => null,
      putContent: async () => {},
      deleteContent: async () => {},
      contentKey: (account, id) => `${account}/${id}`,
      log: () => {},
    },
  );
  return { accepted, request: requests[0], asked };
}

const TRACKED = { links: { opens: true, clicks: true, unsubscribe: true } };

describe("the links of a message, as its acceptance freezes them", () => {
  test("are those of its stream, under the base of its From domain", async () => {
    expect(await envelopeOf()).toMatchObject({ links: { ...NONE, base: BASE, unsubscribe: true } });
    expect(await envelopeOf({ terms: TRACKED })).toMatchObject({
      links: { base: BASE, opens: true, clicks: true, unsubscribe: true },
    });
  });

  test.each<[string, Given]>([
    ["its stream asks for none", { terms: { links: NONE } }],
    ["there is nowhere to lead", { base: null }],
    ["it goes to two: a link would act for either", { to: ["ann@a.example", "bob@a.example"] }],
    ["its caller has a way of its own", { content: { headers: { "list-unsubscribe": "<a>" } } }],
    ["its provider adds its own", { terms: { extras: { ...NONE, unsubscribe: true } } }],
  ])("are none when %s", async (_why, given) => {
    expect(await envelopeOf(given)).not.toHaveProperty("links");
  });

  test("need HTML to tell of opens and clicks", async () => {
    const terms = { links: { ...TRACKED.links, unsubscribe: false } };
    // In place of the HTML that the message would have.
    const content = { html: undefined, text: "Hello" } as unknown as { text: string };
    expect(await envelopeOf({ terms, content })).not.toHaveProperty("links");
  });
});

describe("a mark for the link to unsubscribe", () => {
  const content = { html: `<a href="${UNSUBSCRIBE_MARK}">Leave</a>` };
  const terms = { links: NONE };

  test("is filled in on any stream, for the one reader of a copy", async () => {
    const { links, digest } = await envelopeOf({ content, terms });
    expect(links).toEqual({ ...NONE, base: BASE, marked: true });
    expect(digest).toBeUndefined();
    const text = { text: UNSUBSCRIBE_MARK };
    expect((await envelopeOf({ content: text })).links).toMatchObject({ marked: true });
  });

  test.each<[string, Given]>([
    ["it goes to two", { to: ["ann@a.example", "bob@a.example"] }],
    ["there is nowhere to lead", { base: null }],
  ])("keeps a message from being accepted when %s: it would go out as it is", async (_, given) => {
    const { accepted, request } = await taken({ content, ...given });
    expect(accepted).toEqual({ ok: false, error: { code: "no_unsubscribe_link" } });
    expect(request).toBeUndefined();
  });
});

describe("a call whose messages share their content", () => {
  test("may have those whose header fields alone differ", async () => {
    const ann = await envelopeOf();
    const bob = await envelopeOf({ to: ["bob@a.example"] });
    expect(ann.digest).toBeDefined();
    expect(bob.digest).toBe(ann.digest);
  });

  test("has none whose HTML becomes its recipient's own", async () => {
    expect(await envelopeOf({ terms: TRACKED })).not.toHaveProperty("digest");
    const clicks = { links: { ...NONE, clicks: true } };
    expect(await envelopeOf({ terms: clicks })).not.toHaveProperty("digest");
  });
});
