/** One provider's wire format over HTTP: how it reads a request, and what it answers. */
import type { AcceptedMessage, Plan, ReceivedRequest } from "./emulator.ts";

/** What is answered. */
export interface WireAnswer {
  readonly status: number;
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One message of a request that passed every check. */
export interface WireMessage {
  /** Our id where the provider gives it back, or else the subject. */
  readonly key: string;
  readonly subject: string;
  /** Left out in the provider's own way, by the plan. */
  readonly refused?: boolean;
}

/** A message with the provider's id; null for a refused one. */
export interface Identified extends WireMessage {
  readonly id: string | null;
}

/** One provider's wire format. */
export interface Wire {
  /** Checks a request as strictly as the real API: its messages, or how it is refused. */
  take(request: ReceivedRequest, plan: Plan): readonly WireMessage[] | WireAnswer;
  /** Accepts (or refuses, one by one) what was taken. */
  accept(messages: readonly Identified[], request: ReceivedRequest): WireAnswer;
  newId(): string;
  /** A documented error: `status`, `name` and `message` of the plan in the provider's shape. */
  error(plan: Plan): WireAnswer;
  /** A success in status whose body tells of an error; null where success has no body. */
  readonly inside: WireAnswer | null;
  /** A success without an id. */
  readonly withoutId: WireAnswer;
  /** The idempotency key of a request, where the provider knows such a thing. */
  readonly keyOf?: (request: ReceivedRequest) => string | undefined;
  /** What is answered to the same bytes under a key; the first answer by default. */
  readonly repeated?: WireAnswer;
  /** What is answered to other bytes under a key, or while the first request is running. */
  readonly conflict?: (running: boolean) => WireAnswer;
  /** Other routes (lookups, identities); null for a request that sends. */
  readonly query?: (
    request: ReceivedRequest,
    accepted: readonly AcceptedMessage[],
  ) => WireAnswer | null;
}

/** Whether it is an answer, and not messages that were taken. */
export const isAnswer = (value: object): value is WireAnswer => "status" in value;

/** An answer with a JSON body. */
export const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): WireAnswer => ({ status, body: JSON.stringify(body), headers });
