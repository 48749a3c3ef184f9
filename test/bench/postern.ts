/** Postern as the benches run it: its own wrangler.toml, another configuration, made-up secrets. */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { parseConfig } from "../../src/config.ts";
import { boot, bundle, type Running, root, scratchFolder } from "./harness.ts";
import { request } from "./load.ts";

export const config = join(root, "wrangler.toml");
const migrations = join(root, "migrations");
const secret = randomBytes(32).toString("base64");
const adminKey = randomBytes(32).toString("base64");
/** No limiter of ours answers 429 in a bench; it is asked all the same. */
const UNLIMITED = { requests_per_second: 1_000_000, burst: 1_000_000 };

type Vars = Readonly<Record<string, unknown>>;

/** The shipped defaults of `[vars.POSTERN]`, to state what a bench ran with. */
export function shipped(): { readonly shards: number; readonly sendsInFlight: number } {
  const parsed = parseConfig(undefined);
  if (!parsed.ok) throw new Error(parsed.error);
  const small = parsed.value.tiers.small;
  if (small === undefined) throw new Error("there is no tier small");
  return { shards: small.shards, sendsInFlight: parsed.value.limits.sends_in_flight };
}

/** `[vars.POSTERN]` with everything shipped but the rate of the tier; `extra` goes on top. */
export function vars(extra: Vars = {}): Vars {
  return {
    accounts: { default: { tier: "small", domains: ["bench.test"] } },
    tiers: { small: { shards: shipped().shards, ...UNLIMITED } },
    ...extra,
  };
}

/** `vars` whose live mail goes to a stub through the `resend` source. */
export function throughStub(
  stub: URL,
  deduplicates: boolean,
  limits: Vars = {},
  batch = true,
): Vars {
  const base_url = stub.origin;
  const source = { provider: "resend", base_url, secret: "RESEND_API_KEY", deduplicates, batch };
  return vars({ sources: { stub: source }, pools: { default: { sources: ["stub"] } }, limits });
}

export interface Ledger {
  readonly accepted: number;
  readonly delivered: number;
  readonly pending: number;
  readonly unknown: number;
  readonly conserved: boolean;
  readonly [figure: string]: unknown;
}

export interface Postern extends Running {
  readonly state: string;
  /** Makes an API key. */
  key(mode: "test" | "live"): Promise<string>;
  /** One call with a key; throws unless the answer is 2xx. */
  call<T>(key: string, method: string, path: string, body?: unknown): Promise<T>;
  ledger(key: string): Promise<Ledger>;
}

export interface PosternOptions {
  readonly script: string;
  readonly vars: Vars;
  readonly secrets?: Vars;
  /** What an earlier instance left behind. */
  readonly state?: string;
  readonly port?: number;
  readonly inspectorPort?: number;
}

let built: string | undefined;

/** The bundle of the Worker as it ships, built once per run. */
export function posternBundle(): string {
  built ??= bundle("postern", join(root, "src/index.ts"), config);
  return built;
}

/** Starts Postern on raw Miniflare. */
export async function startPostern(options: PosternOptions): Promise<Postern> {
  const state = options.state ?? scratchFolder("postern");
  const running = await boot({
    config,
    script: options.script,
    migrations,
    bindings: {
      POSTERN: options.vars,
      POSTERN_SECRET: secret,
      POSTERN_ADMIN_KEY: adminKey,
      RESEND_API_KEY: "re_bench",
      ...options.secrets,
    },
    state,
    port: options.port ?? 0,
    ...(options.inspectorPort === undefined ? {} : { inspectorPort: options.inspectorPort }),
    consume: true,
  });
  const call = async <T>(key: string, method: string, path: string, body?: unknown): Promise<T> => {
    const response = await fetch(new URL(path, running.url), {
      method,
      headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  };
  return {
    ...running,
    state,
    call,
    key: async (mode) => {
      const made = await call<{ token: string }>(adminKey, "POST", "/api-keys", {
        name: "bench",
        mode,
      });
      return made.token;
    },
    ledger: (key) => call<Ledger>(key, "GET", "/ledger"),
  };
}

/** About 1 KB of mail, as a sign-up confirmation is. */
const TEXT = "Please confirm your address with the link below. It is good for one day.\n".repeat(6);
const HTML = `<p>${"Please confirm your address with the link below. ".repeat(8)}</p>`;

/** One message; its subject names it to the stub, its recipient is one of many at 20 sites. */
export function mail(subject: string, index: number, extra: Vars = {}): Vars {
  return {
    from: "Bench <hello@bench.test>",
    to: `user-${index}@site-${index % 20}.test`,
    subject,
    text: TEXT,
    html: HTML,
    ...extra,
  };
}

/** The bytes of `POST /emails`. */
export function postEmail(
  origin: URL,
  key: string,
  body: Vars,
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const all = { authorization: `Bearer ${key}`, ...headers };
  return request(origin, "/emails", all, JSON.stringify(body));
}
