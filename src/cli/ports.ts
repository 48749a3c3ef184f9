/** Whether a port can be had, before anything is built for it. */
import { createServer } from "node:net";

/** Everything local listens here and nowhere else. */
export const HOST = "127.0.0.1";

/** Whether something listens on the port of 127.0.0.1; 0 is always free. */
export function portTaken(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const probe = createServer();
    probe.once("error", () => settle(true));
    probe.listen(port, HOST, () => probe.close(() => settle(false)));
  });
}
