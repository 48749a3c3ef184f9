/** The secrets of a local Worker, and the API keys made with them. */
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseEnv } from "node:util";
import { type Client, createClient } from "./client.ts";

/** What .dev.vars must hold for the Worker to start. */
const REQUIRED = ["POSTERN_SECRET", "POSTERN_ADMIN_KEY"] as const;

export type Secrets = Record<(typeof REQUIRED)[number], string> & Record<string, string>;

/** 32 random bytes in base64url: 43 characters that need no quoting anywhere. */
const randomSecret = (): string => randomBytes(32).toString("base64url");

/** Secrets for an instance that leaves nothing behind. */
export function throwawaySecrets(): Secrets {
  return { POSTERN_SECRET: randomSecret(), POSTERN_ADMIN_KEY: randomSecret() };
}

/** Writes a file that only its owner may read, whatever mode it had. */
export function writePrivately(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o600 });
  chmodSync(path, 0o600);
}

/**
 * Reads a .dev.vars file and adds the secrets it lacks; what is there is kept as it is.
 * @returns every variable of the file, and the names of those that were made now.
 */
export function localSecrets(path: string): { secrets: Secrets; made: string[] } {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const found = parseEnv(text);
  const made = REQUIRED.filter((name) => !found[name]);
  const fresh = Object.fromEntries(made.map((name) => [name, randomSecret()]));
  if (made.length > 0) {
    // An empty assignment, as the example file has, is replaced; a later line would not win.
    const kept = text
      .split("\n")
      .filter((line) => !made.some((name) => line.trimStart().startsWith(`${name}=`)))
      .join("\n")
      .trimEnd();
    const lines = made.map((name) => `${name}="${fresh[name]}"`);
    writePrivately(path, `${[...(kept === "" ? [] : [kept]), ...lines].join("\n")}\n`);
  }
  return { secrets: { ...found, ...fresh } as Secrets, made };
}

/**
 * Makes an API key with the admin key.
 * @throws if the Worker does not answer 201 with a token.
 */
export async function makeKey(
  url: string,
  adminKey: string,
  name: string,
  mode: "test" | "live" = "test",
): Promise<string> {
  const admin: Client = createClient(url, adminKey);
  try {
    const answer = await admin.send("POST", "/api-keys", { name, mode });
    const token = (answer.body as { token?: unknown } | undefined)?.token;
    if (answer.status !== 201 || typeof token !== "string") {
      throw new Error(`POST /api-keys answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    }
    return token;
  } finally {
    admin.close();
  }
}
