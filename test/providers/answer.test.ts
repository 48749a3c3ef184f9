import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  ANSWER_MAX_BYTES,
  fieldsOf,
  readAnswer,
  readJsonArray,
  readJsonObject,
  redact,
  textOf,
} from "../../src/providers/answer.ts";

describe("redact", () => {
  test("takes addresses in any dress and the given secrets out", () => {
    const text =
      'no mailbox jane@a.example, <j@b.example> "Jane Roe"@c.example j%40d.example ' +
      "j&#64;e.example j＠f.example for re_key1 ok";
    const shown = redact(text, ["re_key1", ""]);
    expect(shown).not.toMatch(/jane|roe|example|re_key1/i);
    expect(shown).toMatch(/^no mailbox .* for \[secret\] ok$/);
  });

  test("any text becomes one short line without an @ sign, in linear time", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const shown = redact(text, []);
        expect(shown).not.toMatch(/[@\p{Cc}]/u);
        expect(shown.length).toBeLessThanOrEqual(200);
      }),
    );
    for (const text of ["a".repeat(65_536), '"'.repeat(65_536), "a@".repeat(32_768)]) {
      const start = performance.now();
      redact(text, []);
      expect(performance.now() - start).toBeLessThan(500);
    }
  });
});

describe("readAnswer", () => {
  test("reads up to the limit and not a byte more", async () => {
    const whole = "x".repeat(ANSWER_MAX_BYTES);
    expect(await readAnswer(new Response(whole))).toEqual({ ok: true, value: whole });
    expect(await readAnswer(new Response(`${whole}x`))).toEqual({ ok: false, error: "too_large" });
    expect(await readAnswer(new Response("xyz"), 3)).toEqual({ ok: true, value: "xyz" });
    expect(await readAnswer(new Response("xyz!"), 3)).toEqual({ ok: false, error: "too_large" });
    expect(await readAnswer(new Response(null))).toEqual({ ok: true, value: "" });
  });

  test("cancels an endless body instead of reading it", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(10_000)),
      cancel() {
        cancelled = true;
      },
    });
    expect(await readAnswer(new Response(body))).toEqual({ ok: false, error: "too_large" });
    expect(cancelled).toBe(true);
  });

  test("joins characters that were split between chunks", async () => {
    const bytes = new TextEncoder().encode("é😀");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const byte of bytes) controller.enqueue(Uint8Array.of(byte));
        controller.close();
      },
    });
    expect(await readAnswer(new Response(body))).toEqual({ ok: true, value: "é😀" });
  });

  test("a body that breaks off is unreadable", async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error("x")) });
    expect(await readAnswer(new Response(body))).toEqual({ ok: false, error: "unreadable" });
  });
});

test("readJsonObject takes objects only", () => {
  expect(readJsonObject('{"a":1}')).toEqual({ a: 1 });
  for (const text of ["", "{", "null", "1", "[]", '"a"']) expect(readJsonObject(text)).toBeNull();
});

test("readJsonArray takes arrays only", () => {
  expect(readJsonArray('[{"a":1}]')).toEqual([{ a: 1 }]);
  for (const text of ["", "[", "null", "1", "{}", '"a"']) expect(readJsonArray(text)).toBeNull();
});

test("records are read whatever they hold", () => {
  expect(fieldsOf({ a: 1 })).toEqual({ a: 1 });
  for (const value of [undefined, null, 1, "a", [1]]) expect(fieldsOf(value)).toEqual({});
  expect(["a", 5, 0].map(textOf)).toEqual(["a", "5", "0"]);
  for (const value of [undefined, null, true, {}, ["a"]]) expect(textOf(value)).toBe("");
});
