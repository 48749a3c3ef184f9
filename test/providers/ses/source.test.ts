import { describe, expect, test } from "vitest";
import { ses } from "../../../src/providers/ses/send.ts";
import { depsFor } from "../../contract/adapter.ts";
import { outgoing } from "../../contract/messages.ts";
import { ROLE_KEY, sesEmulator, USER_KEY } from "../../emulator/ses.ts";

describe("a source of SES", () => {
  const settings = { provider: "ses", access_key_id: "ID", secret_access_key: "KEY" };
  const create = (fields: object, values: Readonly<Record<string, string>>) =>
    ses.create(ses.settings.parse({ ...settings, region: "eu-west-1", ...fields }), {
      source: "main",
      secret: (name) => values[name] ?? null,
      sandbox: () => Promise.resolve(null),
      email: () => null,
      connect: () => {
        throw new Error("no TCP here");
      },
    });
  const values = { ID: USER_KEY.accessKeyId, KEY: USER_KEY.secretAccessKey };

  test("without a base_url it calls the region's endpoint", async () => {
    const made = create({ region: "us-gov-west-1" }, values);
    const urls: string[] = [];
    const answering = async (url: unknown) => {
      urls.push(String(url));
      return Response.json({ MessageId: "1" });
    };
    if (!made.ok) throw new Error(made.error);
    await made.value.send(outgoing(), depsFor(1000, { fetch: answering as typeof fetch }));
    const host = "https://email.us-gov-west-1.amazonaws.com";
    expect(urls).toEqual([`${host}/v2/email/outbound-emails`]);
  });

  test("nothing is written beyond the 40 MB that SES takes", async () => {
    const made = create({}, values);
    if (!made.ok) throw new Error(made.error);
    const attachments = [{ filename: "a.bin", content: "A".repeat(40_000_000) }];
    const never = () => Promise.reject(new Error("written"));
    const outcome = await made.value.send(
      outgoing({ attachments }),
      depsFor(10_000, { fetch: never }),
    );
    expect(outcome).toMatchObject({ fault: "content", code: "message_too_large" });
  });

  test("a large file is carried whole, in either form", async () => {
    const emulator = await sesEmulator.start();
    const made = create({ base_url: emulator.url }, values);
    if (!made.ok) throw new Error(made.error);
    for (const filename of ["a.bin", "ä.bin"]) {
      const attachments = [{ filename, content: "A".repeat(10_000_000) }];
      const outcome = await made.value.send(outgoing({ attachments }), depsFor());
      expect(outcome, filename).toMatchObject({ kind: "accepted" });
    }
    await emulator.close();
  });

  test("a region that cannot be one is refused", () => {
    for (const region of ["", "eu-west", "EU-WEST-1", "eu-west-1.evil.example/", "eu-west-1 "]) {
      expect(ses.settings.safeParse({ ...settings, region }).success, region).toBe(false);
    }
    for (const region of ["eu-west-1", "ap-southeast-10", "us-gov-west-1", "us-iso-east-1"]) {
      expect(ses.settings.safeParse({ ...settings, region }).success, region).toBe(true);
    }
  });

  test("a credential that AWS cannot have given is told by the secret's name alone", () => {
    for (const [name, value] of [
      ["ID", "AKIA with spaces 000"],
      ["KEY", "s3cr3t\n"],
      ["TOKEN", "tok\r\nen"],
    ] as const) {
      const made = create({ session_token: "TOKEN" }, { ...values, TOKEN: "t", [name]: value });
      expect(made).toMatchObject({ ok: false, error: expect.stringContaining(`secret ${name}`) });
      expect(JSON.stringify(made)).not.toContain(value.slice(0, 4));
    }
  });

  test("a token that is named must be set", () => {
    expect(create({ session_token: "TOKEN" }, values)).toMatchObject({
      ok: false,
      error: "the secret TOKEN is not set",
    });
  });

  test("it offers to manage unsubscribing if it has a contact list", () => {
    const offers = (fields: object) => {
      const made = create(fields, values);
      return made.ok && made.value.capabilities.unsubscribes;
    };
    expect(offers({})).toBe(false);
    expect(offers({ contact_list: "Readers" })).toBe(true);
  });

  test("temporary credentials sign with their token", async () => {
    const emulator = await sesEmulator.start();
    const made = create(
      { session_token: "TOKEN", base_url: emulator.url },
      {
        ID: ROLE_KEY.accessKeyId,
        KEY: ROLE_KEY.secretAccessKey,
        TOKEN: ROLE_KEY.sessionToken,
      },
    );
    if (!made.ok) throw new Error(made.error);
    const outcome = await made.value.send(outgoing(), depsFor());
    await emulator.close();
    expect(outcome.kind).toBe("accepted");
  });
});
