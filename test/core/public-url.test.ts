import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checkPublicUrl } from "../../src/core/public-url.ts";

const refusal = (url: string, allowLocal = false): string => {
  const checked = checkPublicUrl(url, { allowLocal });
  return checked.ok ? "passes" : checked.error;
};

test("https to a public name passes, with path and query", () => {
  expect(refusal("https://hooks.acme.com/a?b=c")).toBe("passes");
  expect(refusal("https://hooks.acme.com:443/")).toBe("passes");
});

test("the machine itself passes only when it is allowed, on any port and by http", () => {
  for (const host of ["localhost:8080", "127.0.0.1:3000", "127.1:9", "[::1]:3000", "localhost"]) {
    expect(refusal(`http://${host}/x`), host).toMatch(/https/);
    expect(refusal(`https://${host}/x`), host).not.toBe("passes");
    expect(refusal(`http://${host}/x`, true), host).toBe("passes");
  }
});

test("what is allowed locally reaches nobody else", () => {
  const others = ["10.0.0.1", "169.254.169.254", "acme.com", "localhost.acme.com", "[::2]"];
  for (const host of [...others, "0.0.0.0", "[::ffff:10.0.0.1]", "router.local"]) {
    expect(refusal(`http://${host}/`, true), host).toBe("must begin with https://");
  }
  expect(refusal("http://u:p@localhost/", true)).toMatch(/user name/);
  expect(refusal("ftp://localhost/", true)).toMatch(/https/);
  expect(refusal("https://10.0.0.1/", true)).toMatch(/IP address/);
});

test("a name with an empty label is none", () => {
  for (const host of ["acme..", "acme..com", ".acme.com"]) {
    expect(refusal(`https://${host}/`), host).not.toBe("passes");
  }
});

test("requests to the Worker's own zone go the way that anybody's go", () => {
  const file = join(import.meta.dirname, "../../wrangler.toml");
  const flags = /^compatibility_flags = (\[.*\])$/m.exec(readFileSync(file, "utf8"))?.[1];
  expect(JSON.parse(flags ?? "[]")).toContain("global_fetch_strictly_public");
});
