import { spawnSync } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { parseAnswer, request, run, upTo } from "./load.ts";
import { dollars, operations } from "./prices.ts";
import { latency, median, percentile } from "./stats.ts";

describe("the figures", () => {
  it("a percentile is a value that was measured, by nearest rank", () => {
    const values = Array.from({ length: 100 }, (_, i) => 100 - i);
    expect(percentile(values, 0.5)).toBe(50);
    expect(percentile(values, 0.99)).toBe(99);
    expect(percentile([7], 0.99)).toBe(7);
  });

  it("a median is not moved by one outlier", () => {
    expect(median([3, 1, 1_000])).toBe(3);
    expect(median([1, 2, 3, 4])).toBe(2.5);
  });

  it("no samples give no figure", () => {
    expect(latency([])).toEqual({ p50_ms: Number.NaN, p99_ms: Number.NaN, samples: 0 });
  });
});

describe("the bill", () => {
  it("adds what every object wrote and leaves the provider's own work out", () => {
    const meters = { "do_rows_written/Outbox": 600, "do_rows_written/Source": 400 };
    const of = operations({ ...meters, "do_seconds/Outbox": 10, "do_seconds/excluded": 99 }, 100);
    expect(of.do_rows_written).toBe(10);
    expect(of.do_gb_seconds).toBeCloseTo(0.0128);
    expect(dollars(of, 1_000)).toBeCloseTo(0.01 + 0.0128 * 12.5e-3);
  });

  it("a meter without a price stops the bench", () => {
    expect(() => operations({ "coffees/Outbox": 1 }, 1)).toThrow("coffees/Outbox");
  });
});

describe("the client", () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  it.each([
    ["counted", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\u00e9\u00e9"],
    [
      "chunked",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\u00e9\u00e9\r\n0\r\n\r\n",
    ],
  ])("a %s answer is whole at its last byte and not before", (_kind, text) => {
    const bytes = Buffer.from(text);
    for (let end = 0; end < bytes.length; end++) {
      expect(parseAnswer(bytes.subarray(0, end))).toBeUndefined();
    }
    expect(parseAnswer(bytes)).toEqual({ status: 200, body: "\u00e9\u00e9", close: false });
  });

  it("answers each request once, and tells of those whose connection broke", async () => {
    const bodies: string[] = [];
    const server = createServer((incoming, response) => {
      let body = "";
      incoming.on("data", (part) => {
        body += part;
      });
      incoming.on("end", () => {
        bodies.push(body);
        if (body === "13") incoming.socket.destroy();
        else response.end("{}");
      });
    });
    closing.push(() => void server.close());
    await new Promise<void>((done) => void server.listen(0, "127.0.0.1", done));
    const origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const broken: number[] = [];
    const result = await run({
      origin,
      connections: 4,
      next: upTo(100),
      request: (index) => request(origin, "/", {}, String(index)),
      onBroken: (index) => broken.push(index),
    });
    expect(result.statuses).toEqual({ 200: 99 });
    expect(broken).toEqual([13]);
    expect(new Set(bodies).size).toBe(100);
  });
});

describe("the command", () => {
  it("an unknown bench is told the names and ends with 2", () => {
    const script = join(import.meta.dirname, "run.ts");
    const { status, stderr } = spawnSync(process.execPath, [script, "speed"], { encoding: "utf8" });
    expect(stderr).toContain("accept|cost|pipeline|chaos");
    expect(status).toBe(2);
  });
});
