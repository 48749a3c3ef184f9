/** TCP as `connect()` of the Workers runtime gives it, over Node's own sockets. */
import { type Socket, connect as tcp } from "node:net";
import { connect as tls } from "node:tls";
import type { Connect, TcpSocket } from "../../src/providers/provider.ts";

/**
 * Makes a `Connect`.
 *
 * @param ca PEM of a certificate that is trusted; without it, those that Node trusts
 */
export const nodeConnect =
  (ca?: string): Connect =>
  ({ hostname, port }, { secureTransport }) => {
    const trusted = ca === undefined ? {} : { ca };
    if (secureTransport === "on") {
      const socket = tls({ host: hostname, port, ...trusted });
      return wrap(socket, once(socket, "secureConnect"), () => {
        throw new TypeError("already encrypted");
      });
    }
    const socket = tcp({ host: hostname, port });
    return wrap(socket, once(socket, "connect"), () => {
      const encrypted = tls({ socket, host: hostname, ...trusted });
      return wrap(encrypted, once(encrypted, "secureConnect"), () => {
        throw new TypeError("already encrypted");
      });
    });
  };

/** Resolves with the event; rejects with the error that comes before it. */
function once(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once(event, () => resolve());
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
}

/** A socket's two streams. `upgrade` starts TLS over the socket, once they have let go of it. */
function wrap(socket: Socket, opened: Promise<void>, upgrade: () => TcpSocket): TcpSocket {
  let detach = (): void => {};
  const readable = new ReadableStream<Uint8Array>({
    start(controller) {
      const listeners = {
        data: (chunk: Buffer) => {
          controller.enqueue(new Uint8Array(chunk));
          if ((controller.desiredSize ?? 0) <= 0) socket.pause();
        },
        end: () => settle(() => controller.close()),
        close: () => settle(() => controller.close()),
        error: (error: Error) => settle(() => controller.error(error)),
      };
      for (const [event, listener] of Object.entries(listeners)) socket.on(event, listener);
      detach = () => {
        for (const [event, listener] of Object.entries(listeners)) socket.off(event, listener);
      };
    },
    pull: () => void socket.resume(),
    cancel: () => void socket.destroy(),
  });
  const writable = new WritableStream<Uint8Array>({
    write: async (chunk) => {
      await opened;
      await new Promise<void>((resolve, reject) => {
        socket.write(chunk, (error) => (error ? reject(error) : resolve()));
      });
    },
  });
  return {
    readable,
    writable,
    opened,
    closed: new Promise((resolve) => socket.once("close", () => resolve(null))),
    close: async () => {
      socket.end();
      socket.destroySoon();
    },
    startTls: () => {
      detach();
      socket.pause();
      return upgrade();
    },
  };
}

/** A stream that has ended by itself cannot be ended again; that it has is all that is wanted. */
function settle(end: () => void): void {
  try {
    end();
  } catch {
    // Already closed or errored.
  }
}
