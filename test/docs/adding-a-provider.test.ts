import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const page = read("docs/adding-a-provider.md");

/** Every fenced block: the file it is from, and its text. */
const blocks = [...page.matchAll(/^```(\w*) ?(\S*)\n(.*?)^```$/gms)].map(
  ([, language = "", path = "", text = ""]) => ({ language, path, text }),
);

describe("docs/adding-a-provider.md", () => {
  test("quotes code, and names the file of each quotation", () => {
    expect(blocks.length).toBeGreaterThan(0);
    for (const { language, path } of blocks) {
      expect(language).toBe("ts");
      expect(path).toMatch(/^src\//);
    }
  });

  test.each(blocks.map(({ path, text }) => [text.split("\n")[0], path, text]))(
    "`%s` stands in %s as it is quoted",
    (_first, path = "", text = "") => {
      expect(read(path)).toContain(text);
    },
  );

  test("names only files and folders that exist", () => {
    const named = [...page.matchAll(/`((?:src|test|docs)\/[\w./-]+)`/g)].map(([, path]) => path);
    expect(named.length).toBeGreaterThan(0);
    for (const path of named.filter((one) => !one?.includes("NAME"))) {
      expect(existsSync(join(root, path ?? "")), path).toBe(true);
    }
  });
});
