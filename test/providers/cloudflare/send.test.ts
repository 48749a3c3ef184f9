import { describe, expect, test } from "vitest";
import { cloudflare } from "../../../src/providers/cloudflare/send.ts";
import type { EmailBinding, OutgoingMessage } from "../../../src/providers/provider.ts";
import { depsFor, makeProvider, wireOf } from "../../contract/adapter.ts";
import { FULL, mailbox, outgoing } from "../../contract/messages.ts";
import { providerContract } from "../../contract/provider.ts";
import { cloudflareEmulator, emailBinding } from "../../emulator/cloudflare.ts";
import type { Emulator, Plan } from "../../emulator/emulator.ts";

const under = {
  definition: cloudflare,
  emulator: cloudflareEmulator,
  deps: ({ url }: Emulator) => ({ email: () => emailBinding(url) }),
};
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean, code: string) => ({
  ...{ kind: "failed", fault: "provider" },
  ...{ retryable, code },
});
const plan = (name: string, message = ""): Plan => ({ status: 400, name, message });
const refusedFor = (fault: string, codes: string) =>
  codes.split(" ").map((code) => ({ plan: plan(code), outcome: rejected(fault, code) }));

providerContract("cloudflare", {
  ...under,
  transport: "other",
  deduplicates: false,
  // A binding gives values and not bytes, so that none of them is too large to be read.
  unreadable: ["malformed", "no_id", "error_inside", "cut", "reset"],
  errors: [
    ...refusedFor(
      "content",
      "E_TOO_MANY_RECIPIENTS E_TOO_MANY_ATTACHMENTS E_CONTENT_TOO_LARGE E_HEADER_NOT_ALLOWED",
    ),
    ...refusedFor("content", "E_HEADER_USE_API_FIELD E_HEADER_VALUE_INVALID E_HEADERS_TOO_LARGE"),
    ...refusedFor("content", "E_HEADER_VALUE_TOO_LONG E_HEADER_NAME_INVALID E_HEADERS_TOO_MANY"),
    ...refusedFor("content", "E_VALIDATION_ERROR E_FIELD_MISSING"),
    ...refusedFor("sender", "E_SENDER_NOT_VERIFIED E_SENDER_DOMAIN_NOT_AVAILABLE"),
    ...refusedFor("account", "E_RECIPIENT_NOT_ALLOWED"),
    {
      plan: plan("E_VALIDATION_ERROR", "Failed to read the body of jane.roe@customer.example"),
      outcome: rejected("content", "E_VALIDATION_ERROR"),
    },
    {
      plan: plan("E_VALIDATION_ERROR", "'to' is not valid: jane.roe@customer.example"),
      outcome: rejected("recipient", "E_VALIDATION_ERROR"),
    },
    {
      plan: plan("E_FIELD_MISSING", "the from address is missing"),
      outcome: rejected("sender", "E_FIELD_MISSING"),
    },
    {
      plan: plan("E_RECIPIENT_SUPPRESSED", "jane.roe@customer.example is suppressed"),
      outcome: rejected("recipient", "one_recipient_suppressed"),
    },
    { plan: plan("E_DELIVERY_FAILED", "550 5.1.1 no such user"), outcome: { kind: "ambiguous" } },
    {
      plan: plan("E_RATE_LIMIT_EXCEEDED"),
      outcome: { kind: "throttled", retryAfterMs: 1000 },
    },
    {
      plan: plan("E_DAILY_LIMIT_EXCEEDED"),
      outcome: { kind: "throttled", retryAfterMs: 3_600_000 },
    },
    {
      plan: plan("E_INTERNAL_SERVER_ERROR"),
      outcome: failed(true, "E_INTERNAL_SERVER_ERROR"),
    },
    { plan: plan("E_NOT_DOCUMENTED"), outcome: failed(false, "E_NOT_DOCUMENTED") },
    { plan: plan("not a code"), outcome: { kind: "ambiguous" } },
  ],
});

describe("to a single recipient", () => {
  async function sent(given: Plan) {
    const emulator = await cloudflareEmulator.start();
    emulator.control({ mode: "error", ...given });
    const outcome = await makeProvider(under, emulator).send(outgoing(), depsFor());
    await emulator.close();
    return outcome;
  }

  test("a suppression is told as such", async () => {
    expect(await sent(plan("E_RECIPIENT_SUPPRESSED"))).toMatchObject(
      rejected("recipient", "suppressed"),
    );
  });

  test("a failed delivery is final where the recipient's server says so", async () => {
    const code = "E_DELIVERY_FAILED";
    for (const words of ["550 no such user", "5.1.1 no such user"]) {
      expect(await sent(plan(code, words))).toMatchObject(rejected("recipient", code));
    }
    for (const words of ["", "451 4.7.1 later", "no answer on port 25"]) {
      expect(await sent(plan(code, words))).toMatchObject(failed(true, code));
    }
  });
});

describe("what the binding is handed", () => {
  async function handed(message: OutgoingMessage) {
    const { body } = await wireOf(under, message);
    return JSON.parse(body);
  }

  test("a minimal message has its fields and our id, and nothing else", async () => {
    expect(await handed(outgoing())).toEqual({
      from: { email: "news@acme.example", name: "Acme" },
      to: ["jane.roe@customer.example"],
      subject: "Hello",
      text: "Hello Jane",
      headers: { "X-Postern-Id": outgoing().id },
    });
  });

  test("every field has the binding's name", async () => {
    const message = await handed(FULL);
    expect(message).toMatchObject({ subject: FULL.subject, html: FULL.html, text: FULL.text });
    expect(message.to).toEqual([
      "jane.roe@customer.example",
      { email: "jurgen@customer.example", name: "Jürgen" },
    ]);
    expect(message.cc).toEqual([
      { email: "cc.person@xn--bcher-kva.example", name: 'cc "person" 日本' },
    ]);
    expect(message.bcc).toEqual(["bcc.person@customer.example"]);
    expect(message.replyTo).toEqual({ email: "support@acme.example", name: "Hilfe für alle" });
    expect(message.headers).toEqual({ ...FULL.headers, "X-Postern-Id": FULL.id });
    const attachment = { disposition: "attachment" };
    expect(message.attachments).toEqual([
      { ...attachment, content: "aGVsbG8=", filename: "a.txt", type: "text/plain" },
      {
        ...attachment,
        ...{
          content: "JVBERi0xLjQK",
          filename: "Grüße 2026.pdf",
          type: "application/octet-stream",
        },
      },
      {
        ...{ content: "iVBORw0K", filename: "l.png", type: "image/png" },
        ...{ disposition: "inline", contentId: "logo" },
      },
    ]);
  });

  test("a second Reply-To has no place, so the message is refused, not handed over", async () => {
    const replyTo = [mailbox("a@acme.example"), mailbox("b@acme.example")];
    const calls: unknown[] = [];
    const email = () => ({ send: async (given: unknown) => calls.push(given) as never });
    const made = cloudflare.create(cloudflare.settings.parse({ provider: "cloudflare" }), {
      ...{ source: "main", secret: () => null, sandbox: () => Promise.resolve(null), email },
      connect: () => {
        throw new Error("no TCP here");
      },
    });
    const outcome = made.ok ? await made.value.send(outgoing({ replyTo }), depsFor()) : made;
    expect(outcome).toMatchObject({ fault: "content", code: "reply_to_unsupported" });
    expect(calls).toEqual([]);
  });

  test("no field is undefined", async () => {
    let given: Record<string, unknown> = {};
    const binding = {
      send: async (message: unknown) => {
        given = message as Record<string, unknown>;
        return {};
      },
    };
    await adapterOf(binding).send(outgoing({ html: "<p>" }), depsFor());
    expect(Object.values(given)).not.toContain(undefined);
    expect(Object.keys(given)).toEqual(["from", "to", "subject", "html", "text", "headers"]);
  });
});

function adapterOf(binding: EmailBinding) {
  const emulator = { url: "http://127.0.0.1" } as Emulator;
  return makeProvider({ ...under, deps: () => ({ email: () => binding }) }, emulator);
}

describe("a binding", () => {
  test("that is missing makes no adapter, and is named", () => {
    const made = cloudflare.create(
      cloudflare.settings.parse({ provider: "cloudflare", binding: "MAIL" }),
      {
        source: "main",
        secret: () => null,
        sandbox: () => Promise.resolve(null),
        email: () => null,
        connect: () => {
          throw new Error("no TCP here");
        },
      },
    );
    expect(made).toEqual({ ok: false, error: "there is no send_email binding MAIL" });
  });

  test("that throws or answers anything at all leaves an outcome", async () => {
    const throwing = (reason: unknown) => ({ send: () => Promise.reject(reason) });
    const answering = (value: unknown) => ({ send: async () => value as object });
    const atOnce = {
      send: () => {
        throw new TypeError("Could not serialize");
      },
    };
    const bindings = [
      ...[new Error("Network connection lost."), "text", null, { code: 7 }].map(throwing),
      ...[undefined, null, "id", {}, { messageId: 7 }, { messageId: "" }].map(answering),
      atOnce,
    ];
    for (const binding of bindings) {
      const outcome = await adapterOf(binding).send(outgoing(), depsFor());
      expect(outcome).toMatchObject({ kind: "ambiguous" });
    }
  });

  test("is not handed more than the service takes", async () => {
    const binding = { send: () => Promise.reject(new Error("it was")) };
    const content = "A".repeat(5 * 1024 * 1024);
    const attachments = [{ filename: "a.bin", content }];
    const outcome = await adapterOf(binding).send(outgoing({ attachments }), depsFor());
    expect(outcome).toMatchObject(rejected("content", "message_too_large"));
  });

  test("that answers after the time limit is not waited for, nor its error", async () => {
    const binding = {
      send: () => new Promise<object>((_, reject) => setTimeout(() => reject(new Error("x")), 60)),
    };
    const outcome = await adapterOf(binding).send(outgoing(), depsFor(20));
    expect(outcome).toMatchObject({ kind: "ambiguous", reason: "no answer within the time limit" });
    await new Promise((resolve) => setTimeout(resolve, 80));
  });
});

test("broadcasts are not for this service", () => {
  expect(cloudflare.lanes).toEqual(["transactional"]);
});
