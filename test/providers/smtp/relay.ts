/** What the tests of the relay share: an adapter that reaches a port of 127.0.0.1. */
import type { OutgoingMessage, Provider } from "../../../src/providers/provider.ts";
import { smtp } from "../../../src/providers/smtp/send.ts";
import { depsFor, makeProvider } from "../../contract/adapter.ts";
import {
  CERTIFICATE,
  type SmtpEmulator,
  smtpEmulator,
  startSmtpEmulator,
} from "../../emulator/smtp.ts";
import { nodeConnect } from "../../support/connect.ts";

/** Settings of a source, over those of the emulator; a value of undefined takes one away. */
export type Fields = Readonly<Record<string, unknown>>;

/** The fields of a source without a user, in plain text. */
export const PLAIN: Fields = { tls: "none", user: undefined, secret: undefined };

/** An adapter of the relay on this port, which trusts the test certificate unless told. */
export function relayOn(
  port: number,
  fields: Fields = {},
  ca: string | undefined = CERTIFICATE,
): Provider {
  const under = {
    definition: smtp,
    emulator: smtpEmulator,
    deps: () => ({ connect: nodeConnect(ca) }),
  };
  const url = `smtp://127.0.0.1:${port}`;
  return makeProvider(under, { url } as SmtpEmulator, fields, url);
}

/** One send to the relay on a port. */
export const sendTo = (port: number, message: OutgoingMessage, fields: Fields = {}) =>
  relayOn(port, fields).send(message, depsFor());

/** Runs with a relay, which is closed after. */
export async function withRelay<T>(
  options: Parameters<typeof startSmtpEmulator>[0],
  run: (relay: SmtpEmulator) => Promise<T>,
): Promise<T> {
  const relay = await startSmtpEmulator(options);
  try {
    return await run(relay);
  } finally {
    await relay.close();
  }
}
