/** A relay that answers each command with given bytes, right or wrong, and keeps what it read. */
import { type AddressInfo, createServer, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { CERTIFICATE, KEY } from "../emulator/smtp.ts";

/** What is done at a command: bytes are written; null breaks off. */
export type Step = string | null | ((socket: Socket) => void);

/** Steps by verb; `greeting` at the start, `.` at the end of a message. */
export type Script = Readonly<Record<string, Step>>;

const USUAL: Script = {
  greeting: "220 relay.example ESMTP\r\n",
  EHLO: "250-relay.example\r\n250 8BITMIME\r\n",
  HELO: "250 relay.example\r\n",
  STARTTLS: "220 Go ahead\r\n",
  MAIL: "250 2.1.0 Ok\r\n",
  RCPT: "250 2.1.5 Ok\r\n",
  DATA: "354 Go on\r\n",
  ".": "250 2.0.0 Ok: queued as SCRIPT1\r\n",
  RSET: "250 2.0.0 Ok\r\n",
  QUIT: "221 2.0.0 Bye\r\n",
};

/** A running one. `lines` are the commands, with "TLS " before those that came encrypted. */
export interface ScriptedRelay extends AsyncDisposable {
  readonly port: number;
  readonly lines: readonly string[];
  /** What is open still. */
  open(): number;
}

/** Starts one on 127.0.0.1; a step that is not given is that of a relay that takes everything. */
export async function scriptedRelay(script: Script): Promise<ScriptedRelay> {
  const steps = { ...USUAL, ...script };
  const lines: string[] = [];
  const sockets = new Set<Socket>();

  function act(verb: string, socket: Socket): void {
    const step = steps[verb];
    if (step === undefined) socket.write("502 5.5.1 Unknown command\r\n");
    else if (step === null) socket.destroy();
    else if (typeof step === "function") step(socket);
    else socket.write(step);
  }

  function serve(socket: Socket, mark: string): void {
    let rest = "";
    let inData = false;
    const read = (chunk: Buffer): void => {
      rest += chunk.toString("latin1");
      for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (inData && line !== ".") continue;
        if (!inData) lines.push(mark + line);
        const verb = inData ? "." : (line.split(" ")[0] ?? "").toUpperCase();
        inData = verb === "DATA" && steps.DATA === USUAL.DATA;
        act(verb, socket);
        if (verb === "STARTTLS" && mark === "") {
          socket.off("data", read);
          const secure = { isServer: true, key: KEY, cert: CERTIFICATE };
          const encrypted = new TLSSocket(socket, secure);
          encrypted.on("error", () => {});
          serve(encrypted, "TLS ");
          return;
        }
      }
    };
    socket.on("data", read);
  }

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    act("greeting", socket);
    serve(socket, "");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    lines,
    open: () => sockets.size,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
