/** What the routes of webhooks need: `Services.webhooks`. All times are Unix ms. */
import type { Delivery, Endpoint, Hint, PreviousSecret } from "../core/webhook.ts";
import type { AnnounceDeps } from "../feedback/webhooks-out/ports.ts";
import type { Page } from "./context.ts";

export interface WebhookServices extends AnnounceDeps {
  /** Lets http to the machine itself pass: `webhooks.allow_local`. */
  readonly allowLocal: boolean;
  readonly read: (account: string, id: string) => Promise<Endpoint | null>;
  /** False: the account has `most` already. */
  readonly insert: (
    endpoint: Pick<Endpoint, "id" | "account" | "url" | "events" | "createdAt">,
    most: number,
  ) => Promise<boolean>;
  /** False, here and below: there is none of this id. */
  readonly update: (
    account: string,
    id: string,
    patch: {
      readonly url?: string | undefined;
      readonly events?: readonly string[] | null | undefined;
      readonly status?: Endpoint["status"] | undefined;
    },
    at: number,
  ) => Promise<boolean>;
  /** False too when another rotation came first. */
  readonly rotate: (endpoint: Endpoint, previous: readonly PreviousSecret[]) => Promise<boolean>;
  readonly remove: (account: string, id: string, at: number) => Promise<boolean>;
  readonly listDeliveries: (
    endpoint: string,
    page: Page,
  ) => Promise<Pick<Delivery, "event" | "type" | "status" | "tries">[]>;
  readonly readDelivery: (endpoint: string, event: string) => Promise<Delivery | null>;
  /** Makes a delivery due now, from the start of the schedule. */
  readonly replay: (endpoint: string, event: string, at: number) => Promise<Hint | null>;
  readonly replayRange: (
    endpoint: string,
    range: {
      readonly since: number;
      readonly until: number;
      readonly status: "success" | "failed" | null;
      readonly after: string | null;
      readonly limit: number;
    },
    at: number,
  ) => Promise<Hint[]>;
}
