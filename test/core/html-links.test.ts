import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { targetOf } from "../../src/core/html-links.ts";
import { TARGET_MAX } from "../../src/core/links.ts";

const BASE = "https://links.example.com";

describe("a link that is followed by way of ours", () => {
  test.each([
    ["https://example.com", "https://example.com/"],
    [" HTTP://Example.com/a b ", "http://example.com/a%20b"],
    ["https://example.com/?a=1&amp;b=2", "https://example.com/?a=1&b=2"],
    ["https://example.com/?a=1&b=2&copy=3", "https://example.com/?a=1&b=2&copy=3"],
    ["https://example.com/?a=1&#38;b=2&#x26;c=3", "https://example.com/?a=1&b=2&c=3"],
    ["https://example.com/#part", "https://example.com/#part"],
    ["https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"],
    ["https://links.example.com/about", "https://links.example.com/about"],
  ])("%s leads to %s", (href, target) => {
    expect(targetOf(href, BASE)).toBe(target);
  });

  test.each([
    ...["mailto:help@example.com", "tel:+1234", "sms:+1234", "#part", "cid:logo", "", "/path"],
    ...[
      "javascript:alert(1)",
      "data:text/html,x",
      "//example.com",
      "https:",
      "https://",
      "ftp://a",
    ],
    // Filled in later, by whom we do not know.
    ...["https://example.com/{{id}}", "{{link}}", "https://example.com/?a=%%id%%", "*|LINK|*"],
    ...["https://example.com/<%= id %>", "https://example.com/{% url %}", "https://[[host]]/"],
    // Ours already.
    ...[`${BASE}/c/abc`, `${BASE}/u/abc`, `${BASE}/o/abc.gif`],
    // References that only a whole table of names can read.
    ...["https://example.com/&eacute;", "https://example.com/?a&copy", "https://example.com/&#38b"],
    ...[
      "https://example.com/&constructor;",
      "https://example.com/&#0;",
      "https://a.example/&#128;",
    ],
    "https://example.com/&#x110000;",
  ])("%s stays as it is", (href) => {
    expect(targetOf(href, BASE)).toBeNull();
  });

  test("that is too long stays as it is", () => {
    const longest = `https://example.com/${"a".repeat(TARGET_MAX - 20)}`;
    expect(targetOf(longest, BASE)).toBe(longest);
    expect(targetOf(`${longest}a`, BASE)).toBeNull();
  });

  test("whatever it is, has a target of one line of ASCII on the web or none", () => {
    const href = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.string({ unit: "binary" }).map((text) => `https://example.com/${text}`),
      fc.webUrl(),
    );
    fc.assert(
      fc.property(href, (text) => {
        const target = targetOf(text, BASE);
        if (target !== null) expect(target).toMatch(/^https?:\/\/[!-~]+$/);
      }),
    );
  });

  test("written as HTML writes a URL, leads to that very URL", () => {
    const escaped = (url: string): string => url.replaceAll("&", "&amp;").replaceAll('"', "&quot;");
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true, withFragments: true }), (url) => {
        const target = targetOf(escaped(url), BASE);
        if (!url.includes("%%")) expect(target).toBe(new URL(url).href);
      }),
    );
  });
});
