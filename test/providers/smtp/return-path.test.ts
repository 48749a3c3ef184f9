import { simpleParser } from "mailparser";
import { describe, expect, test } from "vitest";
import { readReturnPath, returnPath } from "../../../src/core/return-path.ts";
import { createSigner } from "../../../src/core/signer.ts";
import type { Provider, ProviderDeps } from "../../../src/providers/provider.ts";
import { smtp } from "../../../src/providers/smtp/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import { FULL, member } from "../../contract/messages.ts";
import { CERTIFICATE, type SmtpEmulator, smtpEmulator } from "../../emulator/smtp.ts";
import { nodeConnect } from "../../support/connect.ts";
import { withRelay } from "./relay.ts";

const signer = await createSigner("a secret");
const sign: Required<ProviderDeps>["returnPath"] = (id, route) =>
  returnPath(signer, "main", id, route);

function relayOn(port: number, return_path: string): Provider {
  const deps = () => ({ connect: nodeConnect(CERTIFICATE), returnPath: sign });
  const url = `smtp://127.0.0.1:${port}`;
  const under = { definition: smtp, emulator: smtpEmulator, deps };
  return makeProvider(under, { url } as SmtpEmulator, { return_path }, url);
}

describe("a relay with a return path of each message's own", () => {
  test("is given it at every attempt alike, and the From address stays", async () => {
    await withRelay({}, async (relay) => {
      const provider = relayOn(relay.port, "bounces.example.com");
      for (const attempt of [1, 2]) {
        const outcome = await provider.send({ ...FULL, attempt }, depsFor());
        expect(outcome).toMatchObject({ kind: "accepted" });
      }
      const [first, second] = relay.deliveries();
      expect(first?.from).toMatch(/^b-[a-z2-7]{39}@bounces\.example\.com$/);
      expect(await readReturnPath(signer, "main", first?.from ?? "")).toBe(FULL.id);
      expect([second?.from, String(second?.bytes)]).toEqual([first?.from, String(first?.bytes)]);
      const { from } = await simpleParser(first?.bytes ?? "");
      expect(from?.value[0]?.address).toBe("news@acme.example");
      expect(String(first?.bytes)).not.toContain("bounces.example.com");
    });
  });

  test("is given another for each message of a batch, under the name that is set", async () => {
    await withRelay({}, async (relay) => {
      const batch = [member(0), member(1), member(2)];
      const provider = relayOn(relay.port, "bounces+*@example.com");
      await provider.sendBatch?.(batch, "key", depsFor());
      const paths = relay.deliveries().map(({ from }) => from);
      for (const path of paths) expect(path).toMatch(/^bounces\+[a-z2-7]{39}@example\.com$/);
      const ids = await Promise.all(paths.map((path) => readReturnPath(signer, "main", path)));
      expect(ids).toEqual(batch.map(({ id }) => id));
    });
  });

  test("is not made with a route that is none", () => {
    expect(() => relayOn(1, "*@example.com")).toThrow(/return_path: before/);
    expect(() => relayOn(1, "localhost")).toThrow(/return_path: .*dot/);
  });
});
