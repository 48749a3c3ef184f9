/** A message on its way to its provider, for tests of what it has become by then. */
import { env } from "cloudflare:workers";
import type { Head } from "../../../src/core/custody.ts";
import { sendCall } from "../../../src/deliver/send.ts";
import { createSlots } from "../../../src/deliver/slots.ts";
import type { OutgoingMessage } from "../../../src/providers/provider.ts";
import { laneServices } from "../../../src/services.ts";
import type { Client } from "./client.ts";

/** Of a domain whose messages have links. */
export const FROM = "News <news@linked.example>";

/** Takes a message in and shows what two attempts of it give to a provider; then lets it go. */
export async function attemptedTwice(client: Client, fields: Record<string, unknown>) {
  const stream = String(fields.stream ?? "broadcast");
  await client.post(`/streams/${stream}/pause`, "");
  const id = await client.send({ from: FROM, stream, ...fields });
  const ref = { account: client.scope, shard: 0 };
  const unit = await env.OUTBOX.getByName(`${client.scope}/0`).read(id);
  if (unit?.content === null || unit === null) throw new Error("the Outbox has it");
  const got: OutgoingMessage[] = [];
  const lane = laneServices(env);
  const provider = lane.provider("sandbox");
  if (provider === null) throw new Error("there is a sandbox");
  const send = async (message: OutgoingMessage) => {
    got.push(message);
    return { kind: "accepted", providerMessageId: "p1", refused: [] } as const;
  };
  for (const attempt of [1, 2]) {
    const claimed = {
      ...{ id, token: "t", batch: null, unknownSince: null, attempt, content: unit.content },
      ...{ leaseUntil: Date.now() + 60_000, numbers: unit.recipients.map((_, no) => no) },
    };
    const claim = { head: JSON.parse(unit.head) as Head, claimed };
    const deps = { ...lane, provider: () => ({ ...provider, send }) };
    await sendCall(ref, "sandbox", [claim], createSlots(), deps);
  }
  await client.post(`/streams/${stream}/resume`, "");
  const [first, second] = got;
  if (first === undefined || second === undefined) throw new Error("it was sent twice");
  return { id, first, second };
}
