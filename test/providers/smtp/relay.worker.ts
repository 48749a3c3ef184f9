import { connect } from "cloudflare:sockets";
import { beforeEach, describe, expect, inject, test } from "vitest";
import type { Outcome, OutgoingMessage, Provider } from "../../../src/providers/provider.ts";
import { smtp } from "../../../src/providers/smtp/send.ts";
import { FULL, member, outgoing } from "../../contract/messages.ts";
import type { SmtpRelays } from "../../support/smtp-relays.ts";

const relays: SmtpRelays = inject("smtp");

type Name = "starttls" | "implicit" | "renamed" | "stripped";

interface Had {
  readonly deliveries: readonly {
    readonly to: readonly string[];
    readonly secure: boolean;
    readonly user: string | null;
    readonly text: string;
  }[];
  readonly logins: readonly unknown[];
  readonly connections: number;
}

/** What a relay has had since it was last asked. */
async function had(name: Name): Promise<Had> {
  return (await fetch(`${relays.control}/${name}`)).json();
}

const plan = (name: Name, body: object) =>
  fetch(`${relays.control}/${name}`, { method: "POST", body: JSON.stringify(body) });

function relayOn(port: number, fields: object = {}): Provider {
  const settings = { provider: "smtp", host: "localhost", port, user: relays.user, secret: "S" };
  const made = smtp.create(smtp.settings.parse({ ...settings, ...fields }), {
    source: "main",
    secret: () => relays.password,
    sandbox: () => Promise.resolve(null),
    email: () => null,
    connect,
  });
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

const deps = (limitMs = 10_000) => ({
  fetch,
  now: () => Date.now(),
  signal: AbortSignal.timeout(limitMs),
});

const send = (port: number, message: OutgoingMessage, fields = {}, limitMs = 10_000) =>
  relayOn(port, fields).send(message, deps(limitMs));

beforeEach(async () => {
  for (const name of ["starttls", "implicit", "renamed", "stripped"] as const) await had(name);
});

describe("in the Workers runtime, over its own sockets", () => {
  test("a message goes over STARTTLS, logged in", async () => {
    const outcome = await send(relays.starttls, FULL);
    expect(outcome).toMatchObject({ kind: "accepted", refused: [] });
    const { deliveries, connections } = await had("starttls");
    expect(connections).toBe(1);
    expect(deliveries).toMatchObject([{ secure: true, user: relays.user }]);
    expect(deliveries[0]?.to).toHaveLength(4);
    expect(deliveries[0]?.text).toContain(`Message-ID: <${FULL.messageId}>\r\n`);
  });

  test("a message goes over TLS from the start", async () => {
    const outcome = await send(relays.implicit, FULL, { tls: "implicit" });
    expect(outcome).toMatchObject({ kind: "accepted" });
    expect((await had("implicit")).deliveries).toMatchObject([{ secure: true, user: relays.user }]);
  });

  test("megabytes arrive whole", async () => {
    const content = btoa("0123456789abcde\n".repeat(200_000));
    const message = outgoing({ attachments: [{ filename: "big.txt", content }] });
    expect(await send(relays.starttls, message)).toMatchObject({ kind: "accepted" });
    const [delivery] = (await had("starttls")).deliveries;
    expect(delivery?.text.replaceAll("\r\n", "")).toContain(content);
  });

  test("a batch goes over one connection", async () => {
    const three = [member(0), member(1), member(2)];
    const outcomes = await relayOn(relays.starttls).sendBatch?.(three, "key", deps());
    expect(outcomes?.map(({ kind }: Outcome) => kind)).toEqual([
      "accepted",
      "accepted",
      "accepted",
    ]);
    expect(await had("starttls")).toMatchObject({ connections: 1, deliveries: { length: 3 } });
  });

  test("without STARTTLS, neither password nor message is written", async () => {
    const outcome = await send(relays.stripped, FULL);
    expect(outcome).toMatchObject({ kind: "failed", code: "starttls_unavailable" });
    expect(await had("stripped")).toMatchObject({ connections: 1, logins: [], deliveries: [] });
  });

  test("a certificate of another name is not trusted", async () => {
    const outcome = await send(relays.renamed, FULL);
    expect(outcome).toMatchObject({ kind: "failed", retryable: true, code: "tls_failed" });
    expect(await had("renamed")).toMatchObject({ connections: 1, logins: [], deliveries: [] });
  });

  test("a connection that ends after the message is ambiguous, and so is silence", async () => {
    await plan("starttls", { mode: "accept_reset" });
    expect(await send(relays.starttls, FULL)).toMatchObject({ kind: "ambiguous" });
    await plan("starttls", { mode: "hang" });
    expect(await send(relays.starttls, FULL, {}, 2000)).toMatchObject({ kind: "ambiguous" });
    await plan("starttls", { mode: "cut" });
    expect(await send(relays.starttls, FULL)).toMatchObject({ kind: "ambiguous" });
    expect((await had("starttls")).deliveries).toHaveLength(3);
  });

  test("a refusal is read, and a busy relay is a throttle", async () => {
    await plan("starttls", { mode: "error", name: "rcpt", status: 550, message: "5.1.1 No" });
    expect(await send(relays.starttls, FULL)).toMatchObject({ kind: "rejected", code: "5.1.1" });
    await plan("starttls", { mode: "throttle" });
    expect(await send(relays.starttls, FULL)).toMatchObject({ kind: "throttled" });
  });

  test("nobody listening is a failure worth a retry", async () => {
    expect(await send(9, FULL)).toMatchObject({ kind: "failed", code: "unreachable" });
  });
});
