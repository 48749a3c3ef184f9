import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];
const textOf = (path: string): string =>
  readFileSync(join(root, path), "utf8").replace(/^```.*?^```$/gms, "");

/** The names by which a page's headings are linked to, as GitHub makes them. */
const anchorsOf = (path: string): string[] =>
  [...textOf(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}_ -]/gu, "")
      .replaceAll(" ", "-"),
  );

describe("the links of the documentation", () => {
  test.each(pages)("of %s lead to files and headings that exist", (page) => {
    const links = [...textOf(page).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = ""]) => target);
    for (const target of links.filter((one) => !/^https?:/.test(one))) {
      const [file = "", anchor] = target.split("#");
      const path = file === "" ? page : join(dirname(page), file);
      expect.soft(existsSync(join(root, path)), target).toBe(true);
      if (anchor !== undefined) expect.soft(anchorsOf(path), target).toContain(anchor);
    }
  });
});
