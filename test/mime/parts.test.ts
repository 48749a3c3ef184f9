import { describe, expect, test } from "vitest";
import { type ComposableFile, compose } from "../../src/mime/compose.ts";
import { messageWith } from "../support/mime/messages.ts";
import { contentOf, leavesOf, type ReadPart, readPart, single } from "../support/mime/read.ts";

describe("a body", () => {
  const body = (text: string): ReadPart => {
    const part = leavesOf(readPart(compose(messageWith({ text, html: "<p>" }))))[0];
    return part as ReadPart;
  };

  test.each([
    ["7bit", "plain\nlines", "plain\r\nlines"],
    ["7bit", "cr\rlf\ncrlf\r\n", "cr\r\nlf\r\ncrlf\r\n"],
    ["7bit", "", ""],
    ["7bit", "x".repeat(998), "x".repeat(998)],
    ["quoted-printable", "caf\u00e9 au lait", "caf=C3=A9 au lait"],
    ["7bit", "is = not", "is = not"],
    ["quoted-printable", ".\n..", "=2E\r\n=2E."],
    ["quoted-printable", "From here\nfrom there", "=46rom here\r\nfrom there"],
    ["quoted-printable", "end \t\nend ", "end =09\r\nend=20"],
    ["quoted-printable", "a long enough text with \0 and \u001b", undefined],
    ["quoted-printable", "a long enough text, lone \ud83d surrogate", undefined],
    ["base64", "日本語", "5pel5pys6Kqe"],
  ])("goes as %s: %j", (encoding, text, written) => {
    const part = body(text);
    expect(part.encoding).toBe(encoding);
    if (written !== undefined) expect(part.body).toBe(written);
    expect(Buffer.from(contentOf(part)).toString("utf8")).toBe(
      text.toWellFormed().replace(/\r\n|\r|\n/g, "\r\n"),
    );
  });

  test("that is the whole message ends its last line once", () => {
    for (const text of ["end", "end\r\n", "end\n"]) {
      expect(compose(messageWith({ text }))).toMatch(/\r\n\r\nend\r\n$/);
    }
    expect(compose(messageWith({ text: "" }))).toMatch(/7bit\r\n\r\n$/);
  });

  test("with a line that 7bit cannot hold is encoded", () => {
    const part = body("x".repeat(999));
    expect(part.encoding).toBe("quoted-printable");
    expect(part.body.split("\r\n").every((line) => line.length <= 76)).toBe(true);
  });

  test("has no soft line break within a character, nor before a dot that stands alone", () => {
    for (let shift = 0; shift < 76; shift++) {
      const text = `${"x".repeat(shift)}é${"y".repeat(70)}.From é ${".".repeat(90)}`;
      const part = body(text);
      expect(part.encoding).toBe("quoted-printable");
      for (const line of part.body.split("\r\n")) {
        expect(line.length).toBeLessThanOrEqual(76);
        expect(line).not.toMatch(/^(?:\.|From )|^=A9|C3=$/);
      }
      expect(Buffer.from(contentOf(part)).toString("utf8")).toBe(text);
    }
  });

  test("that holds the message's boundary is encoded, so that it ends no part", () => {
    const boundary = readPart(compose(messageWith({ text: "", html: "" }))).parameters.get(
      "boundary",
    );
    const text = `--${boundary}--\nmore`;
    const part = body(text);
    expect(part.encoding).not.toBe("7bit");
    expect(Buffer.from(contentOf(part)).toString()).toBe(text.replace("\n", "\r\n"));
  });
});

describe("a file", () => {
  const attached = (file: Partial<ComposableFile>): ReadPart => {
    const attachments = [{ filename: "a.bin", content: "", ...file }];
    return readPart(compose(messageWith({ attachments }))).parts[0] as ReadPart;
  };
  const header = (file: Partial<ComposableFile>, name: string) => {
    const { header: lines } = attached(file);
    const found = lines.split(/\r\n(?![ \t])/).filter((line) => line.startsWith(`${name}:`));
    expect(found).toHaveLength(1);
    return (found[0] as string).slice(name.length + 2);
  };

  test.each([
    ["aGVsbG8=", "hello"],
    ["aGVsbG8", "hello"],
    [" aGVs\r\nbG8=\n", "hello"],
    ["-_-_", Buffer.from("fbffbf", "hex").toString("latin1")],
    ["aGVsbG9=", "hello"],
    ["aGVsb", "hel"],
    ["", ""],
  ])("is read from %j", (content, expected) => {
    expect(Buffer.from(contentOf(attached({ content }))).toString("latin1")).toBe(expected);
  });

  test("goes as base64 in lines of 76", () => {
    const { body } = attached({ content: Buffer.alloc(120, "x").toString("base64") });
    expect(body.split("\r\n").map((line) => line.length)).toEqual([76, 76, 8]);
  });

  test("of many megabytes arrives whole", () => {
    const bytes = Buffer.alloc(5_000_001, "a file ÿ\0");
    const part = attached({ content: bytes.toString("base64") });
    expect(bytes.equals(contentOf(part))).toBe(true);
  });

  test.each([
    ["a.pdf", "attachment; filename=a.pdf"],
    ["my file.pdf", 'attachment; filename="my file.pdf"'],
    ["../etc/passwd", 'attachment; filename="../etc/passwd"'],
    ["", 'attachment; filename=""'],
    ['a"b\\c%41', "attachment; filename*=utf-8''a%22b%5Cc%2541"],
    ["a\r\nBcc: b", 'attachment; filename="a Bcc: b"'],
    ["résumé", "attachment; filename*=utf-8''r%C3%A9sum%C3%A9"],
    [" x ", "attachment; filename*=utf-8''%20x%20"],
    ["\ud800", "attachment; filename*=utf-8''%EF%BF%BD"],
    ["=?utf-8?Q?a?=", "attachment; filename*=utf-8''%3D%3Futf-8%3FQ%3Fa%3F%3D"],
  ])("has the name %j", (filename, expected) => {
    expect(header({ filename }, "Content-Disposition")).toBe(expected);
  });

  test("has a long name in sections of whole characters", () => {
    const filename = `${"日本😀".repeat(40)}.txt`;
    const lines = header({ filename }, "Content-Disposition").split("\r\n");
    expect(lines[0]).toBe("attachment;");
    const sections = lines.slice(1).map((line, index) => {
      expect(line.length).toBeLessThanOrEqual(76);
      const prefix = ` filename*${index}*=`;
      expect(line.startsWith(prefix)).toBe(true);
      expect(line.endsWith(";")).toBe(index < lines.length - 2);
      return decodeURIComponent(line.slice(prefix.length).replace(/^utf-8''|;$/g, ""));
    });
    expect(sections.join("")).toBe(filename);
    const plain = `${"x".repeat(70)}.pdf`;
    expect(header({ filename: plain }, "Content-Disposition")).toMatch(
      /^attachment;\r\n filename\*0\*=/,
    );
  });

  test.each([
    ["résumé.pdf", "application/pdf; name=r_sum_.pdf"],
    [`${"x".repeat(90)}.pdf`, `application/pdf;\r\n name=${"x".repeat(52)}.pdf`],
    ['"; evil="1', 'application/octet-stream; name="_; evil__1"'],
    ["日本", "application/octet-stream; name=_"],
    ["", "application/octet-stream"],
  ])("has a name in ASCII for readers that know no other: %j", (filename, expected) => {
    const written = header({ filename }, "Content-Type");
    expect(written.replaceAll("\r\n", "")).toBe(expected.replaceAll("\r\n", ""));
  });

  test.each([
    ["image/PNG", "image/png; name=a.bin"],
    [
      "text/csv; charset=utf-8; header=present",
      "text/csv; charset=utf-8; header=present; name=a.bin",
    ],
    ['text/x; p="a;\\"b"', "text/x; p*=utf-8''a%3B%22b; name=a.bin"],
    ["text/x; name=other; name*=x''y", "text/x; name=a.bin"],
    ["nonsense", "application/octet-stream; name=a.bin"],
    ["text/x\r\nBcc: b@example.com", "application/octet-stream; name=a.bin"],
    ["text/x; a=é", "application/octet-stream; name=a.bin"],
    ["multipart/mixed; boundary=x", "application/octet-stream; name=a.bin"],
  ])("has the content type %j", (contentType, expected) => {
    expect(header({ contentType }, "Content-Type")).toBe(expected);
  });

  test("has the type of its name's extension, if that is in the table", () => {
    const type = (filename: string) => attached({ filename }).type;
    expect([".PDF", "a.ics", "a.constructor", "png"].map(type)).toEqual([
      "application/pdf",
      "text/calendar",
      "application/octet-stream",
      "application/octet-stream",
    ]);
  });

  test("that is a message goes as it is if that is safe, else as octets", () => {
    const message = (text: string) =>
      attached({ contentType: "message/rfc822", content: Buffer.from(text).toString("base64") });
    const plain = message("Subject: x\r\n\r\nhello");
    expect([plain.type, plain.encoding, plain.body]).toEqual([
      "message/rfc822",
      "7bit",
      "Subject: x\r\n\r\nhello",
    ]);
    const unsafe = [
      "Subject: x\n\nhello",
      "a\rb",
      "Subject: é\r\n\r\n",
      `a: ${"x".repeat(998)}\r\n`,
    ];
    for (const text of unsafe) {
      const part = message(text);
      expect([part.type, part.encoding]).toEqual(["application/octet-stream", "base64"]);
      expect(Buffer.from(contentOf(part)).toString()).toBe(text);
    }
  });

  test.each([
    ["logo", "<logo>"],
    ["<logo@example.com>", "<logo@example.com>"],
    ["a b\r\nBcc: c>", "<abBcc:c>"],
  ])("has the content id %j", (contentId, expected) => {
    const part = attached({ contentId });
    expect(single(part.fields, "content-id")).toBe(expected);
  });

  test("that is text or a message is an attachment although it has a content id", () => {
    const disposition = (contentType: string) =>
      header({ contentType, contentId: "x", content: "YQ==" }, "Content-Disposition").split(";")[0];
    const types = ["image/png", "text/plain", "text/html", "message/rfc822"];
    expect(types.map(disposition)).toEqual(["inline", "attachment", "attachment", "attachment"]);
  });

  test("with an empty content id is an attachment without one", () => {
    const part = attached({ filename: "a.png", contentId: "\r\n" });
    expect(part.fields.map(({ name }) => name)).not.toContain("Content-ID");
    expect(single(part.fields, "content-disposition")).toMatch(/^attachment/);
  });
});
