import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mintApiKey, parseApiKey } from "../../src/core/api-key.ts";
import { createSigner } from "../../src/core/signer.ts";
import { seededRandom } from "./random.ts";

const signer = await createSigner("a secret");

describe("API keys", () => {
  test("a minted key has its mode in front and parses", async () => {
    for (const mode of ["test", "live"] as const) {
      const key = await mintApiKey(signer, mode, seededRandom(1));
      expect(key).toMatch(new RegExp(`^post_${mode}_[0-9A-Za-z]{30}$`));
      expect(await parseApiKey(signer, key)).toEqual({ ok: true, value: { mode } });
    }
  });

  test("one changed character anywhere is refused", async () => {
    const key = await mintApiKey(signer, "live", seededRandom(2));
    for (let at = 0; at < key.length; at++) {
      const changed = key.slice(0, at) + (key[at] === "x" ? "y" : "x") + key.slice(at + 1);
      expect((await parseApiKey(signer, changed)).ok, `character ${at}`).toBe(false);
    }
  });

  test("a test key does not turn into a live key by its prefix", async () => {
    const key = await mintApiKey(signer, "test", seededRandom(3));
    const forged = key.replace("post_test_", "post_live_");
    expect(await parseApiKey(signer, forged)).toEqual({ ok: false, error: "bad_checksum" });
  });

  test("a key of another installation is refused", async () => {
    const key = await mintApiKey(await createSigner("another"), "live", seededRandom(4));
    expect(await parseApiKey(signer, key)).toEqual({ ok: false, error: "bad_checksum" });
  });

  test("garbage is malformed and never throws", async () => {
    const key = await mintApiKey(signer, "live", seededRandom(5));
    for (const text of [`${key}\n`, ` ${key}`, `${key}0`, key.slice(1), "re_123", "post_live_"]) {
      expect(await parseApiKey(signer, text)).toEqual({ ok: false, error: "malformed" });
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), async (text) => {
        expect(await parseApiKey(signer, text)).toEqual({ ok: false, error: "malformed" });
      }),
    );
  });
});
