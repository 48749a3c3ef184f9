/**
 * A strict emulator of Cloudflare Email Service: a small HTTP server keeps the truth, and a binding
 * hands it what `send()` was given. The binding comes in two forms: an object for this process, and
 * the script of a Worker whose entrypoint `Email` another Worker is bound to.
 */
import { randomBytes } from "node:crypto";
import type { EmailBinding } from "../../src/providers/provider.ts";
import { type Refusal, refusalOf } from "./cloudflare-validate.ts";
import type { ProviderEmulator } from "./emulator.ts";
import { startHttpEmulator } from "./http.ts";
import { json, type Wire, type WireAnswer } from "./wire.ts";

const fail = ({ code, message }: Refusal, status = 400): WireAnswer =>
  json(status, { code, message });

const CODE_OF: Readonly<Record<number, string>> = {
  429: "E_RATE_LIMIT_EXCEEDED",
  503: "E_INTERNAL_SERVER_ERROR",
};

const wire: Wire = {
  take({ body }) {
    const message = JSON.parse(body) as Record<string, unknown>;
    const refusal = refusalOf(message);
    if (refusal !== null) return fail(refusal);
    const { "X-Postern-Id": id } = (message.headers ?? {}) as Record<string, string>;
    return [{ key: id ?? String(message.subject), subject: String(message.subject) }];
  },
  accept: ([message]) => json(200, { messageId: message?.id }),
  newId: () => `0101${randomBytes(6).toString("hex")}-msg-${randomBytes(4).toString("hex")}`,
  error: ({ status = 503, name, message = "" }) =>
    fail({ code: name ?? CODE_OF[status] ?? "E_INTERNAL_SERVER_ERROR", message }, status),
  inside: json(200, { error: { code: "E_INTERNAL_SERVER_ERROR" } }),
  withoutId: json(200, {}),
};

/**
 * What `send()` does, in this process and in a Worker alike: its source is put into the Worker's
 * script, so that it refers to nothing outside itself.
 */
async function handOver(url: string, message: unknown): Promise<{ messageId?: string }> {
  let status: number;
  let body: string;
  try {
    const init = { method: "POST", body: JSON.stringify(message) };
    const response = await fetch(url, init);
    status = response.status;
    body = await response.text();
  } catch {
    throw new Error("Network connection lost.");
  }
  let answer: Record<string, string>;
  try {
    answer = JSON.parse(body);
  } catch {
    throw new Error("internal error; reference = 0123456789");
  }
  if (status === 200) return answer;
  throw Object.assign(new Error(answer.message), { code: answer.code });
}

/** The binding for an adapter in this process; like the runtime's, it takes clonable values. */
export const emailBinding = (url: string): EmailBinding => ({
  send: async (message) => await handOver(url, structuredClone(message)),
});

/** The name of the entrypoint in `emailWorker`. */
export const EMAIL_ENTRYPOINT = "Email";

/** The script, an ES module, of a Worker that answers `send()` as the emulator at `url` says. */
export const emailWorker = (url: string): string =>
  `import { WorkerEntrypoint } from "cloudflare:workers";
const handOver = ${handOver.toString()};
export class ${EMAIL_ENTRYPOINT} extends WorkerEntrypoint {
  async send(message) {
    return await handOver(${JSON.stringify(url)}, message);
  }
}
export default {};
`;

/** Cloudflare Email Service, emulated; a source reaches it by its binding and needs no secret. */
export const cloudflareEmulator: ProviderEmulator = {
  start: (options) => startHttpEmulator(wire, options),
  worker: (url) => ({ binding: "EMAIL", entrypoint: EMAIL_ENTRYPOINT, script: emailWorker(url) }),
  source: () => ({
    settings: { provider: "cloudflare", binding: "EMAIL" },
    secrets: {},
  }),
};
