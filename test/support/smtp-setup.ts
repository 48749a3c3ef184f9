/**
 * Runs in Node before the tests of the Workers runtime: relays that they connect to, and an HTTP
 * server that tells what arrived there.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestProject } from "vitest/node";
import { OTHER_CERTIFICATE, PASSWORD, startSmtpEmulator, USER } from "../emulator/smtp.ts";
import type {} from "./smtp-relays.ts";

/** Starts all; the function returned stops them. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const relays = {
    starttls: await startSmtpEmulator(),
    implicit: await startSmtpEmulator({ secure: true }),
    renamed: await startSmtpEmulator({ cert: OTHER_CERTIFICATE }),
    stripped: await startSmtpEmulator({ hideSTARTTLS: true, allowInsecureAuth: true }),
  };
  const server = createServer((request, response) => {
    const relay = relays[(request.url ?? "").slice(1) as keyof typeof relays];
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.method === "POST") {
        relay.control(JSON.parse(String(Buffer.concat(chunks))));
        response.end();
        return;
      }
      const deliveries = relay.deliveries().map(({ bytes, ...rest }) => ({
        ...rest,
        text: bytes.toString("utf8"),
      }));
      const { requests } = relay.counts();
      response.end(JSON.stringify({ deliveries, logins: relay.logins(), connections: requests }));
      relay.reset();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  project.provide("smtp", {
    user: USER,
    password: PASSWORD,
    starttls: relays.starttls.port,
    implicit: relays.implicit.port,
    renamed: relays.renamed.port,
    stripped: relays.stripped.port,
    control: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  });
  return async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    for (const relay of Object.values(relays)) await relay.close();
  };
}
