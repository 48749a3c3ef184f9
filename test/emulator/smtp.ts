/**
 * A submission relay on 127.0.0.1 with STARTTLS and AUTH, which does what it is told: takes mail,
 * refuses it in any phase, or breaks off.
 */
import { readFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { SMTPServer, type SMTPServerOptions, type SMTPServerSession } from "smtp-server";
import { createTally, type Emulator, type Plan, type ProviderEmulator } from "./emulator.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");
const fixture = (name: string): string => readFileSync(join(FIXTURES, name), "utf8");

/** The certificate of localhost and 127.0.0.1, which it signs itself, and its key. Test only. */
export const CERTIFICATE = fixture("localhost-cert.pem");
export const KEY = fixture("localhost-key.pem");
/** A certificate of other.example, signed by the one of localhost, with the same key. */
export const OTHER_CERTIFICATE = fixture("other-cert.pem");

export const USER = "postern";
export const PASSWORD = "S3cret-relay-Pässword";

const RECEIVED_MAX = 100;

/** An accepted or at least wholly read message. */
export interface Delivery {
  readonly from: string;
  readonly to: readonly string[];
  /** The parameters of MAIL FROM. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly secure: boolean;
  readonly user: string | null;
  /** What the client called itself. */
  readonly ehlo: string;
  readonly bytes: Buffer;
}

/** An emulator, with what only a relay knows. */
export interface SmtpEmulator extends Emulator {
  deliveries(): readonly Delivery[];
  /** Every user and password that was tried, and whether the connection was encrypted. */
  logins(): readonly { readonly user: string; readonly secure: boolean }[];
}

/** The phases in which `error` refuses, by `plan.name`. */
type Phase = "connect" | "auth" | "mail" | "rcpt" | "end";

class Refusal extends Error {
  readonly responseCode: number;
  constructor(code: number, text: string) {
    super(text);
    this.responseCode = code;
  }
}

/** What a plan answers in a phase; null to go on. */
function refusalIn(phase: Phase, plan: Plan): Refusal | null {
  const { mode, status = 554, name = "end", message = "" } = plan;
  if (mode === "throttle" && phase === "mail") {
    return new Refusal(421, "4.3.2 Service not available, closing transmission channel");
  }
  if (mode === "refuse" && phase === "mail") {
    return new Refusal(451, "4.3.0 Temporary lookup failure");
  }
  return mode === "error" && phase === name ? new Refusal(status, message) : null;
}

/** Starts one; `options` are those of the server, such as a lower `size`. */
export async function startSmtpEmulator(
  options: SMTPServerOptions & { readonly port?: number } = {},
): Promise<SmtpEmulator> {
  const nowMs = () => performance.timeOrigin + performance.now();
  const tally = createTally(nowMs);
  let plan: Plan = {};
  let timesLeft = Number.POSITIVE_INFINITY;
  let deliveries: Delivery[] = [];
  let logins: { user: string; secure: boolean }[] = [];
  let statuses: Record<string, number> = {};
  let requests = 0;
  let taken = 0;
  /** RCPT commands by connection. */
  let named = new Map<string, number>();

  /** The plan, as far as it still holds. */
  const current = (): Plan => (timesLeft > 0 ? plan : { ...plan, mode: "accept" });

  function answer(phase: Phase, done: (error?: Error | null) => void): void {
    const refusal = refusalIn(phase, current());
    if (refusal === null) {
      done();
      return;
    }
    statuses[refusal.responseCode] = (statuses[refusal.responseCode] ?? 0) + 1;
    timesLeft--;
    later(() => done(refusal));
  }

  function later(act: () => void): void {
    if ((plan.delayMs ?? 0) > 0) setTimeout(act, plan.delayMs);
    else act();
  }

  function take(client: SMTPServerSession, bytes: Buffer): string {
    const { mailFrom, rcptTo } = client.envelope;
    deliveries.push({
      from: mailFrom === false ? "" : mailFrom.address,
      to: rcptTo.map(({ address }) => address),
      parameters: mailFrom === false ? {} : { ...mailFrom.args },
      secure: client.secure,
      user: client.user ?? null,
      ehlo: client.hostNameAppearsAs,
      bytes,
    });
    if (deliveries.length > RECEIVED_MAX) deliveries.shift();
    const field = (name: string) =>
      new RegExp(`^${name}: (.*)\r$`, "im").exec(bytes.toString("utf8"))?.[1] ?? "";
    const id = `4Zq${(++taken).toString(36).padStart(6, "0")}`;
    if (!ACCEPTS.has(current().mode ?? "accept")) return id;
    tally.accept(field("X-Postern-Id"), field("Subject"), id);
    return id;
  }

  const server = new SMTPServer({
    key: KEY,
    cert: CERTIFICATE,
    hideENHANCEDSTATUSCODES: true,
    disableReverseLookup: true,
    closeTimeout: 1,
    ...options,
    onConnect(_, done) {
      requests++;
      if (current().mode === "reset") return done(new Refusal(421, "4.3.2 Reset"));
      answer("connect", done);
    },
    onAuth({ username = "", password }, client, done) {
      logins.push({ user: username, secure: client.secure });
      answer("auth", (error) => {
        if (error) done(error);
        else if (username === USER && password === PASSWORD) done(null, { user: username });
        else done(new Refusal(535, "5.7.8 Error: authentication failed"));
      });
    },
    onMailFrom: (_address, _session, done) => answer("mail", done),
    onRcptTo({ address }, client, done) {
      const position = named.get(client.id) ?? 0;
      named.set(client.id, position + 1);
      if (plan.refuse?.includes(position)) {
        return done(new Refusal(550, `5.1.1 <${address}>: Recipient address rejected`));
      }
      answer("rcpt", done);
    },
    onData(stream, client, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { mode = "accept" } = current();
        const id = take(client, Buffer.concat(chunks));
        if (mode === "swallow" || mode === "hang") return;
        if (mode === "error")
          return answer("end", (error) => done(error, `2.0.0 Ok: queued as ${id}`));
        statuses[250] = (statuses[250] ?? 0) + 1;
        timesLeft--;
        later(() => finish(mode, id, socketOf(server, client), done));
      });
    },
  });
  server.on("error", () => {});
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", () => resolve());
  });
  const { port } = server.server.address() as AddressInfo;

  return {
    url: `smtp://127.0.0.1:${port}`,
    port,
    control(next) {
      plan = { ...plan, ...next };
      timesLeft = next.times ?? Number.POSITIVE_INFINITY;
    },
    counts() {
      const accepted = tally.list();
      return {
        requests,
        acceptances: accepted.reduce((sum, { count }) => sum + count, 0),
        doubled: accepted.filter(({ count }) => count > 1).length,
        replayed: 0,
        statuses,
        accepted,
      };
    },
    received: () =>
      deliveries.map(({ from, to, bytes }) => ({
        method: "DATA",
        url: `${from}?${to.join("&")}`,
        headers: {},
        body: bytes.toString("utf8"),
        bytes,
      })),
    deliveries: () => deliveries,
    logins: () => logins,
    reset() {
      [plan, timesLeft] = [{}, Number.POSITIVE_INFINITY];
      [deliveries, logins, statuses, requests, named] = [[], [], {}, 0, new Map()];
      tally.clear();
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const { _socket } of connectionsOf(server)) _socket?.destroy();
      }),
  };
}

const ACCEPTS = new Set([
  "accept",
  "hang",
  "accept_reset",
  "cut",
  "malformed",
  "no_id",
  "oversized",
]);
const OVERSIZED = "x".repeat(1_000_000);

/** Answers an accepted message, as well or badly as the mode says. */
function finish(
  mode: string,
  id: string,
  socket: Socket | undefined,
  done: (error?: Error | null, text?: string) => void,
): void {
  if (mode === "accept_reset") socket?.destroy();
  else if (mode === "cut") socket?.write("250-2.0.0 Ok: qu", () => socket.destroy());
  else if (mode === "malformed") socket?.write("HTTP/1.1 200 OK\r\n");
  else if (mode === "oversized") socket?.write(`250 ${OVERSIZED}\r\n`);
  else done(null, mode === "no_id" ? "OK" : `2.0.0 Ok: queued as ${id}`);
}

interface Connection {
  readonly id: string;
  readonly _socket: Socket | undefined;
}

const connectionsOf = (server: SMTPServer): Connection[] => [
  ...(server.connections as Set<Connection>),
];

/** The server has no public way to break off. */
const socketOf = (server: SMTPServer, { id }: SMTPServerSession): Socket | undefined =>
  connectionsOf(server).find((connection) => connection.id === id)?._socket;

/** An SMTP relay, emulated. */
export const smtpEmulator: ProviderEmulator = {
  certificate: join(FIXTURES, "localhost-cert.pem"),
  start: startSmtpEmulator,
  source: (url) => ({
    settings: {
      provider: "smtp",
      host: "127.0.0.1",
      port: Number(new URL(url).port || 587),
      user: USER,
      secret: "SMTP_PASSWORD",
    },
    secrets: { SMTP_PASSWORD: PASSWORD },
  }),
};
