import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { halvesOf } from "../../../src/providers/sendgrid/signature.ts";
import { hooks } from "../../../src/providers/sendgrid/webhook.ts";
import { keysOf, type Posted, postTo } from "../../contract/webhook.ts";
import { pairOf, publicOf, signedBy } from "./signed.ts";

const NOW = Date.UTC(2026, 10, 5, 16, 35);
const own = pairOf();
const other = pairOf();
const subject = { hooks, keys: keysOf({ signing: [publicOf(own.publicKey)] }), now: NOW };
const one = { event: "delivered", email: "ann@example.net" };
const secondsAt = (ageMs: number) => String(Math.round((NOW - ageMs) / 1000));
const signed = (body: string, timestamp: string) => signedBy(own.privateKey, body, timestamp);
const post = (events: readonly unknown[]) => signed(JSON.stringify(events), secondsAt(0));

const reasonOf = async (posted: Posted, given: Partial<typeof subject> = {}) => {
  const result = await postTo({ ...subject, ...given }, posted);
  return result.ok ? "taken" : result.error.reason;
};

describe("SendGrid's signature", () => {
  test("holds the timestamp: another one is not proved", async () => {
    const posted = post([one]);
    const headers = {
      ...posted.headers,
      "x-twilio-email-event-webhook-timestamp": secondsAt(-1000),
    };
    expect(await reasonOf({ ...posted, headers })).toBe("bad_proof");
  });

  test("holds a timestamp that is no number, which has no age", async () => {
    const body = JSON.stringify([one]);
    expect(await reasonOf(signed(body, "data timestamp"))).toBe("taken");
    expect(await reasonOf(signed(body, "1".repeat(400)))).toBe("stale");
    const { headers } = signed(body, "data timestamp");
    const changed = { ...headers, "x-twilio-email-event-webhook-timestamp": "timestamp" };
    expect(await reasonOf({ headers: changed, body })).toBe("bad_proof");
  });

  test("is by any of the keys, bare, in lines, or with PEM's armour", async () => {
    const bare = publicOf(own.publicKey);
    const pem = own.publicKey.export({ type: "spki", format: "pem" }).toString();
    const others = [publicOf(other.publicKey), "not a key", ""];
    for (const key of [bare, `${bare.slice(0, 64)}\n${bare.slice(64)}`, pem]) {
      for (const text of [key, key.replaceAll("\n", "\\n")]) {
        const keys = keysOf({ signing: [...others, text] });
        expect(await reasonOf(post([one]), { keys })).toBe("taken");
      }
    }
    expect(await reasonOf(post([one]), { keys: keysOf({ signing: others }) })).toBe("bad_proof");
  });

  test("needs a key of its kind: without any, the source is not configured", async () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).publicKey;
    const p384 = generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey;
    const keys = keysOf({ signing: ["AAAA", "%", publicOf(rsa), publicOf(p384)] });
    expect(await reasonOf(post([one]), { keys })).toBe("not_configured");
  });

  test("is read whatever the lengths of its halves", async () => {
    const lengths = new Set<number>();
    for (let no = 0; no < 600; no++) {
      const posted = post([{ ...one, no }]);
      const der = posted.headers["x-twilio-email-event-webhook-signature"] ?? "";
      lengths.add(Buffer.from(der, "base64").length);
      expect(await reasonOf(posted)).toBe("taken");
    }
    // Two halves of 33 bytes have 72; one in 256 is shorter than 32.
    expect(lengths.size).toBeGreaterThanOrEqual(3);
  });

  test("is DER of two positive integers and nothing else", () => {
    const half = fc.uint8Array({ minLength: 1, maxLength: 32 });
    const integer = (bytes: Uint8Array) => {
      const padded = (bytes[0] ?? 0) >= 0x80 ? [0, ...bytes] : [...bytes];
      return [0x02, padded.length, ...padded];
    };
    const text = (bytes: readonly number[]) => Buffer.from(bytes).toString("base64");
    fc.assert(
      fc.property(half, half, (r, s) => {
        const both = [...integer(r), ...integer(s)];
        const halves = Buffer.from(halvesOf(text([0x30, both.length, ...both])) ?? []);
        const padded = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex").padStart(64, "0");
        expect(halves.toString("hex")).toBe(padded(r) + padded(s));
      }),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const halves = halvesOf(text([...bytes]));
        expect(halves === null || halves.length === 64).toBe(true);
      }),
    );
    for (const wrong of [
      [0x30, 0],
      [0x30, 6, 2, 1, 0x80, 2, 1, 1],
      [0x30, 6, 2, 1, 1, 2, 1, 1, 0],
      [0x30, 7, 2, 1, 1, 2, 1, 1, 0],
      [0x30, 9, 2, 1, 1, 2, 1, 1],
      [0x30, 6, 2, 1, 1, 2, 2, 1],
      [0x31, 6, 2, 1, 1, 2, 1, 1],
      [0x30, 38, 2, 33, ...Array(33).fill(1), 2, 1, 1],
    ]) {
      expect(halvesOf(text(wrong))).toBeNull();
    }
  });
});
