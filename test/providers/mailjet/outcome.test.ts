import { describe, expect, test } from "vitest";
import { mailjet } from "../../../src/providers/mailjet/send.ts";
import { depsFor, expectDiscreet, makeProvider } from "../../contract/adapter.ts";
import { FULL, member } from "../../contract/messages.ts";
import { mailjetEmulator } from "../../emulator/mailjet.ts";

const under = { definition: mailjet, emulator: mailjetEmulator };
const rejected = (fault: string, code: string) => ({ kind: "rejected", fault, code });
const failed = (retryable: boolean) => ({ kind: "failed", fault: "provider", retryable });

const error = (code: string, status: number, related: string[] = [], message = "No.") => ({
  ErrorIdentifier: "id",
  ErrorCode: code,
  StatusCode: status,
  ErrorMessage: message,
  ErrorRelatedTo: related,
});
const told = (...errors: object[]) => ({ Status: "error", Errors: errors });
const success = (uuid: string) => ({ Status: "success", To: [{ MessageUUID: uuid }] });

async function answered(status: number, body: object, count = 1) {
  const emulator = await mailjetEmulator.start();
  const provider = makeProvider(under, emulator);
  await emulator.close();
  const response = () => new Response(JSON.stringify(body), { status });
  const deps = depsFor(1000, { fetch: () => Promise.resolve(response()) });
  if (count === 1) return [await provider.send(FULL, deps)];
  const messages = Array.from({ length: count }, (_, index) => member(index));
  return (await provider.sendBatch?.(messages, "key", deps)) ?? [];
}

describe("the errors of one message", () => {
  const cases: readonly [object, object][] = [
    [error("send-0003", 400, ["HTMLPart", "TextPart"]), rejected("content", "send-0003")],
    [error("send-0006", 403, ["SenderID"]), rejected("account", "send-0006")],
    [error("send-0007", 403, ["SenderID"]), rejected("sender", "send-0007")],
    [error("send-0008", 403, ["From"]), rejected("sender", "send-0008")],
    [error("send-0011", 400, ['Headers["X"]']), rejected("content", "send-0011")],
    [error("send-0015", 400, ["To", "CC", "BCC"]), rejected("content", "send-0015")],
    [error("mj-0001", 401), rejected("account", "mj-0001")],
    [error("mj-0003", 400, ["To"]), rejected("recipient", "mj-0003")],
    [error("mj-0004", 400, ["HTMLPart", "TemplateID"]), rejected("content", "mj-0004")],
    [error("mj-0005", 400, ["TrackClicks"]), rejected("content", "mj-0005")],
    [error("mj-0006", 400, ["Subject"]), rejected("content", "mj-0006")],
    [error("mj-0008", 400, ["To"]), rejected("content", "mj-0008")],
    [error("mj-0012", 400, ["Cc[1].Email"]), rejected("recipient", "mj-0012")],
    [error("mj-0013", 400, ["To[0].Email"]), rejected("recipient", "mj-0013")],
    [error("mj-0013", 400, ["Bcc[0].Email"]), rejected("recipient", "mj-0013")],
    [error("mj-0013", 400, ["From.Email"]), rejected("sender", "mj-0013")],
    [error("mj-0013", 400, ["ReplyTo.Email"]), rejected("content", "mj-0013")],
    [error("mj-0015", 401), rejected("account", "mj-0015")],
    [error("x", 403), rejected("account", "x")],
    [error("x", 429), { kind: "throttled", retryAfterMs: 1000 }],
    [error("x", 500), { ...failed(true), code: "x" }],
    [{}, rejected("content", "http_400")],
  ];

  test.each(cases)("%j", async (one, outcome) => {
    expect(await answered(400, { Messages: [told(one)] })).toMatchObject([outcome]);
    // The message's own word counts, whatever the status of the call.
    expect(await answered(200, { Messages: [told(one)] })).toMatchObject([outcome]);
  });

  test("of several errors, the one about most messages decides", async () => {
    const to = error("mj-0013", 400, ["To[0].Email"]);
    const subject = error("mj-0006", 400, ["Subject"]);
    const from = error("send-0008", 403, ["From"]);
    const key = error("mj-0001", 401);
    const worst = async (...errors: object[]) =>
      (await answered(400, { Messages: [told(...errors)] }))[0];
    expect(await worst(to, subject)).toMatchObject(rejected("content", "mj-0006"));
    expect(await worst(to, from, subject)).toMatchObject(rejected("sender", "send-0008"));
    expect(await worst(from, key)).toMatchObject(rejected("account", "mj-0001"));
    expect(await worst(key, error("x", 500))).toMatchObject(failed(true));
  });

  test("a quoted address is not shown", async () => {
    const message = '"jane.roe@customer.example" is an invalid email address.';
    const [outcome] = await answered(400, {
      Messages: [told(error("mj-0013", 400, ["To[0].Email"], message))],
    });
    if (outcome === undefined) throw new Error("no outcome");
    expectDiscreet(outcome, []);
    expect(outcome).toMatchObject({ text: expect.stringContaining("is an invalid email") });
  });

  test("a message that is neither a success with an id nor an error is ambiguous", async () => {
    const entries = [{}, null, told(), { Status: "success" }, { Status: "success", To: [{}] }];
    for (const entry of [...entries, success("")]) {
      expect(await answered(200, { Messages: [entry] })).toMatchObject([{ kind: "ambiguous" }]);
    }
  });

  test("the id is the first recipient's, be it in To, Cc or Bcc", async () => {
    const entry = { Status: "success", To: [], Cc: [{ MessageUUID: "c" }], Bcc: [] };
    expect(await answered(200, { Messages: [entry] })).toMatchObject([{ providerMessageId: "c" }]);
  });
});

describe("the answer to several messages", () => {
  test("a 400 tells accepted from refused ones, in their order", async () => {
    const Messages = [success("a"), told(error("mj-0013", 400, ["To[0].Email"])), success("c")];
    expect(await answered(400, { Messages }, 3)).toMatchObject([
      { kind: "accepted", providerMessageId: "a" },
      rejected("recipient", "mj-0013"),
      { kind: "accepted", providerMessageId: "c" },
    ]);
  });

  test("an answer that tells of some only leaves all of them unknown", async () => {
    const all = [{ kind: "ambiguous" }, { kind: "ambiguous" }];
    for (const status of [200, 400]) {
      expect(await answered(status, { Messages: [success("a")] }, 2)).toMatchObject(all);
    }
    expect(await answered(200, {}, 2)).toMatchObject(all);
  });

  test("content refuses a call to be tried one by one, an account refuses all", async () => {
    const alone = { ...failed(true), code: "batch_refused" };
    expect(await answered(400, error("mj-0008", 400), 2)).toMatchObject([alone, alone]);
    const account = rejected("account", "mj-0015");
    expect(await answered(401, error("mj-0015", 401), 2)).toMatchObject([account, account]);
  });
});
