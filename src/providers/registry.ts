/** Every provider, by the name it has in the configuration. Adding one is one line here. */
import type { SandboxAnswer, SandboxCall } from "../core/sandbox.ts";
import type { Provider } from "./provider.ts";
import { createResend } from "./resend/send.ts";
import { createSandbox } from "./sandbox/send.ts";

/** A source as configured, as far as adapters care. */
export type SourceSettings =
  | {
      readonly provider: "sandbox";
      readonly deduplicates: boolean;
      readonly event_delay_ms: number;
      readonly time_limit_ms: number;
    }
  | {
      readonly provider: "resend";
      readonly deduplicates: boolean;
      readonly base_url: string;
      readonly secret: string;
      readonly time_limit_ms: number;
    };

export interface RegistryDeps {
  /** The value of a secret, null when it is not set. */
  readonly secret: (name: string) => string | null;
  readonly sandbox: (call: SandboxCall) => Promise<SandboxAnswer>;
}

/** Makes the provider of a source; null when a secret it names is not set. */
export function createProvider(
  source: string,
  settings: SourceSettings,
  deps: RegistryDeps,
): Provider | null {
  switch (settings.provider) {
    case "sandbox":
      return createSandbox({
        source,
        deduplicates: settings.deduplicates,
        eventDelayMs: settings.event_delay_ms,
        timeLimitMs: settings.time_limit_ms,
        call: deps.sandbox,
      });
    case "resend": {
      const apiKey = deps.secret(settings.secret);
      if (apiKey === null) return null;
      return createResend({
        apiKey,
        baseUrl: settings.base_url,
        deduplicates: settings.deduplicates,
        timeLimitMs: settings.time_limit_ms,
      });
    }
  }
}
