import { describe, expect, test } from "vitest";
import { smtp } from "../../../src/providers/smtp/send.ts";
import { depsFor } from "../../contract/adapter.ts";
import { FULL, member, outgoing } from "../../contract/messages.ts";
import { OTHER_CERTIFICATE, PASSWORD, smtpEmulator, USER } from "../../emulator/smtp.ts";
import { type Script, scriptedRelay } from "../../support/smtp-script.ts";
import { type Fields, PLAIN, relayOn, sendTo, withRelay } from "./relay.ts";

const HASTY_MS = 500;
const WITH_TLS = "250-relay.example\r\n250 STARTTLS\r\n";
const failed = (code: string) => ({ kind: "failed", retryable: true, code });

/** One send to a relay that follows a script, in plain text unless the fields say otherwise. */
async function scripted(
  script: Script,
  fields: Fields = PLAIN,
  message = outgoing(),
  limitMs = 10_000,
) {
  await using relay = await scriptedRelay(script);
  const outcome = await relayOn(relay.port, fields).send(message, depsFor(limitMs));
  return { outcome, lines: relay.lines };
}

const verbs = (lines: readonly string[]) => lines.map((line) => line.split(" ")[0]);

describe("credentials", () => {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const SECRETS = [PASSWORD, base64(PASSWORD), base64(`\0${USER}\0${PASSWORD}`), base64(USER)];

  test("are not written when STARTTLS is not offered, nor is the message", async () => {
    const { outcome, lines } = await scripted({ EHLO: "250-r\r\n250 AUTH PLAIN LOGIN\r\n" }, {});
    expect(outcome).toMatchObject(failed("starttls_unavailable"));
    expect(lines).toEqual(["EHLO [127.0.0.1]"]);
  });

  test("are not written when STARTTLS is refused", async () => {
    const script = { EHLO: WITH_TLS, STARTTLS: "454 4.7.0 TLS not available\r\n" };
    const { outcome, lines } = await scripted(script, {});
    expect(outcome).toMatchObject(failed("4.7.0"));
    expect(verbs(lines)).toEqual(["EHLO", "STARTTLS"]);
  });

  test("are not written under a certificate that is not trusted or of another name", async () => {
    await withRelay({}, async (relay) => {
      const untrusted = await relayOn(relay.port, {}, "").send(FULL, depsFor());
      expect(untrusted).toMatchObject(failed("tls_failed"));
      expect(relay.logins()).toEqual([]);
    });
    await withRelay({ cert: OTHER_CERTIFICATE }, async (relay) => {
      expect(await sendTo(relay.port, FULL)).toMatchObject(failed("tls_failed"));
      expect(relay.logins()).toEqual([]);
    });
  });

  test("are written in plain text to this very machine only", () => {
    const { settings } = smtpEmulator.source("smtp://127.0.0.1:2525");
    const valid = (fields: Fields) => smtp.settings.safeParse({ ...settings, ...fields }).success;
    for (const host of ["localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"]) {
      expect(valid({ tls: "none", host }), host).toBe(true);
    }
    for (const host of ["relay.example", "10.0.0.1", "127.0.0.1.example", "localhost.example"]) {
      expect(valid({ tls: "none", host }), host).toBe(false);
      expect(valid({ ...PLAIN, host }), host).toBe(true);
    }
  });

  test("come as a pair, and a relay without them is not logged in to", async () => {
    const { settings } = smtpEmulator.source("smtp://127.0.0.1:2525");
    const { user: _, ...userless } = settings;
    expect(smtp.settings.safeParse(userless).success).toBe(false);
    const { lines, outcome } = await scripted({ EHLO: "250-r\r\n250 AUTH PLAIN\r\n" });
    expect(outcome).toMatchObject({ kind: "accepted", providerMessageId: "SCRIPT1" });
    expect(verbs(lines)).not.toContain("AUTH");
  });

  test("what stood behind the STARTTLS reply is not taken for the relay's words", async () => {
    const { outcome, lines } = await scripted(
      {
        EHLO: WITH_TLS,
        // An attacker's own answer to the EHLO that follows, sent ahead in plain text.
        STARTTLS: "220 Go ahead\r\n250-evil\r\n250 AUTH PLAIN LOGIN\r\n",
      },
      {},
    );
    // The relay itself, encrypted, offers no AUTH; nothing else was believed.
    expect(outcome).toMatchObject({ kind: "failed", code: "auth_unavailable" });
    expect(lines).toEqual(["EHLO [127.0.0.1]", "STARTTLS", "TLS EHLO [127.0.0.1]"]);
    for (const secret of SECRETS) expect(lines.join("\n")).not.toContain(secret);
  });
});

describe("settings", () => {
  const { settings } = smtpEmulator.source("smtp://127.0.0.1:2525");

  test("port 25 is refused with its reason", () => {
    const parsed = smtp.settings.safeParse({ ...settings, port: 25 });
    expect(parsed.error?.issues[0]?.message).toContain("Workers cannot connect to port 25");
  });

  test("neither host nor EHLO name can hold a command", () => {
    for (const fields of [{ ehlo: "a\r\nMAIL" }, { ehlo: "a b" }, { host: "a b" }, { host: "" }]) {
      expect(smtp.settings.safeParse({ ...settings, ...fields }).success).toBe(false);
    }
  });

  test("a return path that is no mailbox makes no adapter", () => {
    expect(() => relayOn(1, { return_path: "<>\r\nRCPT" })).toThrow(/return_path/);
  });
});

describe("before the message's end, a connection that breaks is a failure worth a retry", () => {
  test.each([
    ["at the greeting", { greeting: null }, "unreachable"],
    ["at EHLO", { EHLO: null }, "connection_lost"],
    ["at MAIL", { MAIL: null }, "connection_lost"],
    ["at RCPT", { RCPT: null }, "connection_lost"],
    ["at DATA", { DATA: null }, "connection_lost"],
    ["with half a reply", { RCPT: (socket) => void socket.end("250-2.1.5") }, "connection_lost"],
    ["with no SMTP at the greeting", { greeting: "HTTP/1.1 400 Bad\r\n" }, "malformed"],
    ["with no SMTP at MAIL", { MAIL: "\0\xff\r\n" }, "malformed"],
    ["with a reply that was not asked for", { MAIL: "354 Go on\r\n" }, "unexpected_reply"],
    ["with one at RCPT", { RCPT: "354 Go on\r\n" }, "unexpected_reply"],
    ["with one at DATA", { DATA: "250 Ok\r\n" }, "unexpected_reply"],
  ] as [string, Script, string][])("%s", async (_where, script, code) => {
    expect((await scripted(script)).outcome).toMatchObject(failed(code));
  });

  test("with megabytes under way", async () => {
    const breaksOff = (socket: { destroy(): void; write(text: string): void }) => {
      socket.write("354 Go on\r\n");
      setTimeout(() => socket.destroy(), 20);
    };
    const content = Buffer.alloc(20_000_000).toString("base64");
    const message = outgoing({ attachments: [{ filename: "big.bin", content }] });
    const { outcome } = await scripted(
      { DATA: breaksOff },
      { ...PLAIN, bytes_max: 50_000_000 },
      message,
    );
    expect(outcome).toMatchObject(failed("connection_lost"));
  });

  test.each(["greeting", "EHLO", "MAIL", "RCPT", "DATA"])(
    "%s without an answer within the time",
    async (step) => {
      await using relay = await scriptedRelay({ [step]: "" });
      const began = performance.now();
      const outcome = await relayOn(relay.port, PLAIN).send(outgoing(), depsFor(HASTY_MS));
      expect(outcome).toMatchObject(failed("timed_out"));
      expect(performance.now() - began).toBeLessThan(5000);
      await expect.poll(() => relay.open()).toBe(0);
    },
  );

  test("with nobody listening", async () => {
    const relay = await scriptedRelay({});
    await relay[Symbol.asyncDispose]();
    expect(await sendTo(relay.port, outgoing())).toMatchObject(failed("unreachable"));
  });

  test("with a runtime that does not even begin to connect", async () => {
    const made = smtp.create(smtp.settings.parse({ provider: "smtp", host: "relay.example" }), {
      source: "main",
      secret: () => null,
      sandbox: () => Promise.resolve(null),
      email: () => null,
      connect: () => {
        throw new Error("proxy request failed");
      },
    });
    const outcome = made.ok ? await made.value.send(outgoing(), depsFor()) : made.error;
    expect(outcome).toMatchObject(failed("unreachable"));
  });
});

describe("after the message's end, no readable reply is ambiguous", () => {
  test.each([
    ["a broken connection", null],
    ["half a reply", (socket) => void socket.end("250-2.0.0 Ok")],
    ["no SMTP", "HTTP/1.1 200 OK\r\n"],
    ["a success of another command", "354 Go on\r\n"],
    ["nothing", ""],
  ] as [string, Script[string]][])("%s", async (_what, step) => {
    const script = step === undefined ? {} : { ".": step };
    const { outcome } = await scripted(script, PLAIN, outgoing(), HASTY_MS);
    expect(outcome).toMatchObject({ kind: "ambiguous" });
  });
});

describe("a relay of few words", () => {
  test("that knows no EHLO is greeted with HELO", async () => {
    const { outcome, lines } = await scripted({ EHLO: "502 5.5.1 Unknown\r\n" });
    expect(outcome).toMatchObject({ kind: "accepted" });
    expect(lines.slice(0, 3)).toEqual([
      "EHLO [127.0.0.1]",
      "HELO [127.0.0.1]",
      "MAIL FROM:<news@acme.example>",
    ]);
  });

  test("that tells no name of the message leaves it our Message-ID", async () => {
    const { outcome } = await scripted({ ".": "250 OK\r\n" });
    const providerMessageId = outgoing().messageId;
    expect(outcome).toEqual({ kind: "accepted", providerMessageId, refused: [] });
  });

  test("reads domains in A-labels, and hears of nothing that it does not offer", async () => {
    const message = outgoing({ ...FULL, to: [], cc: FULL.cc, bcc: [], html: "" });
    const { lines } = await scripted({}, { ...PLAIN, return_path: "b@bücher.example" }, message);
    expect(lines.slice(1, 4)).toEqual([
      "MAIL FROM:<b@xn--bcher-kva.example>",
      "RCPT TO:<cc.person@xn--bcher-kva.example>",
      "DATA",
    ]);
  });

  test("is taken leave of", async () => {
    await using relay = await scriptedRelay({});
    await sendTo(relay.port, outgoing(), PLAIN);
    await expect.poll(() => relay.lines.at(-1)).toBe("QUIT");
    await expect.poll(() => relay.open()).toBe(0);
  });
});

describe("a batch whose connection ends midway", () => {
  const three = [member(0), member(1), member(2)];
  const batch = async (script: Script) => {
    await using relay = await scriptedRelay(script);
    return (await relayOn(relay.port, PLAIN).sendBatch?.(three, "key", depsFor())) ?? [];
  };
  const once = (first: string, then: Script[string]) => {
    let times = 0;
    return (socket: import("node:net").Socket): void => {
      if (times++ === 0) socket.write(first);
      else if (typeof then === "string") socket.write(then);
      else socket.destroy();
    };
  };

  test("is unknown only for the message whose end was written", async () => {
    const outcomes = await batch({ ".": once("250 2.0.0 Ok: queued as A1\r\n", null) });
    expect(outcomes).toMatchObject([
      { kind: "accepted", providerMessageId: "A1" },
      { kind: "ambiguous" },
      failed("connection_lost"),
    ]);
  });

  test("by a busy relay is a throttle for the rest", async () => {
    const outcomes = await batch({ MAIL: once("250 Ok\r\n", "421 4.3.2 Busy\r\n") });
    expect(outcomes.map(({ kind }) => kind)).toEqual(["accepted", "throttled", "throttled"]);
  });

  test("because it cannot be reset leaves the rest for later", async () => {
    const outcomes = await batch({ RCPT: "550 5.1.1 No\r\n", RSET: null });
    expect(outcomes).toMatchObject([
      { kind: "rejected" },
      failed("connection_lost"),
      failed("connection_lost"),
    ]);
  });

  test("resets after a refusal, so that no recipient gets another's message", async () => {
    await using relay = await scriptedRelay({ RCPT: once("550 5.1.1 No\r\n", "250 Ok\r\n") });
    await relayOn(relay.port, PLAIN).sendBatch?.(three, "key", depsFor());
    await expect
      .poll(() => verbs(relay.lines))
      .toEqual([
        "EHLO",
        "MAIL",
        "RCPT",
        "RSET",
        "MAIL",
        "RCPT",
        "DATA",
        "MAIL",
        "RCPT",
        "DATA",
        "QUIT",
      ]);
  });
});
