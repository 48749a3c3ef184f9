/** Messages of every kind that an API lets through, and of the kinds that it must not. */
import fc from "fast-check";
import type { Mailbox } from "../../../src/core/address.ts";
import type { Composable, ComposableFile } from "../../../src/mime/compose.ts";

/** Texts that mail programs are known to get wrong. */
const AWKWARD = [
  ...["", " ", "  ", "a  b", " lead", "trail ", "\t", "tab\tbed", ".", "..", "\n.\n", "From me\n"],
  ...["=", "=?", "?=", "=?utf-8?Q?caf=C3=A9?=", "=?utf-8?B?Y2Fmw6k=?= tail", "=3D", "=_", "--"],
  ...["--=_", "a=\r\nb", '"', "\\", '\\"', "%41", "''", "utf-8''x", ";", ",", "(c)", "<a@b.c>"],
  ...[
    "é",
    "e\u0301",
    "ﬃ",
    "שלום עולם",
    "مرحبا",
    "\u200fabc",
    "日本語の件名",
    "😀",
    "👩‍👩‍👧‍👦",
    "🇨🇭",
  ],
  ...[
    "\ud800",
    "\udc00x",
    "x\ud83d",
    "\ufeffbom",
    "\u00a0",
    "\u2028",
    "\u0085",
    "\0",
    "\u0001\u001b",
  ],
  ...[
    "\r",
    "\n",
    "\r\n",
    "\r\nBcc: evil@example.com",
    "\nX-Evil: 1\r\n\r\nbody",
    "end \r\n",
    "\x7f",
  ],
];

const longWord = fc
  .tuple(
    fc.constantFrom("a", "é", "漢", "😀", "=", " ", "ab ", ",", "."),
    fc.integer({ min: 1, max: 1200 }),
  )
  .map(([one, times]) => one.repeat(times));

/** Any text at all, lone surrogates and controls among it. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.string({ maxLength: 120 }),
  longWord,
  fc
    .array(fc.oneof(fc.constantFrom(...AWKWARD), fc.lorem({ maxCount: 3 })), { maxLength: 6 })
    .map((parts) => parts.join("")),
  fc.lorem({ maxCount: 30 }),
);

/** A body: texts in lines, of any line break. */
const body = fc.oneof(
  anyText,
  fc
    .array(fc.tuple(anyText, fc.constantFrom("\n", "\r\n", "\r", "")), { maxLength: 8 })
    .map((lines) => lines.flat().join("")),
);

const domains: readonly (readonly [string, string])[] = [
  ["example.com", "example.com"],
  ["bücher.example", "xn--bcher-kva.example"],
  [`${"a".repeat(60)}.${"b".repeat(60)}.example`, `${"a".repeat(60)}.${"b".repeat(60)}.example`],
];
const locals = [
  "a",
  "first.last+tag",
  "o'hara",
  '"quoted local"',
  '"a@b"',
  "jöran",
  "x".repeat(64),
];

/** A mailbox as `parseMailbox` returns it, its name aside, which may be anything. */
const mailbox: fc.Arbitrary<Mailbox> = fc
  .tuple(
    fc.option(fc.oneof(anyText, fc.constantFrom("Doe, Jane", "J. Doe", "a@b.example")), {
      nil: null,
    }),
    fc.constantFrom(...locals),
    fc.constantFrom(...domains),
  )
  .map(([name, local, [domain, asciiDomain]]) => ({
    ...{ name: name?.slice(0, 320) ?? null, local, domain, asciiDomain },
    address: `${local}@${domain}`,
  }));

const names = ["X-Custom", "X-Entity-Ref-ID", "Feedback-ID", "Comments", `X-${"n".repeat(70)}`];
/** What a caller may not set, or what is no name at all. */
const refusedNames = ["Bcc", "bCC", "From", "Content-Type", "X-SES-Tag", "Resent-To", "Message-ID"];
const noNames = ["", "X A", "X:", "X-A\r\nBcc", "X-É", "\u0000", "To\n"];

const headers: fc.Arbitrary<Record<string, string>> = fc
  .tuple(
    fc.uniqueArray(fc.tuple(fc.constantFrom(...names, ...refusedNames, ...noNames), anyText), {
      selector: ([name]) => name.toLowerCase(),
      maxLength: 4,
    }),
    fc.option(fc.array(fc.webUrl({ withQueryParameters: true }), { minLength: 1, maxLength: 4 })),
  )
  .map(([others, urls]) => ({
    ...Object.fromEntries(others),
    ...(urls === null ? {} : { "List-Unsubscribe": urls.map((url) => `<${url}>`).join(",") }),
  }));

const extensions = ["", ".pdf", ".csv", ".PNG", ".eml", ".txt", ".日本", ".constructor"];
const types = [
  ...["text/plain", "text/csv; charset=utf-8", "application/pdf", "image/png", "message/rfc822"],
  ...["text/calendar; method=REQUEST; charset=utf-8", 'application/x; name="a b"; p="q;\\"r"'],
  ...["multipart/mixed", "message/global", "bad", "text/plain\r\nBcc: a@b.c", "a/b; c=é", "a/b;;x"],
];

const file: fc.Arbitrary<ComposableFile> = fc
  .record({
    filename: fc.tuple(anyText, fc.constantFrom(...extensions)).map(([stem, end]) => stem + end),
    bytes: fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc
        .constantFrom("", "Subject: x\r\n\r\nhello\r\n", "x\n", "é")
        .map((text) => Buffer.from(text)),
    ),
    written: fc.constantFrom("padded", "bare", "lines", "url-safe"),
    contentType: fc.option(fc.constantFrom(...types)),
    contentId: fc.option(fc.oneof(fc.constantFrom("logo", "a@b.example", "<x>", " "), anyText), {
      freq: 2,
    }),
  })
  .map(({ filename, bytes, written, contentType, contentId }) => ({
    filename,
    content: base64As(written, Buffer.from(bytes).toString("base64")),
    ...(contentType === null ? {} : { contentType }),
    ...(contentId === null ? {} : { contentId }),
  }));

function base64As(written: string, base64: string): string {
  if (written === "bare") return base64.replace(/=+$/, "");
  if (written === "lines") return `${base64.replace(/.{1,5}/g, "$&\r\n ")}\n`;
  if (written === "url-safe") return base64.replaceAll("+", "-").replaceAll("/", "_");
  return base64;
}

/** Messages of every structure; each field may hold any text. */
export const anyMessage: fc.Arbitrary<Composable> = fc
  .record({
    messageId: fc.oneof(
      { weight: 4, arbitrary: fc.uuid().map((id) => `${id}@mail.example.com`) },
      { weight: 1, arbitrary: anyText.map((text) => `m${text}@x.example`) },
    ),
    createdAt: fc.integer({ min: 0, max: 4_102_444_800_000 }),
    from: mailbox,
    to: fc.array(mailbox, { minLength: 1, maxLength: 6 }),
    cc: fc.array(mailbox, { maxLength: 2 }),
    replyTo: fc.array(mailbox, { maxLength: 2 }),
    subject: anyText,
    html: fc.option(
      fc.oneof(
        body,
        body.map((text) => `<p>${text}</p><img src="cid:logo">`),
      ),
    ),
    text: fc.option(body),
    headers,
    attachments: fc.oneof(fc.constant([]), fc.array(file, { maxLength: 4 })),
  })
  .map(({ html, text, ...others }) => ({
    ...others,
    ...(html === null ? {} : { html }),
    ...(text === null ? {} : { text }),
  }));

/** A message of which only one thing is peculiar. */
export function messageWith(parts: Partial<Composable>): Composable {
  const from = { name: null, local: "a", domain: "example.com", asciiDomain: "example.com" };
  return {
    messageId: "0192f0c1@mail.example.com",
    createdAt: 1_730_000_000_000,
    from: { ...from, address: "a@example.com" },
    to: [{ ...from, local: "b", address: "b@example.com" }],
    ...{ cc: [], replyTo: [], subject: "Hello", headers: {}, attachments: [], ...parts },
  };
}
