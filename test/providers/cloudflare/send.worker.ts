/** The adapter with the runtime's own `send_email` binding, which keeps mail on this machine. */
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { cloudflare } from "../../../src/providers/cloudflare/send.ts";
import type { EmailBinding } from "../../../src/providers/provider.ts";
import { FULL, outgoing } from "../../contract/messages.ts";

/** The binding takes messages of two shapes; its type wants to know which one this is. */
const binding = env.EMAIL as unknown as EmailBinding;

function adapter() {
  const made = cloudflare.create(cloudflare.settings.parse({ provider: "cloudflare" }), {
    source: "main",
    secret: () => null,
    sandbox: () => Promise.resolve(null),
    email: (name) => (name === "EMAIL" ? binding : null),
    connect: () => {
      throw new Error("no TCP here");
    },
  });
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

const deps = () => ({ fetch, now: () => Date.now(), signal: AbortSignal.timeout(10_000) });
test("the runtime's binding takes a message with every field or with the fewest", async () => {
  for (const message of [FULL, outgoing()]) {
    const outcome = await adapter().send(message, deps());
    expect(outcome).toEqual({
      kind: "accepted",
      providerMessageId: expect.stringMatching(/@acme\.example>$/),
      refused: [],
    });
  }
});
