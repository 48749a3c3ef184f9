/** What is the same for every request of an isolate: configuration, signer, providers. */
import { connect } from "cloudflare:sockets";
import { type Config, parseConfig, SANDBOX } from "../config.ts";
import { type ShardRef, shardName } from "../core/custody.ts";
import { returnPath } from "../core/return-path.ts";
import type { SandboxAnswer, SandboxCall } from "../core/sandbox.ts";
import { createSigner, type Signer } from "../core/signer.ts";
import type { Services } from "../edge/context.ts";
import type { OutboxRpc } from "../objects/outbox/rpc.ts";
import { logLine } from "../observe/log.ts";
import type { EmailBinding, Provider } from "../providers/provider.ts";
import { createProvider } from "../providers/registry.ts";
import type { Env } from "./bindings.ts";
import { isTestScope } from "./terms.ts";

/** Writes one line to the log. */
export const log = (event: string, fields: Readonly<Record<string, string | number>>): void =>
  console.log(logLine(event, fields));

/** Unix milliseconds. */
export const now = (): number => Date.now();
/** A random UUID. */
export const uuid = (): string => crypto.randomUUID();
/** Resolves after `ms` milliseconds. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
/** `count` bytes from a cryptographic source. */
export const bytes = (count: number): Uint8Array => crypto.getRandomValues(new Uint8Array(count));
/** The network. */
export const outside: typeof fetch = (input, init) => fetch(input, init);

/** `GET /health` and `GET /metrics` do not wait longer for the database. */
export const HEALTH_MS = 2_000;

/** What is made once per isolate. */
export interface Isolate {
  edge?: Services;
  readonly config: Config;
  readonly signer: Promise<Signer>;
  readonly providers: Map<string, Provider | null>;
}

const isolates = new WeakMap<object, Isolate>();

/**
 * What this isolate has made of its environment; throws one readable sentence when that is wrong.
 */
export function isolateOf(env: Env): Isolate {
  const known = isolates.get(env);
  if (known !== undefined) return known;
  const config = parseConfig(env.POSTERN);
  if (!config.ok) throw new Error(`vars.POSTERN is not valid: ${config.error}`);
  const secret = env.POSTERN_SECRET ?? "";
  if (secret.length < 32) throw new Error("the secret POSTERN_SECRET needs 32 characters or more");
  const made = { config: config.value, signer: createSigner(secret), providers: new Map() };
  isolates.set(env, made);
  return made;
}

/** The object of one shard. */
export const outboxOf = (env: Env, ref: ShardRef): OutboxRpc =>
  env.OUTBOX.getByName(shardName(ref)) as unknown as OutboxRpc;

/** Sends to the journal. */
export const toJournal =
  (env: Env) =>
  async (body: unknown): Promise<void> => {
    await env.JOURNAL.send(body, { contentType: "json" });
  };

/** The promise's value, or a rejection after `ms` milliseconds. */
export async function within<T>(promise: Promise<T>, ms: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether D1 answers a trivial question in time. */
export function databaseAnswers(env: Env): Promise<boolean> {
  const asked = env.DB.prepare("SELECT 1").first();
  return within(asked, HEALTH_MS).then(
    () => true,
    () => false,
  );
}

/**
 * The provider of a configured source, made once; null when the source or its secret is missing.
 */
export function providerOf(env: Env, name: string): Provider | null {
  const { config, providers, signer } = isolateOf(env);
  const known = providers.get(name);
  if (known !== undefined) return known;
  const settings = config.sources[name];
  if (settings === undefined) return null;
  const made = createProvider(settings, {
    source: name,
    secret: (secret) => secretOf(env, secret),
    sandbox: (call) => sandboxOf(env, call),
    email: (binding) => emailOf(env, binding),
    connect,
    returnPath: async (id, route) => returnPath(await signer, name, id, route),
  });
  if (!made.ok) log("source_not_usable", { source: name, reason: made.error });
  const provider = made.ok ? made.value : null;
  providers.set(name, provider);
  return provider;
}

/** A binding of type `send_email`; any other with this name is not taken for one. */
function emailOf(env: Env, name: string): EmailBinding | null {
  const binding = (env as unknown as Record<string, unknown>)[name];
  const sends = typeof (binding as { send?: unknown } | undefined)?.send === "function";
  return sends ? (binding as EmailBinding) : null;
}

/** The value of a secret, null when it is not set. */
export function secretOf(env: Env, name: string): string | null {
  const value = (env as unknown as Record<string, unknown>)[name];
  return typeof value === "string" && value !== "" ? value : null;
}

function sandboxOf(env: Env, call: SandboxCall): Promise<SandboxAnswer> {
  const world = env.SANDBOX.getByName(call[0]?.account ?? "") as unknown as {
    send(call: SandboxCall): Promise<SandboxAnswer>;
  };
  return world.send(call);
}

/**
 * The sources that may carry a stream's mail: its pool, for test mail only what is sandbox in it.
 * Test keys never reach a provider.
 */
export function sourcesFor(env: Env, scope: string, stream: string): string[] {
  const { config } = isolateOf(env);
  const pool = config.pools[config.streams[stream]?.pool ?? ""]?.sources ?? [];
  if (!isTestScope(scope)) return pool.filter((name) => providerOf(env, name) !== null);
  const sandboxes = pool.filter((name) => config.sources[name]?.provider === "sandbox");
  return sandboxes.length > 0 ? sandboxes : [SANDBOX];
}
