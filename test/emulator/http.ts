/**
 * What the emulators of HTTP APIs have in common: they listen, count, remember keys, and fail in
 * every way a connection can. What a request must look like, and what is answered, is each wire's.
 */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type Counts,
  createTally,
  type Emulator,
  type Mode,
  type Plan,
  type ReceivedRequest,
} from "./emulator.ts";
import { isAnswer, type Wire, type WireAnswer } from "./wire.ts";

export interface HttpEmulatorOptions {
  /** 0 for any free one. */
  readonly port?: number;
  /** How long an idempotency key is remembered. */
  readonly windowMs?: number;
}

interface Remembered {
  readonly digest: string;
  readonly answer: WireAnswer;
  readonly atMs: number;
  /** Until the first call has been answered, a second is refused as concurrent. */
  answered: boolean;
}

const DAY_MS = 86_400_000;
const RECEIVED_MAX = 100;
const OVERSIZED = " ".repeat(1_000_000);
const START = { mode: "accept" as Mode, delayMs: 0, deduplicates: true };

/** Starts one on 127.0.0.1. */
export async function startHttpEmulator(
  wire: Wire,
  options: HttpEmulatorOptions = {},
): Promise<Emulator> {
  const windowMs = options.windowMs ?? DAY_MS;
  const nowMs = () => performance.timeOrigin + performance.now();
  const tally = createTally(nowMs);
  const keys = new Map<string, Remembered>();
  let plan: Plan & typeof START = { ...START };
  let timesLeft = Number.POSITIVE_INFINITY;
  let received: ReceivedRequest[] = [];
  let requests = 0;
  let replayed = 0;
  let statuses: Record<string, number> = {};

  function control(next: Plan): void {
    plan = { ...plan, ...next };
    timesLeft = next.times ?? Number.POSITIVE_INFINITY;
  }

  function reset(): void {
    plan = { ...START };
    timesLeft = Number.POSITIVE_INFINITY;
    keys.clear();
    tally.clear();
    [received, requests, replayed, statuses] = [[], 0, 0, {}];
  }

  function counts(): Counts {
    const accepted = tally.list();
    return {
      requests,
      acceptances: accepted.reduce((sum, message) => sum + message.count, 0),
      doubled: accepted.filter((message) => message.count > 1).length,
      replayed,
      statuses,
      accepted,
    };
  }

  /** The mode of the next request; counts it against `times`. */
  function nextMode(): Mode {
    if (timesLeft <= 0) plan = { ...plan, mode: "accept" };
    else timesLeft--;
    return plan.mode;
  }

  function answer(response: ServerResponse, given: WireAnswer): void {
    const { status, body, headers } = given;
    statuses[status] = (statuses[status] ?? 0) + 1;
    const retryAfter = plan.retryAfter ?? null;
    const limited = status === 420 || status === 429 || status === 503;
    response.writeHead(status, {
      "content-type": "application/json",
      ...(limited && retryAfter !== null ? { "retry-after": retryAfter } : {}),
      ...headers,
    });
    response.end(body);
  }

  /** Validates and accepts, or recognises a repeat. */
  function take(request: ReceivedRequest): Remembered | WireAnswer {
    const messages = wire.take(request, plan);
    if (isAnswer(messages)) return messages;
    const key = plan.deduplicates ? wire.keyOf?.(request) : undefined;
    const digest = createHash("sha1").update(request.bytes).digest("base64");
    const known = key === undefined ? undefined : keys.get(key);
    if (known !== undefined && nowMs() - known.atMs < windowMs) {
      if (known.digest !== digest) return wire.conflict?.(false) ?? known;
      if (!known.answered) return wire.conflict?.(true) ?? known;
      replayed++;
      return wire.repeated ?? known;
    }
    const identified = messages.map((message) => ({
      ...message,
      id: message.refused === true ? null : wire.newId(),
    }));
    for (const { key: ours, subject, id } of identified) {
      if (id !== null) tally.accept(ours, subject, id);
    }
    const fresh = {
      digest,
      answer: wire.accept(identified, request),
      atMs: nowMs(),
      answered: false,
    };
    if (key !== undefined) keys.set(key, fresh);
    return fresh;
  }

  function handle(
    request: ReceivedRequest,
    socket: IncomingMessage["socket"],
    response: ServerResponse,
    mode: Mode,
  ) {
    if (mode === "swallow") return;
    if (mode === "redirect") {
      const headers = { location: request.url };
      return later(() => answer(response, { status: 307, body: "", headers }));
    }
    if (mode === "error_inside" && wire.inside !== null) {
      const { inside } = wire;
      return later(() => answer(response, inside));
    }
    const refusal = refusalOf(mode, plan);
    if (refusal !== null) return later(() => answer(response, wire.error(refusal)));
    const taken = take(request);
    if (isAnswer(taken)) return later(() => answer(response, taken));
    if (mode === "hang") {
      taken.answered = true;
      return;
    }
    later(() => {
      taken.answered = true;
      const whole = taken.answer;
      if (mode === "accept_reset") socket.resetAndDestroy();
      else if (mode === "cut") cut(response, whole);
      else if (mode === "malformed") answer(response, { ...whole, body: whole.body.slice(0, -1) });
      else if (mode === "no_id") answer(response, wire.withoutId);
      else if (mode === "oversized") {
        answer(response, { ...whole, body: OVERSIZED + whole.body });
      } else answer(response, whole);
    });
  }

  function later(act: () => void): void {
    if (plan.delayMs > 0) setTimeout(act, plan.delayMs);
    else act();
  }

  function handleControl(request: ReceivedRequest, response: ServerResponse): void {
    const say = (value: unknown) => response.end(JSON.stringify(value));
    if (request.url === "/control/counts") say(counts());
    else if (request.url === "/control/reset") say(reset() ?? {});
    else {
      control(JSON.parse(request.body) as Plan);
      say(plan);
    }
  }

  function handleAny(incoming: IncomingMessage, bytes: Buffer, response: ServerResponse): void {
    const request: ReceivedRequest = {
      method: incoming.method ?? "",
      url: incoming.url ?? "",
      headers: incoming.headers,
      body: bytes.toString("utf8"),
      bytes,
    };
    if (request.url.startsWith("/control")) {
      handleControl(request, response);
      return;
    }
    const found = wire.query?.(request, tally.list()) ?? null;
    if (found !== null) {
      answer(response, found);
      return;
    }
    const mode = nextMode();
    requests++;
    if (received.push(request) > RECEIVED_MAX) received.shift();
    handle(request, incoming.socket, response, mode);
  }

  const server = createServer((request, response) => {
    // Reset as soon as it is known that there is a request; its body is never read.
    if (plan.mode === "reset" && timesLeft > 0 && request.url?.startsWith("/control") !== true) {
      nextMode();
      requests++;
      request.socket.resetAndDestroy();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => handleAny(request, Buffer.concat(chunks), response));
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    control,
    counts,
    received: () => received,
    reset,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The plan of the error a mode stands for; null when it does not refuse with one. */
function refusalOf(mode: Mode, plan: Plan): Plan | null {
  if (mode === "refuse") return { status: 503 };
  if (mode === "throttle") return { status: 429, message: "Too many requests" };
  return mode === "error" ? plan : null;
}

/** Promises the whole body, writes half of it and ends the connection. */
function cut(response: ServerResponse, { status, body }: WireAnswer): void {
  const whole = body === "" ? "{}" : body;
  response.writeHead(status, { "content-length": String(whole.length) });
  response.write(whole.slice(0, whole.length / 2), () => response.socket?.destroy());
}
