/**
 * From a new connection to one that takes messages: greeting -> EHLO -> STARTTLS -> EHLO -> AUTH.
 * Credentials are written on an encrypted connection or to this very machine only.
 */
import { err, ok, type Result } from "../../core/result.ts";
import { failed } from "../outcomes.ts";
import type { Outcome } from "../provider.ts";
import type { Broken, Line } from "./line.ts";
import { brokenOf, type Phase, type Redact, refusalOf } from "./outcome.ts";
import type { Reply } from "./reply.ts";

/** How a connection is made. */
export interface Hello {
  readonly tls: "starttls" | "implicit" | "none";
  /** The argument of EHLO. */
  readonly name: string;
  readonly credentials: Credentials | null;
  readonly redact: Redact;
}

/** A user and its password. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** What a relay offers: EHLO keywords in capitals, with their parameters. */
export type Extensions = ReadonlyMap<string, readonly string[]>;

/** Opens the dialogue; an error is the outcome of every message that was to go over it. */
export async function hello(line: Line, how: Hello): Promise<Result<Extensions, Outcome>> {
  const greeted = expect(await line.read(), 220, "hello", how.redact, UNREACHABLE);
  if (!greeted.ok) return greeted;

  let offered = await introduce(line, how);
  if (!offered.ok) return offered;
  if (how.tls === "starttls") {
    const started = await startTls(line, how, offered.value);
    if (!started.ok) return started;
    // What was offered before may have been an attacker's words (RFC 3207 section 4.2).
    offered = await introduce(line, how, NOT_ENCRYPTED);
    if (!offered.ok) return offered;
  }
  if (how.credentials === null) return offered;
  const authenticated = await authenticate(line, how.credentials, offered.value, how.redact);
  return authenticated.ok ? offered : authenticated;
}

const UNREACHABLE = failed(true, "unreachable", "no connection to the relay");
const NOT_ENCRYPTED = failed(
  true,
  "tls_failed",
  "no encrypted connection; the relay's certificate must be valid for its host name",
);

/** EHLO, or HELO where the relay does not know EHLO (RFC 5321 section 3.2). */
async function introduce(
  line: Line,
  how: Hello,
  lost?: Outcome,
): Promise<Result<Extensions, Outcome>> {
  const extended = await line.command(`EHLO ${how.name}`);
  if (typeof extended === "object" && UNKNOWN.has(extended.code)) {
    const plain = expect(await line.command(`HELO ${how.name}`), 250, "hello", how.redact);
    return plain.ok ? ok(new Map()) : plain;
  }
  const reply = expect(extended, 250, "hello", how.redact, lost);
  return reply.ok ? ok(extensionsOf(reply.value)) : reply;
}

/** RFC 5321 section 4.2.4: what a relay says that does not implement a command. */
const UNKNOWN = new Set([500, 502]);

function extensionsOf({ lines }: Reply): Extensions {
  return new Map(
    lines.slice(1).map((line) => {
      // Some relays write "AUTH=PLAIN", for clients older than RFC 2554.
      const words = line
        .trim()
        .toUpperCase()
        .replace(/^AUTH=/, "AUTH ")
        .split(/\s+/);
      return [words[0] ?? "", words.slice(1)] as const;
    }),
  );
}

async function startTls(
  line: Line,
  how: Hello,
  offered: Extensions,
): Promise<Result<null, Outcome>> {
  if (!offered.has("STARTTLS")) {
    const text = "the relay does not offer STARTTLS; nothing was sent";
    return err(failed(true, "starttls_unavailable", text));
  }
  const ready = expect(await line.command("STARTTLS"), 220, "hello", how.redact);
  if (!ready.ok) return ready;
  return line.startTls() === null ? ok(null) : err(NOT_ENCRYPTED);
}

/** PLAIN (RFC 4616), or LOGIN where that is all there is. Others need an exchange of digests. */
async function authenticate(
  line: Line,
  { user, password }: Credentials,
  offered: Extensions,
  redact: Redact,
): Promise<Result<null, Outcome>> {
  const mechanisms = offered.get("AUTH") ?? [];
  let last: Reply | Broken;
  if (mechanisms.includes("PLAIN")) {
    last = await line.command(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`);
  } else if (mechanisms.includes("LOGIN")) {
    last = await line.command("AUTH LOGIN");
    for (const answer of [user, password]) {
      if (typeof last === "object" && last.code === 334) last = await line.command(base64(answer));
    }
  } else {
    const text = "the relay offers neither AUTH PLAIN nor AUTH LOGIN";
    return err(failed(false, "auth_unavailable", text));
  }
  const reply = expect(last, 235, "auth", redact);
  return reply.ok ? ok(null) : reply;
}

/** Base64 of a text's UTF-8, as SASL mechanisms take it. */
export function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

/**
 * A reply of the wanted code, or the outcome of having got another or none, before any message.
 *
 * @param lost what the end of the connection comes to here
 */
function expect(
  reply: Reply | Broken,
  code: number,
  phase: Exclude<Phase, "end">,
  redact: Redact,
  lost: Outcome = brokenOf("lost", false),
): Result<Reply, Outcome> {
  if (typeof reply === "string") return err(reply === "lost" ? lost : brokenOf(reply, false));
  return reply.code === code ? ok(reply) : err(refusalOf(phase, reply, redact));
}
