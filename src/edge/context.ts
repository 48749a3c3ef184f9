/**
 * What a request carries through middleware and handlers. Handlers see services, never bindings.
 */
import type { Context } from "hono";
import type { ApiKey, KeyMode, NamedApiKey } from "../core/api-key.ts";
import type { ShardLedger, ShardRef, StoredUnit } from "../core/custody.ts";
import type { RawEvent } from "../core/events.ts";
import type { RateDecision } from "../core/gcra.ts";
import type { StoredRecipient } from "../core/recipient-row.ts";
import type { Result } from "../core/result.ts";
import type { Signer } from "../core/signer.ts";
import type { AcceptCommand, AcceptDeps, StreamTerms } from "../deliver/accept.ts";
import type { HookServices } from "../feedback/hook.ts";
import type { ObserveServices } from "../observe/ports.ts";
import type { LinkServices } from "./links.ts";
import type { ReputationServices } from "./reputation.ts";
import type { SuppressionServices } from "./suppressions.ts";
import type { VerificationJobServices } from "./verification-jobs.ts";
import type { VerifyServices } from "./verify.ts";
import type { WebhookServices } from "./webhooks.ts";

export interface Caller extends ApiKey {
  /** The account whose state the key reaches: test state is apart from live state. */
  readonly scope: string;
}

export interface Page {
  readonly limit: number;
  readonly after: string | null;
  readonly before: string | null;
}

/** Everything that a request may need from outside. */
export interface Services {
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
  readonly uuid: () => string;
  readonly fetch: typeof fetch;
  readonly log: (event: string, fields: Record<string, string | number>) => void;
  readonly signer: () => Promise<Signer>;
  readonly adminKey: string;
  readonly scopeOf: (account: string, mode: KeyMode) => string;
  readonly accountExists: (account: string) => boolean;
  /** The From domains of an account's live keys. */
  readonly domainsOf: (account: string) => readonly string[];
  readonly stream: (name: string) => StreamTerms | null;
  readonly streamNames: () => readonly string[];
  /**
   * A key that this isolate has seen to be good a moment ago; undefined: it has to be looked at.
   */
  readonly knownApiKey: (token: string) => ApiKey | undefined;
  /** Not ok: the stores of keys do not answer. */
  readonly findApiKey: (token: string) => Promise<Result<ApiKey | null, string>>;
  readonly insertApiKey: (hash: string, key: NamedApiKey) => Promise<void>;
  readonly listApiKeys: () => Promise<NamedApiKey[]>;
  readonly deleteApiKey: (id: string) => Promise<boolean>;
  readonly takeRate: (caller: Caller) => Promise<RateDecision>;
  readonly accept: AcceptDeps;
  readonly shardsOf: (account: string) => AcceptCommand["shards"];
  /** A message as its Outbox holds it, null when it has let go. */
  readonly readOutbox: (ref: ShardRef, id: string) => Promise<StoredUnit | null>;
  readonly listOutbox: (account: string, scope: string, page: Page) => Promise<StoredUnit[]>;
  /** Events as providers sent them, of one message. */
  readonly readRawEvents: (
    scope: string,
    id: string,
  ) => Promise<readonly Omit<RawEvent, "account" | "messageId">[]>;
  readonly readRecorded: (scope: string, id: string) => Promise<StoredRecipient[]>;
  readonly listRecorded: (scope: string, page: Page) => Promise<StoredRecipient[]>;
  readonly readContent: (key: string) => Promise<string | null>;
  readonly setPaused: (scope: string, stream: string, paused: boolean) => Promise<void>;
  readonly shardLedgers: (account: string, scope: string) => Promise<ShardLedger[]>;
  readonly countRecorded: (
    scope: string,
  ) => Promise<{ readonly states: Readonly<Record<string, number>>; readonly complained: number }>;
  readonly databaseAnswers: () => Promise<boolean>;
  readonly reputation: ReputationServices;
  readonly webhooks: WebhookServices;
  readonly suppressions: SuppressionServices;
  readonly observe: ObserveServices;
  readonly hooks: HookServices;
  readonly links: LinkServices;
  readonly verify: VerifyServices;
  readonly verificationJobs: VerificationJobServices;
}

export interface AppEnv {
  Variables: {
    services: Services;
    caller: Caller;
    /** Asked while the body is still being read. */
    rate: Promise<RateDecision>;
  };
}

export type AppContext = Context<AppEnv>;
