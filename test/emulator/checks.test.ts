import { describe, expect, test } from "vitest";
import { createProvider, sourceSettings } from "../../src/providers/registry.ts";
import { depsFor } from "../contract/adapter.ts";
import { outgoing } from "../contract/messages.ts";
import { isBase64 } from "./checks.ts";
import { emailBinding } from "./cloudflare.ts";
import { EMULATORS } from "./index.ts";

describe("base64", () => {
  const GROUPS = 2_500_000;

  test.each(["", "aA==", "aGk=", "+/+/", "aGVsbG8h"])("%j is", (text) => {
    expect(isBase64(text)).toBe(true);
  });

  test.each([
    "a",
    "aG",
    "aGk",
    "aG=k",
    "a===",
    "====",
    "aGk=aGk=",
    "aG k",
    "aGk=\n",
    "aG-_",
    "aGé=",
  ])("%j is not", (text) => {
    expect(isBase64(text)).toBe(false);
  });

  test("ten megabytes are read to their end", () => {
    const large = "AAAA".repeat(GROUPS);
    expect(isBase64(`${large}aA==`)).toBe(true);
    expect(isBase64(`${large}a*==`)).toBe(false);
    expect(isBase64(`${large}aA=`)).toBe(false);
  });

  test.each([undefined, null, 4, ["AAAA"]])("%j is no text", (value) => {
    expect(isBase64(value)).toBe(false);
  });
});

/** Emulators of APIs that are given a file in base64, and so may be given one that is not. */
const GIVEN_BASE64 = Object.entries(EMULATORS).filter(
  ([name]) => !["ses", "smtp", "mailgun"].includes(name),
);

test.each(GIVEN_BASE64)(
  "%s refuses a file that is not base64",
  async (_name, { start, source }) => {
    const emulator = await start();
    const { settings, secrets } = source(emulator.url);
    const made = createProvider(sourceSettings.parse(settings), {
      source: "main",
      secret: (name) => secrets[name] ?? null,
      sandbox: () => Promise.resolve(null),
      email: () => emailBinding(emulator.url),
      connect: () => {
        throw new Error("no TCP here");
      },
    });
    if (!made.ok) throw new Error(made.error);
    const send = (content: string) => {
      const attachments = [{ filename: "a.txt", content, contentType: "text/plain" }];
      return made.value.send(outgoing({ attachments }), depsFor());
    };
    expect(await send("aGk=")).toMatchObject({ kind: "accepted" });
    expect(await send("aGk")).toMatchObject({ kind: "rejected" });
    expect(emulator.counts().acceptances).toBe(1);
    await emulator.close();
  },
);
