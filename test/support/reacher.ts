/**
 * A local Reacher: its HTTP API (check-if-email-exists) on 127.0.0.1, with mailboxes whose local
 * part says what is answered. Words after "+" or "." are a label: `ok+1@…`, `rejected.2@…`.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface ReacherOptions {
  /** 0 for any free one. */
  readonly port?: number;
  /** What `x-reacher-secret` or `authorization` has to hold; absent: nobody is asked. */
  readonly secret?: string;
  /** How long `slow` takes. */
  readonly slowMs?: number;
}

export interface ReacherCall {
  readonly path: string;
  readonly method: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: Readonly<Record<string, unknown>>;
}

export interface ReacherServer {
  /** Without a path. */
  readonly url: string;
  readonly calls: readonly ReacherCall[];
  /** The most calls that were under way at once. */
  readonly atOnce: () => number;
  /** While true, every mailbox answers like `500`. */
  broken(is: boolean): void;
  close(): Promise<void>;
}

/** Twice what anybody reads of an answer. */
const HUGE = " ".repeat(200_000);

const CLEAR = {
  can_connect_smtp: true,
  has_full_inbox: false,
  is_catch_all: false,
  is_deliverable: true,
  is_disabled: false,
};

const errorOf = (type: string, message: string, description?: string) => ({
  error: { type, message },
  ...(description === undefined ? {} : { description }),
});

interface Mailbox {
  readonly is_reachable: string;
  readonly smtp: object;
  readonly role?: boolean;
}

const refused = (extra: object = {}) => ({ ...CLEAR, is_deliverable: false, ...extra });

const OK: Mailbox = { is_reachable: "safe", smtp: CLEAR };
const REJECTED: Mailbox = { is_reachable: "invalid", smtp: refused() };

/** Mailboxes that are answered with a 200, as the server answers after talking to a mail host. */
const MAILBOXES: Readonly<Record<string, Mailbox>> = {
  ok: OK,
  rejected: REJECTED,
  info: { is_reachable: "risky", role: true, smtp: refused() },
  "catch-all": { is_reachable: "risky", smtp: { ...CLEAR, is_catch_all: true } },
  full: { is_reachable: "risky", smtp: refused({ has_full_inbox: true }) },
  disabled: { is_reachable: "invalid", smtp: refused({ is_disabled: true }) },
  blocked: {
    is_reachable: "unknown",
    smtp: errorOf(
      "AsyncSmtpError",
      "permanent: 5.7.1 Service unavailable; client host [192.0.2.7] is on a list",
      "IpBlacklisted",
    ),
  },
  rdns: {
    is_reachable: "unknown",
    smtp: errorOf(
      "AsyncSmtpError",
      "transient: 4.7.25 Client host rejected: no host name for [192.0.2.7]",
      "NeedsRDNS",
    ),
  },
  unknown: {
    is_reachable: "unknown",
    smtp: errorOf("AsyncSmtpError", "transient: 4.3.2 try again later"),
  },
  proxy: { is_reachable: "unknown", smtp: errorOf("SocksError", "connection refused") },
};

/** What goes back, and how. */
interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly afterMs?: number;
  /** The connection is reset before an answer, or ended in the middle of it. */
  readonly ends?: "reset" | "cut";
}

const refusal = (status: number, error: string): Reply => ({ status, body: { error } });

/** What is answered to a call about an address. */
function replyTo(address: string, kind: string, slowMs: number): Reply {
  const whole = answerOf(address, MAILBOXES[kind] ?? OK);
  const found = { status: 200, body: whole };
  switch (kind) {
    case "slow":
      return { ...found, afterMs: slowMs };
    case "dead":
      return { ...found, ends: "reset" };
    case "cut":
      return { ...found, ends: "cut" };
    case "500":
      return refusal(500, "no reply from the worker");
    case "unread":
      return refusal(400, "to_email cannot be read");
    case "throttled":
      return refusal(429, "too many requests");
    case "moved":
      return { ...found, status: 307, headers: { location: "/v1/check_email" } };
    case "garbage":
      return { ...found, body: "<html>It works!</html>" };
    case "huge":
      return { ...found, body: HUGE + JSON.stringify(whole) };
    case "mixed-up":
      return { ...found, body: answerOf("rejected@elsewhere.example", REJECTED) };
    default:
      return found;
  }
}

function send({ status, body, headers, ends }: Reply, response: ServerResponse): void {
  if (ends === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  const text = typeof body === "string" ? body : JSON.stringify(body);
  if (ends === "cut") {
    response.writeHead(status, { "content-length": String(text.length * 2) });
    response.write(text, () => response.socket?.destroy());
    return;
  }
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(text);
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Starts one. */
export async function startReacher(options: ReacherOptions = {}): Promise<ReacherServer> {
  const calls: ReacherCall[] = [];
  const { secret, slowMs = 500 } = options;
  let [underWay, most, isBroken] = [0, 0, false];

  function take({ url: path = "", method = "", headers }: IncomingMessage, text: string): Reply {
    const body = parse(text);
    if (body === null) return refusal(400, "the request body is no JSON");
    calls.push({ path, method, headers, body });
    if (!/^\/v[01]\/check_email$/.test(path) || method !== "POST") return refusal(404, "no such");
    const { "x-reacher-secret": own, authorization } = headers;
    if (secret !== undefined && own !== secret && authorization !== secret) {
      return refusal(401, "the secret is wrong");
    }
    const { to_email: address } = body;
    if (typeof address !== "string" || !address.includes("@")) {
      return refusal(400, "to_email is no address");
    }
    return replyTo(address, isBroken ? "500" : (address.split(/[@+.]/)[0] ?? ""), slowMs);
  }

  const server = createServer((incoming, response) => {
    underWay += 1;
    most = Math.max(most, underWay);
    response.on("close", () => {
      underWay -= 1;
    });
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("error", () => {});
    incoming.on("end", () => {
      const reply = take(incoming, Buffer.concat(chunks).toString("utf8"));
      if (reply.afterMs === undefined) send(reply, response);
      else setTimeout(() => send(reply, response), reply.afterMs);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    calls,
    atOnce: () => most,
    broken: (is) => {
      isBroken = is;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The fields of a whole answer, as the API's document lists them. */
function answerOf(address: string, mailbox: Mailbox): object {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  return {
    input: address,
    is_reachable: mailbox.is_reachable,
    misc: { is_disposable: false, is_role_account: mailbox.role === true, gravatar_url: null },
    mx: { accepts_mail: true, records: [`mx.${domain}.`] },
    smtp: mailbox.smtp,
    syntax: { address, domain, is_valid_syntax: true, username: address.slice(0, at) },
    debug: {
      start_time: "2026-11-01T10:00:00.000000000Z",
      end_time: "2026-11-01T10:00:00.250000000Z",
      duration: { secs: 0, nanos: 250_000_000 },
      server_name: "emulator",
      smtp: { verif_method: { type: "Smtp" } },
    },
  };
}
