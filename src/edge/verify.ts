/** What the routes may do with addresses before anything is sent to them. */
import type { GateDeps } from "../verify/gate.ts";
import type { VerifyMode } from "../verify/verdict.ts";

export interface VerifyServices {
  /** For one account's scope; test state sees the sandbox's mailboxes beside the real domains. */
  readonly gate: (scope: string) => GateDeps;
  /** What a stream asks for. */
  readonly modeOf: (stream: string) => VerifyMode;
}
