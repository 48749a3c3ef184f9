import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { multipartOf } from "../../../src/providers/mailgun/multipart.ts";
import { hooks } from "../../../src/providers/mailgun/webhook.ts";
import { keysOf, type Posted, postTo, type Wanted } from "../../contract/webhook.ts";
import { type Fields, inForm, inMultipart, KEY, proofOf } from "./signed.ts";

const ID = "0199b2a4-1c00-7000-8000-000000000001";
const NOW = Date.UTC(2026, 10, 5, 16, 35);
const TOKEN = "c5d2e9a1f0b34786";
const subject = { hooks, keys: keysOf({ signing: [KEY] }), now: NOW };
const proof: Fields = Object.entries(proofOf(String(NOW / 1000), TOKEN));

const about = {
  messageId: ID,
  account: "acme",
  eventId: TOKEN,
  address: "ann@example.net",
  at: NOW,
};
const headers = JSON.stringify([
  ["Received", "by mg"],
  ["Message-Id", "<m1@mg.example.com>"],
  ["Content-Type", ["text/plain", { charset: "utf-8" }]],
  ["X-Mailgun-Variables", JSON.stringify({ postern_id: ID, postern_account: "acme" })],
]);
const form = (event: string, given: Readonly<Record<string, string>> = {}): Fields => [
  ["event", event],
  ["recipient", "ann@example.net"],
  ["domain", "mg.example.com"],
  ["message-headers", headers],
  ...Object.entries(given),
  ["postern_id", ID],
  ["postern_account", "acme"],
  ...proof,
];

const readOf = async (posted: Posted) => {
  const result = await postTo(subject, posted);
  if (!result.ok) throw new Error(`${result.error.reason}: ${result.error.text}`);
  return result.value;
};
const reasonOf = async (posted: Posted) => {
  const result = await postTo(subject, posted);
  return result.ok ? "taken" : result.error.reason;
};

const error = '550 5.1.1 The account of Jürgen does not exist. 5.1.1 See "help"';
const list = "Not delivering to previously bounced address";
const cases: Readonly<Record<string, readonly [Fields, Omit<Wanted, "address">]>> = {
  "a delivery": [form("delivered"), { type: "delivered" }],
  "a bounce": [
    form("bounced", { code: "550", error, notification: "" }),
    { type: "bounced", code: "5.1.1", text: error, bounce: { kind: "hard" } },
  ],
  "a bounce with an enhanced code": [
    form("bounced", { code: "5.1.10", error: "smtp;550 no" }),
    { type: "bounced", code: "5.1.10" },
  ],
  "a bounce with a reply code only": [
    form("bounced", { code: "550", error: "no" }),
    { type: "bounced", code: "550" },
  ],
  "a refusal for good": [
    form("dropped", { code: "550", reason: "hardfail", description: "5.1.1 none such" }),
    { type: "bounced", code: "5.1.1", bounce: { kind: "hard" } },
  ],
  "an address on Mailgun's own list": [
    form("dropped", { code: "605", reason: "hardfail", description: list }),
    { type: "suppressed", code: "605", text: list, bounce: { category: "provider_list" } },
  ],
  "what was tried for too long": [
    form("dropped", { code: "499", reason: "old", description: "Unable to connect to MX servers" }),
    { type: "rejected", code: "499", text: "Unable to connect to MX servers" },
  ],
  "a spam complaint": [form("complained"), { type: "complained" }],
  "an unsubscription": [form("unsubscribed"), { type: "unsubscribed" }],
  "an open": [form("opened"), { type: "opened" }],
  "a click": [
    form("clicked", { url: "https://example.com/?a=b&c=%20" }),
    { type: "clicked", url: "https://example.com/?a=b&c=%20" },
  ],
};

describe("Mailgun's older webhooks", () => {
  test.each(Object.entries(cases))(
    "%s is read from both encodings",
    async (_, [fields, wanted]) => {
      for (const posted of [inForm(fields), await inMultipart(fields)]) {
        const { events, unknown } = await readOf(posted);
        expect(unknown).toEqual([]);
        expect(events).toMatchObject([{ ...about, ...wanted }]);
        expect(events[0]?.raw).toMatchObject({ event: fields[0]?.[1] });
      }
    },
  );

  test("our id is in a header where it is no field; without it the Message-ID tells", async () => {
    const bare = form("delivered").filter(([name]) => !name.startsWith("postern_"));
    expect((await readOf(inForm(bare))).events).toMatchObject([about]);
    const foreign = bare.filter(([name]) => name !== "message-headers");
    for (const name of ["Message-Id", "message-id"]) {
      const { events } = await readOf(inForm([...foreign, [name, "<m2@mg.example.com>"]]));
      expect(events).toMatchObject([{ messageId: "", providerMessageId: "m2@mg.example.com" }]);
    }
    const odd = [
      "",
      "{}",
      "[[]]",
      "[5,[null,{}]]",
      "[".repeat(9_000),
      '[["X-Mailgun-Variables","["]]',
    ];
    for (const text of odd) {
      const { events } = await readOf(inForm([...foreign, ["message-headers", text]]));
      expect(events).toMatchObject([{ type: "delivered", messageId: "" }]);
    }
  });

  test("a sender's variables do not pass for Mailgun's own fields", async () => {
    const variables: Fields = ["event", "recipient", "token", "timestamp", "signature"].map(
      (name) => [name, `metadata-${name}`],
    );
    const [event, recipient, ...rest] = form("opened");
    const fields = [event, recipient, ...variables, ...rest].filter((one) => one !== undefined);
    for (const posted of [inForm(fields), await inMultipart(fields)]) {
      expect((await readOf(posted)).events).toMatchObject([{ ...about, type: "opened" }]);
    }
  });

  test("a type that nobody knows is unknown; a form of something else is malformed", async () => {
    for (const name of ["stored", "constructor", "__proto__"]) {
      expect((await readOf(inForm(form(name)))).unknown).toMatchObject([{ type: name }]);
    }
    expect(await reasonOf(inForm([["body-plain", "hello"], ...proof]))).toBe("malformed");
    expect(await reasonOf(await inMultipart([["body-plain", "hello"], ...proof]))).toBe(
      "malformed",
    );
  });

  test("what is no form, or has too many fields, is not proved", async () => {
    const many: Fields = Array.from({ length: 1_001 }, (_, no) => [`f${no}`, "x"]);
    expect(await reasonOf(inForm([...many, ...form("opened")]))).toBe("missing_proof");
    expect(await reasonOf(await inMultipart([...many, ...form("opened")]))).toBe("missing_proof");
    const { headers: kept } = await inMultipart(form("opened"));
    const type = "multipart/form-data";
    for (const header of [type, `${type}; boundary=`, `${type}; boundary=${"b".repeat(71)}`]) {
      const posted = { headers: { "content-type": header }, body: "--b\r\n\r\n--b--" };
      expect(await reasonOf(posted)).toBe("missing_proof");
    }
    for (const body of ["", "--", "\r\n", "x".repeat(70_000), new Uint8Array([255, 254])]) {
      expect(await reasonOf({ headers: kept, body })).toBe("missing_proof");
    }
    expect(await reasonOf({ ...inForm([]), body: new Uint8Array([255]) })).toBe("missing_proof");
  });
});

describe("multipart/form-data", () => {
  const bytesOf = (text: string) => new TextEncoder().encode(text);

  test("gives the fields that the platform wrote, in their order, files left out", async () => {
    const text = fc
      .string({ unit: "grapheme", maxLength: 30 })
      .map((one) => one.replace(/\r\n|\r|\n/g, "\r\n"));
    const name = fc
      .string({ unit: "grapheme-ascii", minLength: 1, maxLength: 20 })
      .filter((one) => !one.includes("%22"));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(name, text), { maxLength: 8 }), async (fields) => {
        const { headers: sent, body } = await inMultipart(fields);
        const bytes = typeof body === "string" ? bytesOf(body) : body;
        const read = multipartOf(bytes, sent["content-type"] ?? "", 100);
        expect(read).toEqual([...fields, ...fields.slice(-3)]);
      }),
    );
  });

  test("is nothing when it is cut off, anywhere", async () => {
    const { headers: sent, body } = await inMultipart([
      ["a", "b"],
      ["c", "d"],
    ]);
    const type = sent["content-type"] ?? "";
    const whole = body as Uint8Array;
    const end = new TextDecoder().decode(whole).lastIndexOf("--") + 2;
    for (let at = 0; at < end; at++) {
      expect(multipartOf(whole.subarray(0, at), type, 9)).toBeNull();
    }
    expect(multipartOf(whole.subarray(0, end), type, 9)).not.toBeNull();
  });

  test("is bounded in its parts, and takes names bare and quoted", () => {
    const part = (disposition: string) =>
      `--b\r\nX: y\r\ncontent-disposition: form-data; ${disposition}\r\n\r\nv\r\n`;
    const read = (...parts: readonly string[]) =>
      multipartOf(
        bytesOf(`preamble\r\n${parts.join("")}--b--`),
        'multipart/form-data; boundary="b"',
        4,
      );
    const names = ["name=a", 'name="b c"', 'NAME="f%22"', 'name=""'];
    expect(read(...names.map(part))?.map(([one]) => one)).toEqual(["a", "b c", 'f"', ""]);
    expect(read(...["filename=x; name=a", 'name=a; filename*="x"', "x=y"].map(part))).toEqual([]);
    expect(read(...names.map(part), part("name=g"))).toBeNull();
  });
});
