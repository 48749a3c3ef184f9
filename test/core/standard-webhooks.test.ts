import fc from "fast-check";
import { Webhook as Standard } from "standardwebhooks";
import { Webhook as Svix } from "svix";
import { describe, expect, test } from "vitest";
import { bytesOfBase64 } from "../../src/core/base64.ts";
import {
  STANDARD_WINDOW_MS,
  standardId,
  verifyStandard,
} from "../../src/core/standard-webhooks.ts";

const secretOf = (fill: number) => `whsec_${Buffer.alloc(24, fill).toString("base64")}`;
const SECRET = secretOf(7);
const NOW = Date.UTC(2026, 10, 5, 12);

type Family = "webhook" | "svix";

/** Headers as the official libraries sign them. */
function signed(body: string, { id = "msg_1", at = NOW, secret = SECRET, family = "svix" } = {}) {
  const library = family === "svix" ? new Svix(secret) : new Standard(secret);
  return headers(id, String(at / 1_000), library.sign(id, new Date(at), body), family as Family);
}

const headers = (id: string, time: string, signature: string, family: Family = "svix") =>
  new Headers({
    [`${family}-id`]: id,
    [`${family}-timestamp`]: time,
    [`${family}-signature`]: signature,
  });

const bytes = (text: string) => Uint8Array.from(Buffer.from(text));

async function verdict(given: Headers, body: string, secrets = [SECRET], now = NOW) {
  const result = await verifyStandard(secrets, given, bytes(body), now);
  return result.ok ? result.value : result.error.reason;
}

describe("a webhook is believed", () => {
  test.each(["webhook", "svix"])("when the official library signed it as %s", async (family) => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "grapheme" }), fc.uuid(), async (body, id) => {
        expect(await verdict(signed(body, { id, family }), body)).toBe(id);
      }),
      { numRuns: 30 },
    );
  });

  test("under the old secret and the new one, with prefix or without", async () => {
    const both = [secretOf(1), SECRET.slice("whsec_".length)];
    expect(await verdict(signed("{}"), "{}", both)).toBe("msg_1");
    expect(await verdict(signed("{}", { secret: secretOf(1) }), "{}", both)).toBe("msg_1");
    expect(await verdict(signed("{}", { secret: secretOf(2) }), "{}", both)).toBe("bad_proof");
  });

  test("when one of several signatures is good, beside those of other versions", async () => {
    const good = signed("{}").get("svix-signature");
    const bad = signed("{}", { secret: secretOf(9) }).get("svix-signature");
    const all = ["v1a,Zm9v", bad, "v1,%%%", "", good].join(" ");
    expect(await verdict(headers("msg_1", String(NOW / 1_000), all), "{}")).toBe("msg_1");
    expect(await verdict(headers("msg_1", String(NOW / 1_000), `${bad}`), "{}")).toBe("bad_proof");
    const v2 = `${good}`.replace("v1,", "v2,");
    expect(await verdict(headers("msg_1", String(NOW / 1_000), v2), "{}")).toBe("bad_proof");
  });

  test("when its time has a fraction of a second, which is not signed", async () => {
    const signature = signed("{}").get("svix-signature") ?? "";
    expect(await verdict(headers("msg_1", `${NOW / 1_000}.7123`, signature), "{}")).toBe("msg_1");
  });
});

describe("a webhook is refused", () => {
  test("outside its window, either way", async () => {
    for (const sign of [1, -1]) {
      const at = (by: number) => NOW + sign * by;
      const given = (by: number) => signed("{}", { at: at(by) });
      expect(await verdict(given(STANDARD_WINDOW_MS), "{}")).toBe("msg_1");
      expect(await verdict(given(STANDARD_WINDOW_MS + 1_000), "{}")).toBe("stale");
    }
  });

  test("when body, id or time is another than the signed one", async () => {
    const time = String(NOW / 1_000);
    const signature = signed("{}").get("svix-signature") ?? "";
    expect(await verdict(signed("{}"), "{} ")).toBe("bad_proof");
    expect(await verdict(headers("msg_2", time, signature), "{}")).toBe("bad_proof");
    const later = String(NOW / 1_000 + 1);
    expect(await verdict(headers("msg_1", later, signature), "{}")).toBe("bad_proof");
  });

  test("when the same signed bytes are cut into another id, time and body", async () => {
    const seconds = String(NOW / 1_000);
    const signature = new Svix(SECRET).sign("a", new Date(NOW), `${seconds}.{}`);
    expect(await verdict(headers(`a.${seconds}`, seconds, signature), "{}")).toBe("bad_proof");
  });

  test("without one of its parts, or with parts of two families", async () => {
    for (const name of ["svix-id", "svix-timestamp", "svix-signature"]) {
      const given = signed("{}");
      given.delete(name);
      expect(await verdict(given, "{}")).toBe("missing_proof");
      given.set(name.replace("svix", "webhook"), "1");
      expect(await verdict(given, "{}")).toBe("missing_proof");
    }
    expect(standardId(new Headers())).toBe("");
  });

  test("when no secret is one, without throwing", async () => {
    for (const secret of ["", "whsec_", "whsec_%%%", "é"]) {
      expect(await verdict(signed("{}"), "{}", [secret])).toBe("not_configured");
    }
  });

  test("whatever the headers hold, without throwing", async () => {
    const latin = fc.string({ unit: "binary-ascii" }).map((text) => text.replace(/[^ -~]/g, "x"));
    await fc.assert(
      fc.asyncProperty(latin, latin, latin, async (id, time, signature) => {
        const result = await verdict(headers(id, time, signature), "{}");
        expect(["missing_proof", "bad_proof", "stale"]).toContain(result);
      }),
    );
  });
});

test("base64 is read as Buffer reads it, and anything else is none", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1 }), (given) => {
      const text = Buffer.from(given).toString("base64");
      expect(bytesOfBase64(text)).toEqual(given);
      expect(bytesOfBase64(text.replace(/=+$/, ""))).toEqual(given);
    }),
  );
  fc.assert(
    fc.property(fc.string(), (text) => {
      const read = bytesOfBase64(text);
      if (read !== null) expect(Uint8Array.from(Buffer.from(text, "base64"))).toEqual(read);
    }),
  );
  for (const text of ["", "=", "A", "AA=A", "AAAA\n", "-_-_", "AAAAA"]) {
    expect(bytesOfBase64(text)).toBe(null);
  }
});
