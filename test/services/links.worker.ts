import { describe, expect, test } from "vitest";
import { rewriteHtml } from "../../src/services/links.ts";

const TAIL = '<img src="p">';
const CLICK = "https://links.example.com/c/abc";

const rewritten = (html: string, tail = TAIL): Promise<string> =>
  rewriteHtml(html, {
    link: async (href) => (href.startsWith("https:") ? CLICK : null),
    tail,
  });

describe("rewriting HTML", () => {
  test.each([
    ['<a href="https://a.example/">x</a>', `<a href="${CLICK}">x</a>`],
    ["<A class=b HREF='https://a.example/'>x</A>", `<A class=b HREF="${CLICK}">x</A>`],
    ["<a href=https://a.example/ >x</a>", `<a href="${CLICK}">x</a>`],
    ['<map><area href="https://a.example/"></map>', `<map><area href="${CLICK}"></map>`],
  ])("%s becomes %s", async (html, expected) => {
    expect((await rewritten(html, "")).replaceAll(/\s+>/g, ">")).toBe(expected);
  });

  test.each([
    '<a href="mailto:a@a.example">x</a>',
    "<a name=top>x</a>",
    '<!--[if mso]><a href="https://a.example/">x</a><![endif]-->',
    '<style>a[href="https://a.example/"]{color:red}</style>',
    '<script>"<a href=https://a.example/>"</script>',
    '<link rel="stylesheet" href="https://a.example/a.css"><img src="https://a.example/b.png">',
    '<p title="<a href=https://a.example/>">Größe\t&amp; Ä&nbsp;</p>\r\n\u{1f600}',
    "",
    "<p>never closed <b>at all",
  ])("%j stays to the byte", async (html) => {
    expect(await rewritten(html, "")).toBe(html);
  });

  test("puts its tail at the end of the body, once", async () => {
    expect(await rewritten("<html><body><p>a</p></body></html>")).toBe(
      `<html><body><p>a</p>${TAIL}</body></html>`,
    );
    const forwarded = "<body>a</body><hr><body>b</body>";
    expect((await rewritten(forwarded)).split(TAIL)).toHaveLength(2);
    expect(await rewritten("<p>a</p>")).toBe(`<p>a</p>${TAIL}`);
    expect(await rewritten("<body><p>a")).toBe(`<body><p>a${TAIL}`);
  });

  test("sees an attribute as it stands, references and all", async () => {
    const seen: string[] = [];
    const link = async (href: string): Promise<null> => {
      seen.push(href);
      return null;
    };
    await rewriteHtml('<a href="https://a.example/?a=1&amp;b=2">x</a>', { link, tail: "" });
    expect(seen).toEqual(["https://a.example/?a=1&amp;b=2"]);
  });

  test("says when the HTML is too strange to be parsed, or answers", async () => {
    for (const html of ["<select><xmp><script>", "<".repeat(50_000), "<a ".repeat(50_000)]) {
      const result = await rewritten(html).catch((error: unknown) => error);
      expect(typeof result === "string" || result instanceof Error).toBe(true);
    }
  });
});
