/**
 * A strict emulator of Resend's `POST /emails`: wire format, errors, idempotency keys, and every
 * way a connection can fail. As a process, `node test/emulator/resend.ts --port 0 [--delay 20]`
 * prints `{"port":N}`; `POST /control` takes a plan, `POST /control/reset` forgets everything (the
 * delay too), `GET /control/counts` tells the truth.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import {
  type Counts,
  createTally,
  type Emulator,
  type Mode,
  type Plan,
  type ReceivedRequest,
} from "./emulator.ts";
import { type ApiError, checkEmail, checkKey } from "./resend-validate.ts";

export interface ResendEmulatorOptions {
  /** 0 for any free one. */
  readonly port?: number;
  /** The only key that passes; without it any that begins with `re_`. */
  readonly apiKey?: string;
  /** How long an idempotency key is remembered; Resend's is 24 hours. */
  readonly windowMs?: number;
}

interface Remembered {
  readonly digest: string;
  readonly id: string;
  readonly atMs: number;
  /** Until the first call has been answered, a second is refused as concurrent. */
  answered: boolean;
}

const DAY_MS = 86_400_000;
const RECEIVED_MAX = 100;
const OVERSIZED = "x".repeat(1_000_000);
const START = { mode: "accept" as Mode, delayMs: 0, deduplicates: true };

/** Starts one on 127.0.0.1. */
export async function startResendEmulator(options: ResendEmulatorOptions = {}): Promise<Emulator> {
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

  function answer(
    response: ServerResponse,
    status: number,
    body: string,
    headers: Record<string, string> = {},
  ): void {
    statuses[status] = (statuses[status] ?? 0) + 1;
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(body);
  }

  function fail(response: ServerResponse, error: ApiError): void {
    const retryAfter = plan.retryAfter ?? null;
    const limited = error.statusCode === 429 || error.statusCode === 503;
    const headers = limited && retryAfter !== null ? { "retry-after": retryAfter } : {};
    answer(response, error.statusCode, JSON.stringify(error), headers as Record<string, string>);
  }

  /** Validates and accepts, or recognises a repeat. */
  function take(request: IncomingMessage, body: string): Remembered | ApiError {
    const problem = checkRequest(request, options.apiKey);
    if (problem !== null) return problem;
    let parsed: unknown;
    try {
      parsed = JSON.parse(body);
    } catch {
      return { statusCode: 400, name: "validation_error", message: "The body is not valid JSON." };
    }
    const email = checkEmail(parsed);
    if ("statusCode" in email) return email;

    const header = request.headers["idempotency-key"];
    const key = plan.deduplicates && header !== undefined ? String(header) : undefined;
    const digest = createHash("sha1").update(body).digest("base64");
    const known = key === undefined ? undefined : keys.get(key);
    if (known !== undefined && nowMs() - known.atMs < windowMs) {
      if (known.digest !== digest) {
        return conflict("invalid_idempotent_request", "Same idempotency key, different payload.");
      }
      if (!known.answered) {
        return conflict("concurrent_idempotent_requests", "The same key is being processed.");
      }
      replayed++;
      return known;
    }
    const fresh = { digest, id: randomUUID(), atMs: nowMs(), answered: false };
    if (key !== undefined) keys.set(key, fresh);
    tally.accept(email.posternId ?? email.subject, email.subject, fresh.id);
    return fresh;
  }

  function handle(request: IncomingMessage, response: ServerResponse, body: string, mode: Mode) {
    if (mode === "swallow") return;
    const refusal = refusalOf(mode, plan);
    if (refusal !== null) return later(() => fail(response, refusal));
    if (mode === "redirect") {
      return later(() => answer(response, 307, "", { location: "/emails" }));
    }
    if (mode === "error_inside") {
      const inside = { data: null, error: { name: "application_error", message: "inside" } };
      return later(() => answer(response, 200, JSON.stringify(inside)));
    }
    const taken = take(request, body);
    if ("statusCode" in taken) return later(() => fail(response, taken));
    if (mode === "hang") {
      taken.answered = true;
      return;
    }
    later(() => {
      taken.answered = true;
      const whole = JSON.stringify({ id: taken.id });
      if (mode === "accept_reset") request.socket.resetAndDestroy();
      else if (mode === "cut") cut(response, whole);
      else if (mode === "malformed") answer(response, 200, whole.slice(0, -1));
      else if (mode === "no_id") answer(response, 200, "{}");
      else if (mode === "oversized") {
        answer(response, 200, JSON.stringify({ id: taken.id, padding: OVERSIZED }));
      } else answer(response, 200, whole);
    });
  }

  function later(act: () => void): void {
    if (plan.delayMs > 0) setTimeout(act, plan.delayMs);
    else act();
  }

  function handleControl(request: IncomingMessage, response: ServerResponse, body: string): void {
    const json = (value: unknown) => response.end(JSON.stringify(value));
    if (request.url === "/control/counts") json(counts());
    else if (request.url === "/control/reset") json(reset() ?? {});
    else {
      control(JSON.parse(body) as Plan);
      json(plan);
    }
  }

  const server = createServer((request, response) => {
    const isControl = request.url?.startsWith("/control") === true;
    const mode = isControl ? "accept" : nextMode();
    if (!isControl) requests++;
    if (mode === "reset") {
      request.socket.resetAndDestroy();
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => {});
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      if (isControl) return handleControl(request, response, body);
      if (received.push({ headers: request.headers, body }) > RECEIVED_MAX) received.shift();
      handle(request, response, body, mode);
    });
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

function checkRequest(request: IncomingMessage, apiKey: string | undefined): ApiError | null {
  const { headers, method, url } = request;
  if (url !== "/emails") return { statusCode: 404, name: "not_found", message: "Not found" };
  if (method !== "POST") {
    return { statusCode: 405, name: "method_not_allowed", message: "Method not allowed" };
  }
  const key = checkKey(headers.authorization, apiKey);
  if (key !== null) return key;
  if (headers["user-agent"] === undefined) {
    return { statusCode: 403, name: "validation_error", message: "User-Agent is missing" };
  }
  if (!/^application\/json\b/.test(headers["content-type"] ?? "")) {
    return { statusCode: 400, name: "validation_error", message: "Content-Type must be JSON" };
  }
  const idempotency = headers["idempotency-key"];
  if (idempotency !== undefined && (idempotency === "" || idempotency.length > 256)) {
    const message = "The idempotency key has 1 to 256 characters.";
    return { statusCode: 400, name: "invalid_idempotency_key", message };
  }
  return null;
}

/** The refusal a mode stands for; null when it does not refuse with an error. */
function refusalOf(mode: Mode, plan: Plan): ApiError | null {
  switch (mode) {
    case "refuse":
      return { statusCode: 503, name: "application_error", message: "Service unavailable" };
    case "throttle":
      return { statusCode: 429, name: "rate_limit_exceeded", message: "Too many requests" };
    case "error":
      return {
        statusCode: plan.status ?? 500,
        name: plan.name ?? "application_error",
        message: plan.message ?? "",
      };
    default:
      return null;
  }
}

const conflict = (name: string, message: string): ApiError => ({ statusCode: 409, name, message });

/** Promises the whole body, writes half of it and ends the connection. */
function cut(response: ServerResponse, whole: string): void {
  response.writeHead(200, { "content-length": String(whole.length) });
  response.write(whole.slice(0, whole.length / 2), () => response.socket?.destroy());
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: "string", default: "0" }, delay: { type: "string", default: "0" } },
  });
  const emulator = await startResendEmulator({ port: Number(values.port) });
  emulator.control({ delayMs: Number(values.delay) });
  process.stdout.write(`${JSON.stringify({ port: emulator.port })}\n`);
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(0));
}
