import { describe, expect, test } from "vitest";
import type { Mailbox } from "../../src/core/address.ts";
import { parseMailbox } from "../../src/core/address.ts";
import { type Composable, compose } from "../../src/mime/compose.ts";
import { messageWith } from "../support/mime/messages.ts";
import { leavesOf, readPart, single } from "../support/mime/read.ts";

/** The lines of one field, without its name. */
function field(raw: string, name: string): string {
  const header = raw.slice(0, raw.indexOf("\r\n\r\n"));
  const lines = header.replace(/\r\n(?=[ \t])/g, "\0").split("\r\n");
  const found = lines.filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  expect(found).toHaveLength(1);
  return (found[0] as string).slice(name.length + 1).replaceAll("\0", "\r\n");
}

const composed = (parts: Partial<Composable>, extra?: Record<string, string>) =>
  compose(messageWith(parts), extra);

function mailbox(text: string): Mailbox {
  const parsed = parseMailbox(text);
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}

describe("the header of a composed message", () => {
  test("has the fields of a mail, each once, in the usual order", () => {
    const raw = composed({
      replyTo: [mailbox("r@example.com")],
      cc: [mailbox("c@example.com")],
      text: "Hi",
      headers: { "X-One": "1" },
    });
    expect(raw).toBe(
      [
        "Date: Sun, 27 Oct 2024 03:33:20 +0000",
        "From: a@example.com",
        "Reply-To: r@example.com",
        "To: b@example.com",
        "Cc: c@example.com",
        "Subject: Hello",
        "Message-ID: <0192f0c1@mail.example.com>",
        "X-One: 1",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        "Hi",
        "",
      ].join("\r\n"),
    );
  });

  test("has no To without recipients, and never a Bcc", () => {
    const bcc = [mailbox("hidden@example.com")];
    const raw = compose({ ...messageWith({ to: [] }), bcc } as Composable, {
      Bcc: "h@example.com",
    });
    expect(raw).not.toMatch(/^(?:To|Cc|Bcc|Reply-To):|hidden|h@example/im);
  });

  test("folds many recipients at their commas", () => {
    const to = Array.from({ length: 20 }, (_, index) => mailbox(`Jo Doe <u${index}@example.com>`));
    const lines = field(composed({ to }), "To").split("\r\n");
    expect(lines.slice(0, -1).every((line) => line.endsWith(",") && line.length <= 76)).toBe(true);
    expect(lines.length).toBeLessThan(11);
  });

  test.each([
    ["Jane Doe", " Jane Doe <x@example.com>"],
    ["Doe, Jane", ' "Doe, Jane" <x@example.com>'],
    ['a "b" \\', ' "a \\"b\\" \\\\" <x@example.com>'],
    ["Zoë", " =?UTF-8?Q?Zo=C3=AB?= <x@example.com>"],
    ["日本", " =?UTF-8?B?5pel5pys?= <x@example.com>"],
    ["=?utf-8?Q?a?=", " =?UTF-8?Q?=3D=3Futf-8=3FQ=3Fa=3F=3D?= <x@example.com>"],
    ["a  b", " =?UTF-8?Q?a__b?= <x@example.com>"],
    ["x\r\nBcc: y@example.com", ' "x Bcc: y@example.com" <x@example.com>'],
    ["", " x@example.com"],
  ])("writes the display name %j", (name, expected) => {
    expect(field(composed({ to: [{ ...mailbox("x@example.com"), name }] }), "To")).toBe(expected);
  });

  test("writes domains in A-labels and UTF-8 local parts as they are", () => {
    const raw = composed({ to: [mailbox("jöran@bücher.example")] });
    expect(field(raw, "To")).toBe(" jöran@xn--bcher-kva.example");
    const lone = { ...mailbox("x@example.com"), local: "a\ud800" };
    expect(field(composed({ to: [lone] }), "To")).toBe(" a\ufffd@example.com");
  });

  test.each([
    ["a>, <evil@example.org", "example.com", ' "a>, <evil@example.org"@example.com'],
    ["a\r\nBcc: b", "example.com", ' "a Bcc: b"@example.com'],
    ["a\u00a0b", "example.com", ' "a\u00a0b"@example.com'],
    ["a", "example.com>\r\nBcc: <b@c", " a@example.comBccbc"],
  ])("lets no address hold another one: %j @ %j", (local, asciiDomain, expected) => {
    expect(field(composed({ to: [{ ...mailbox("x@y.zz"), local, asciiDomain }] }), "To")).toBe(
      expected,
    );
  });

  test.each([
    ["", ""],
    ["plain words", " plain words"],
    ["caf\u00e9", " =?UTF-8?Q?caf=C3=A9?="],
    [" two  spaces ", " =?UTF-8?Q?_two__spaces_?="],
    ["a\tb", " =?UTF-8?Q?a=09b?="],
    ["=?utf-8?Q?x?=", " =?UTF-8?Q?=3D=3Futf-8=3FQ=3Fx=3F=3D?="],
    ["\ud83d!", " =?UTF-8?Q?=EF=BF=BD!?="],
    ["a\r\nBcc: b@example.com", " a Bcc: b@example.com"],
    ["a\rb\nc\0d", " a b c d"],
  ])("writes the subject %j", (subject, expected) => {
    expect(field(composed({ subject }), "Subject")).toBe(expected);
  });

  test("splits encoded-words between characters, at 75 and on lines of 76", () => {
    for (let shift = 0; shift < 12; shift++) {
      const subject = `${"é".repeat(shift)}${"😀".repeat(60)}`;
      const lines = field(composed({ subject }), "Subject").split("\r\n");
      expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(76);
      const texts = lines.map((line) => / =\?UTF-8\?B\?(.*)\?=$/.exec(line)?.[1] ?? "");
      const utf8 = new TextDecoder("utf-8", { fatal: true });
      const read = texts.map((text) => utf8.decode(Buffer.from(text, "base64")));
      expect(read.join("")).toBe(subject);
    }
  });

  test("folds text at spaces only, and keeps a run of them", () => {
    const subject = `${"word ".repeat(40)}end`;
    const written = field(composed({ subject }), "Subject");
    expect(written.split("\r\n").every((line) => line.length <= 76)).toBe(true);
    expect(written.replaceAll("\r\n", "")).toBe(` ${subject}`);
    const spaced = field(composed({ subject: `${"w".repeat(64)}  end` }), "Subject");
    expect(spaced).toMatch(/^ =\?UTF-8\?Q\?w+\?=\r\n =\?UTF-8\?Q\?w+__end\?=$/);
  });

  test("keeps a long token whole as long as a line can hold it", () => {
    const token = "t".repeat(900);
    expect(field(composed({ headers: { "X-Ref": token } }), "X-Ref")).toBe(` ${token}`);
    const long = field(composed({ headers: { "X-Ref": "t".repeat(1500) } }), "X-Ref");
    expect(long.split("\r\n").every((line) => /^ =\?UTF-8\?Q\?t+\?=$/.test(line))).toBe(true);
    expect(long.match(/t/g)).toHaveLength(1500);
  });

  test("drops callers' fields that are Postern's, steer a provider or have no name", () => {
    const refused = [
      "Bcc",
      "subject",
      "Content-Type",
      "X-SES-Tag",
      "",
      "X A",
      "X\r\nBcc",
      "É",
      "X:",
    ];
    const headers = Object.fromEntries(refused.map((name) => [name, "evil"]));
    expect(composed({ headers })).not.toContain("evil");
  });

  test("takes the adapter's fields, steering ones too, in the place of a caller's", () => {
    const headers = { "List-Unsubscribe": "<https://caller.example>" };
    const raw = composed(
      { headers },
      { "X-SES-Tag": "a\r\nBcc: b", "LIST-UNSUBSCRIBE": "<https://ours.example>", Subject: "no" },
    );
    expect(field(raw, "X-SES-Tag")).toBe(" a Bcc: b");
    expect(field(raw, "List-Unsubscribe")).toBe(" <https://ours.example>");
    expect(field(raw, "Subject")).toBe(" Hello");
  });

  test("folds what a provider reads at its spaces only, and encodes no ASCII", () => {
    const value = JSON.stringify({ a: "x,y".repeat(40), b: "=?utf-8?Q?x?=" }).replace(",", ", ");
    const written = field(composed({}, { "X-SMTPAPI": value }), "X-SMTPAPI");
    expect(written.replaceAll("\r\n", "").trim()).toBe(value);
  });

  test.each([
    ["List-Unsubscribe", `<mailto:u@example.com>,<https://example.com/${"a,b".repeat(16)}>,<x:y>`],
    [
      "References",
      Array.from({ length: 9 }, (_, index) => `<${index}.abcdef@example.com>`).join(" "),
    ],
    ["Keywords", `"${"a,".repeat(30)}","${"b, ".repeat(20)}",c`],
  ])("reads %s back equal, white space after commas aside", (name, value) => {
    const written = field(composed({ headers: { [name]: value } }), name);
    expect(written.split("\r\n").every((line) => line.length <= 76)).toBe(true);
    expect(written.replace(/,\s+/g, ",").replaceAll("\r\n", "").trim()).toBe(
      value.replaceAll(", ", ","),
    );
  });

  test.each([`<https://example.com/${"a,b".repeat(30)}>`, `"${"a,b".repeat(30)}"`])(
    "does not break a structured field within %s",
    (token) => {
      const written = field(
        composed({ headers: { "List-Help": `<x:y>,${token},<y:z>` } }),
        "List-Help",
      );
      expect(written.split("\r\n")).toContain(` ${token},`);
    },
  );

  test.each(['"\\', "<a", '"', ",", " <"])(
    "takes no longer for many of %j",
    (text) => {
      // In quadratic time this would take minutes.
      const headers = {
        Keywords: text.repeat(300_000 / text.length),
        "List-Id": `${text}é`.repeat(50_000),
      };
      const started = performance.now();
      composed({ headers });
      expect(performance.now() - started).toBeLessThan(10_000);
    },
    60_000,
  );

  test("encodes a name in a structured field and percent-encodes a URI", () => {
    const headers = { "List-Id": '"Ünï" <ü.example.com>', "List-Help": "<https://example.com/ü>" };
    const raw = composed({ headers });
    expect(field(raw, "List-Id")).toBe(" =?UTF-8?B?w5xuw68=?= <%C3%BC.example.com>");
    expect(field(raw, "List-Help")).toBe(" <https://example.com/%C3%BC>");
    const keywords = composed({ headers: { Keywords: 'ü, plain,"ö, \\"ä",<x>ß "ß"' } });
    expect(field(keywords, "Keywords").replace(/\r\n/g, "")).toBe(
      " =?UTF-8?B?w7w=?= , plain, =?UTF-8?B?w7YsICLDpA==?= ,<x> =?UTF-8?B?w58=?= =?UTF-8?B?w58=?=",
    );
  });

  test("breaks a URI that no line can hold within its brackets, where readers skip it", () => {
    const value = `<https://example.com/${"u".repeat(2000)}>`;
    const written = field(composed({ headers: { "List-Unsubscribe": value } }), "List-Unsubscribe");
    expect(Math.max(...written.split("\r\n").map((line) => line.length))).toBeLessThanOrEqual(998);
    expect(written.replace(/\s/g, "")).toBe(value);
  });

  test("writes one Message-ID on one line, whatever the id holds", () => {
    const raw = composed({ messageId: "<a b\r\nBcc: é>@x.example" });
    expect(field(raw, "Message-ID")).toBe(" <abBcc:@x.example>");
    const long = composed({ messageId: "x".repeat(2000), text: "a", html: "b" });
    expect(field(long, "Message-ID")).toHaveLength(903);
    expect(readPart(long).parameters.get("boundary")?.length).toBeLessThanOrEqual(70);
  });

  test("is the same each time, and another message has other boundaries", () => {
    const parts = { text: "a", html: "b" };
    expect(composed(parts)).toBe(composed(parts));
    const other = composed({ ...parts, messageId: "other@example.com" });
    const boundary = (raw: string) => readPart(raw).parameters.get("boundary");
    expect(boundary(other)).not.toBe(boundary(composed(parts)));
  });
});

describe("the order of parts", () => {
  const types = (parts: Partial<Composable>): unknown => {
    const tree = (part: ReturnType<typeof readPart>): unknown =>
      part.parts.length === 0 ? part.type : [part.type, ...part.parts.map(tree)];
    return tree(readPart(composed(parts)));
  };
  const pdf = { filename: "a.pdf", content: "" };
  const logo = { filename: "a.png", content: "", contentId: "logo" };

  test.each<[string, Partial<Composable>, unknown]>([
    ["nothing", {}, "text/plain"],
    ["text", { text: "" }, "text/plain"],
    ["HTML", { html: "" }, "text/html"],
    ["both", { text: "", html: "" }, ["multipart/alternative", "text/plain", "text/html"]],
    ["a file alone", { attachments: [pdf] }, ["multipart/mixed", "application/pdf"]],
    [
      "text and a file, its content id without HTML to use it",
      { text: "a", attachments: [logo] },
      ["multipart/mixed", "text/plain", "image/png"],
    ],
    [
      "HTML and its picture",
      { html: "a", attachments: [logo] },
      ["multipart/related", "text/html", "image/png"],
    ],
    [
      "all of it",
      { text: "a", html: "b", attachments: [pdf, logo] },
      [
        "multipart/mixed",
        ["multipart/alternative", "text/plain", ["multipart/related", "text/html", "image/png"]],
        "application/pdf",
      ],
    ],
  ])("has only the levels needed for %s", (_title, parts, expected) => {
    expect(types(parts)).toEqual(expected);
  });

  test("names the type of the related parts' root", () => {
    const root = readPart(composed({ html: "a", attachments: [logo] }));
    expect(root.parameters.get("type")).toBe("text/html");
    const file = leavesOf(root)[1];
    expect(single(file?.fields ?? [], "content-id")).toBe("<logo>");
    expect(single(file?.fields ?? [], "content-disposition")).toBe("inline; filename=a.png");
  });
});
