import { expect, test } from "vitest";
import { readScope, scopeKey } from "../../src/core/guard.ts";

test("a scope's key reads as what it was made of; others read as none", () => {
  const stream = {
    kind: "stream",
    account: "a~test",
    stream: "news",
    domain: "x.example",
  } as const;
  const source = { kind: "source", source: "ses-eu" } as const;
  for (const scope of [stream, source]) expect(readScope(scopeKey(scope))).toEqual(scope);
  for (const key of ["", "source", "source/", "source/a/b", "stream/a/b", "stream/a//c", "x/y"]) {
    expect(readScope(key)).toBeNull();
  }
  expect(readScope("stream/a/b/c/d")).toBeNull();
});
