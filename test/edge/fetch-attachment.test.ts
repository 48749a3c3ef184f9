import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fetchAttachment } from "../../src/edge/fetch-attachment.ts";

const PUBLIC = "https://files.acme.com/report.pdf";

/** A fetch that answers from a table and remembers what it was asked. */
function web(pages: Record<string, () => Response>) {
  const asked: string[] = [];
  const options: RequestInit[] = [];
  const fake = async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    asked.push(String(input));
    if (init) options.push(init);
    const page = pages[String(input)];
    if (page === undefined) throw new TypeError("fetch failed");
    return page();
  };
  return { asked, options, fetch: fake as typeof fetch };
}

function attempt(url: string, fetching: typeof fetch, limitBytes = 1000, limitMs = 5000) {
  const signal = AbortSignal.timeout(limitMs);
  return fetchAttachment(url, { fetch: fetching, signal, limitBytes });
}

/** The error for a URL that must not even be asked. */
async function refusal(url: string): Promise<string> {
  const { asked, fetch } = web({});
  const result = await attempt(url, fetch);
  expect(asked, url).toEqual([]);
  return result.ok ? "fetched" : result.error;
}

const redirect =
  (location: string, status = 302) =>
  () =>
    new Response(null, { status, headers: { location } });

describe("fetchAttachment", () => {
  test("gives the file in base64 with its media type", async () => {
    const bytes = Uint8Array.from({ length: 60_000 }, (_, i) => i & 0xff);
    const headers = { "content-type": 'Text/CSV; foo=bar; charset="utf-8"' };
    const { fetch } = web({ [PUBLIC]: () => new Response(bytes, { headers }) });
    expect(await attempt(PUBLIC, fetch, 60_000)).toEqual({
      ok: true,
      value: {
        content: Buffer.from(bytes).toString("base64"),
        contentType: "text/csv; charset=utf-8",
      },
    });
  });

  test("a media type that is none is left out", async () => {
    for (const type of ["", "pdf", "a/b c", "a/b\u00e9", `${"a".repeat(200)}/b`]) {
      const headers = { "content-type": type };
      const { fetch } = web({ [PUBLIC]: () => new Response("x", { headers }) });
      const result = await attempt(PUBLIC, fetch);
      expect(result).toMatchObject({ ok: true, value: { contentType: null } });
    }
  });

  test("sends no credentials and follows nothing by itself", async () => {
    const { options, fetch } = web({ [PUBLIC]: () => new Response("x") });
    await attempt(PUBLIC, fetch);
    expect(options[0]).toMatchObject({ method: "GET", redirect: "manual" });
    expect(Object.keys(options[0]?.headers ?? {})).toEqual(["Accept", "User-Agent"]);
  });

  test("asks only for https URLs", async () => {
    for (const url of ["http://acme.com/a", "ftp://acme.com/a", "data:text/plain,a", "file:///a"]) {
      expect(await refusal(url)).toMatch("https://");
    }
    const broken = ["", "/a", "acme.com/a", "//acme.com/a", "https://", "https://acme .com/"];
    for (const url of [
      ...broken,
      "https://ac\tme.com/",
      "https://acme.com/\n",
      "https://a%00.com/",
    ]) {
      expect(await refusal(url)).toMatch("absolute https URL");
    }
    expect(await refusal(`https://acme.com/${"a".repeat(4096)}`)).toMatch("4096");
  });

  test("asks with no user name, password or port", async () => {
    for (const url of ["https://user@acme.com/", "https://u:p@acme.com/", "https://:p@acme.com/"]) {
      expect(await refusal(url)).toMatch("user name");
    }
    for (const port of ["8443", "22", "0", "80"]) {
      expect(await refusal(`https://acme.com:${port}/`)).toMatch("port 443");
    }
    const { asked, fetch } = web({});
    await attempt("https://acme.com:443/a", fetch);
    expect(asked).toEqual(["https://acme.com/a"]);
  });

  test("asks no IP address in any notation", async () => {
    const hosts = [
      "127.0.0.1",
      "127.1",
      "127.0.0.1.",
      "2130706433",
      "0x7f000001",
      "0x7f.0.0.1",
      "0177.0.0.1",
      "169.254.169.254",
      "８.８.８.８",
      "127。0。0。1",
      "%31%32%37.0.0.1",
      "[::1]",
      "[::ffff:127.0.0.1]",
      "[fd00::1]",
      "0",
    ];
    for (const host of hosts) expect(await refusal(`https://${host}/`)).toMatch("IP address");
  });

  test("asks no name that is not public", async () => {
    const hosts = [
      "localhost",
      "LOCALHOST.",
      "a.localhost",
      "printer.local",
      "metadata.google.internal",
      "metadata.google.internal.",
      "db.test",
      "x.invalid",
      "x.example",
      "x.onion",
      "router.home.arpa",
      "x.alt",
      "host.localdomain",
      "intranet",
      "intranet..",
      "acme..com",
      "ｌｏｃａｌｈｏｓｔ",
      "a.ＬＯＣＡＬ",
    ];
    for (const host of hosts) expect(await refusal(`https://${host}/`)).toMatch("public domain");
  });

  test("follows three redirects, relative ones too, and not a fourth", async () => {
    const { asked, fetch } = web({
      [PUBLIC]: redirect("/b", 301),
      "https://files.acme.com/b": redirect("https://cdn.acme.com/c", 307),
      "https://cdn.acme.com/c": redirect("//cdn2.acme.com/d", 308),
      "https://cdn2.acme.com/d": () => new Response("x"),
      "https://files.acme.com/loop": redirect("/loop"),
    });
    expect(await attempt(PUBLIC, fetch)).toMatchObject({ ok: true });
    expect(asked).toHaveLength(4);
    const result = await attempt("https://files.acme.com/loop", fetch);
    expect(result).toMatchObject({ ok: false, error: expect.stringContaining("3 times") });
    expect(asked).toHaveLength(8);
  });

  test("checks the target of a redirect like the first URL", async () => {
    const targets = [
      "http://files.acme.com/",
      "https://127.0.0.1/",
      "https://localhost/",
      "//169.254.169.254/latest",
      "https://u:p@acme.com/",
      "https://acme.com:8443/",
      "data:text/plain,x",
    ];
    for (const target of targets) {
      const { asked, fetch } = web({ [PUBLIC]: redirect(target) });
      expect(await attempt(PUBLIC, fetch)).toMatchObject({ ok: false });
      expect(asked).toEqual([PUBLIC]);
    }
    const { fetch } = web({ [PUBLIC]: () => new Response(null, { status: 302 }) });
    expect(await attempt(PUBLIC, fetch)).toMatchObject({ ok: false });
  });

  test("stops at the byte limit, declared or found out while reading", async () => {
    const exact = web({ [PUBLIC]: () => new Response("x".repeat(1000)) });
    expect((await attempt(PUBLIC, exact.fetch)).ok).toBe(true);

    let pulled = 0;
    let cancelled = 0;
    const endless = (headers: Record<string, string>) => () =>
      new Response(
        new ReadableStream<Uint8Array>({
          pull(controller) {
            pulled++;
            controller.enqueue(new Uint8Array(300));
          },
          cancel() {
            cancelled++;
          },
        }),
        { headers },
      );
    const error = "an attachment has at most 1000 bytes";
    const found = web({ [PUBLIC]: endless({}) });
    expect(await attempt(PUBLIC, found.fetch)).toEqual({ ok: false, error });
    expect(pulled).toBeLessThan(8);
    const declared = web({ [PUBLIC]: endless({ "content-length": "1001" }) });
    expect(await attempt(PUBLIC, declared.fetch)).toEqual({ ok: false, error });
    expect(cancelled).toBe(2);
  });

  test("what is not a file says so", async () => {
    const missing = web({ [PUBLIC]: () => new Response("gone", { status: 404 }) });
    const unreachable = web({});
    const broken = new ReadableStream({ start: (controller) => controller.error(new Error("x")) });
    const midway = web({ [PUBLIC]: () => new Response(broken) });
    const errors = [missing, unreachable, midway].map(async ({ fetch }) => {
      const result = await attempt(PUBLIC, fetch);
      return result.ok ? "fetched" : result.error;
    });
    expect(await Promise.all(errors)).toEqual([
      "the attachment's URL answered 404 instead of 200",
      "the attachment's URL could not be reached",
      "the attachment's URL broke off midway",
    ]);
  });

  test("the signal ends a slow answer and a slow body", async () => {
    const never = (_: unknown, init?: RequestInit) =>
      new Promise<Response>((_, reject) => {
        init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      });
    const slow = { ok: false, error: "the attachment's URL did not answer in time" };
    expect(await attempt(PUBLIC, never as typeof fetch, 1000, 20)).toEqual(slow);
    const dripping = async (_: unknown, init?: RequestInit) =>
      new Response(
        new ReadableStream({
          start(controller) {
            init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
          },
        }),
      );
    expect(await attempt(PUBLIC, dripping as typeof fetch, 1000, 20)).toEqual(slow);
  });

  test("whatever the text, only https to a dotted public name is asked", async () => {
    const parts = fc.constantFrom(
      ..."https:// http:// // / @ : ? # % [ ] . localhost .local".split(" "),
      ..."127.0.0.1 0x7f 443 acme .com".split(" "),
    );
    const urls = fc.oneof(
      fc.webUrl({ validSchemes: ["https", "http"], withFragments: true }),
      fc.array(fc.oneof(parts, fc.string({ unit: "binary", maxLength: 3 }))).map((p) => p.join("")),
      fc.array(parts).map((p) => `https://${p.join("")}`),
    );
    await fc.assert(
      fc.asyncProperty(urls, async (url) => {
        const { asked, fetch } = web({});
        await attempt(url, fetch);
        for (const target of asked) {
          expect(target).toMatch(/^https:\/\/[^/@:[\]]*[a-z][^/@:[\]]*\/?/);
          expect(new URL(target).hostname).toMatch(/\..*[a-z]/);
          expect(new URL(target).hostname).not.toMatch(/(^|\.)(localhost|local)\.?$/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
