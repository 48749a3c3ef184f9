import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createClient } from "../../src/cli/client.ts";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

/** Serves each request with the next handler, and the last one from then on. */
async function serve(
  ...handlers: ((request: IncomingMessage, response: ServerResponse) => void)[]
): Promise<string> {
  let next = 0;
  server = createServer((request, response) => {
    handlers[Math.min(next++, handlers.length - 1)]?.(request, response);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ok = (_: IncomingMessage, response: ServerResponse): void => {
  response.end('{"id":"1"}');
};

test("429 is repeated no sooner than Retry-After says", async () => {
  const url = await serve((_, response) => {
    response.writeHead(429, { "retry-after": "1" }).end("{}");
  }, ok);
  const client = createClient(url, "key");
  const started = performance.now();
  expect(await client.send("POST", "/emails", {}, "a")).toMatchObject({ status: 200 });
  expect(performance.now() - started).toBeGreaterThanOrEqual(990);
  client.close();
});

test("503 and a broken connection are repeated with the same idempotency key", async () => {
  const keys: unknown[] = [];
  const note = (request: IncomingMessage): void =>
    void keys.push(request.headers["idempotency-key"]);
  const url = await serve(
    (request, response) => {
      note(request);
      response.writeHead(503).end();
    },
    (request) => {
      note(request);
      request.socket.destroy();
    },
    (request, response) => {
      note(request);
      ok(request, response);
    },
  );
  const client = createClient(url, "key");
  expect((await client.send("POST", "/emails", {}, "one")).body).toEqual({ id: "1" });
  expect(keys).toEqual(["one", "one", "one"]);
  client.close();
});

test("any other refusal is the caller's to read, at once", async () => {
  const url = await serve((_, response) => {
    response.writeHead(422).end('{"name":"missing_required_field"}');
  });
  const client = createClient(url, "key");
  expect(await client.send("POST", "/emails", {})).toMatchObject({
    status: 422,
    body: { name: "missing_required_field" },
  });
  client.close();
});

test("connections are kept, and there are never more than allowed", async () => {
  const sockets = new Set<unknown>();
  const url = await serve((request, response) => {
    sockets.add(request.socket);
    setTimeout(() => ok(request, response), 5);
  });
  const client = createClient(url, "key", 3);
  await Promise.all(Array.from({ length: 30 }, () => client.send("GET", "/")));
  expect(sockets.size).toBe(3);
  client.close();
});
