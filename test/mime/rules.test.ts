import { describe, expect, test } from "vitest";
import { compose } from "../../src/mime/compose.ts";
import { fieldsOf } from "../support/mime/meaning.ts";
import { messageWith } from "../support/mime/messages.ts";
import { broken } from "../support/mime/rules.ts";

const message = messageWith({
  subject: "Zoë",
  text: "café au lait",
  html: "<p>",
  headers: { "X-One": "one two" },
  attachments: [
    { filename: "a.png", content: "YWJj", contentId: "logo" },
    { filename: "b.pdf", content: "YWJj" },
  ],
});
const raw = compose(message);
const boundary = "=_0192f0c1mail.example.com_mixed";

describe("the rules for composed messages", () => {
  test("take a message that keeps them", () => {
    expect(broken(raw, fieldsOf(message))).toEqual([]);
  });

  test.each<[string, string | RegExp, string]>([
    ["a line break without CR", "one two\r\n", "one two\n"],
    ["a CR by itself", "one two", "one\rtwo"],
    ["a NUL", "one two", "one\0two"],
    ["no last line break", /\r\n$/, ""],
    ["a line of more than 998", "one", "o".repeat(999)],
    ["a line that could be folded", "one two", `${"o".repeat(50)} ${"t".repeat(50)}`],
    ["a header line of white space", "one two", "one\r\n  \r\n two"],
    ["a line that is no field", "X-One:", "X One"],
    ["an encoded-word of more than 75", "Zo=C3=AB", `Zo=C3=AB${"_".repeat(60)}`],
    ["an encoded-word on a line of more than 76", "one two", `one ${"t".repeat(60)} =?UTF-8?Q?a?=`],
    ["half a character in an encoded-word", "=C3=AB", "=C3"],
    ["an encoded-word within a word", "=?UTF-8?Q?Zo", "x=?UTF-8?Q?Zo"],
    ["a Bcc", "X-One:", "Bcc:"],
    ["a field that was not asked for", "X-One:", "X-Two: 2\r\nX-One:"],
    ["a second Subject", "X-One:", "Subject: b\r\nX-One:"],
    ["no Date", /^Date/, "X-Date"],
    ["a date in another form", "+0000", "GMT"],
    ["an encoded multipart", "MIME-Version", "Content-Transfer-Encoding: base64\r\nMIME-Version"],
    ["a boundary without its part", `--${boundary}--`, ""],
    ["a boundary in the content", "<p>", `x--${boundary}`],
    ["text before the first part", `\r\n\r\n--${boundary}`, `\r\n\r\nx\r\n--${boundary}`],
    ["related without its type", ' type="text/html";', ""],
    ["related with another type", 'type="text/html"', 'type="text/plain"'],
    ["a field that no part has", "Content-ID: ", "Content-Location: "],
    ["an encoded message", "application/pdf", "message/rfc822"],
    ["7bit with other octets", "<p>", "<é>"],
    ["quoted-printable that is not encoded", "caf=C3=A9", "café"],
    ["quoted-printable with white space at an end", "au lait", "au lait "],
    ["quoted-printable with a long line", "au lait", "au lait".repeat(12)],
    ["base64 of another length", "YWJj", "YWJ"],
    ["base64 with a long line", "YWJj", "YWJj".repeat(20)],
    ["an encoding that is not one", "quoted-printable", "x-uuencode"],
  ])("refuse %s", (_title, good, bad) => {
    const changed = raw.replace(good, () => bad);
    expect(changed).not.toBe(raw);
    expect(broken(changed, fieldsOf(message))).not.toEqual([]);
  });
});
