/** Bulk verification from outside: uploads, what becomes of them, their results. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { TaskHint, TaskRef } from "../../../src/core/verification-task.ts";
import type { JobView } from "../../../src/core/verification-view.ts";
import worker from "../../../src/index.ts";
import type { ResultRow } from "../../../src/verify/jobs/rows.ts";
import type { Verification } from "../../../src/verify/verdict.ts";
import { type Client, request, until } from "./client.ts";

/** One line of results as JSON has it. */
export interface Result {
  readonly line: number;
  readonly outcome: "verdict" | "duplicate" | "invalid";
  readonly address: string | null;
  readonly duplicate_of: number | null;
  readonly error: string | null;
  readonly columns: Readonly<Record<string, unknown>> | null;
  readonly verification: Verification | null;
}

export interface ResultPage {
  readonly has_more: boolean;
  readonly complete: boolean;
  readonly next: string | null;
  readonly data: readonly Result[];
}

export type { ResultRow };

/** One account's jobs. */
export class Jobs {
  readonly client: Client;

  constructor(client: Client) {
    this.client = client;
  }

  post(body: BodyInit, type = "text/csv", query = ""): Promise<Response> {
    return request(`/verifications/jobs${query}`, {
      method: "POST",
      token: this.client.token,
      headers: { "content-type": type },
      body,
    });
  }

  /** Uploads a list that must be taken. */
  async start(body: BodyInit, type?: string, query?: string): Promise<JobView> {
    const response = await this.post(body, type, query);
    const view: JobView = await response.json();
    expect(response.status, JSON.stringify(view)).toBe(202);
    return view;
  }

  async read(id: string): Promise<JobView> {
    const response = await this.client.get(`/verifications/jobs/${id}`);
    expect(response.status).toBe(200);
    return response.json();
  }

  act(id: string, action: string): Promise<Response> {
    return this.client.post(`/verifications/jobs/${id}/${action}`, "");
  }

  remove(id: string): Promise<Response> {
    const { token } = this.client;
    return request(`/verifications/jobs/${id}`, { method: "DELETE", token });
  }

  /** The job once it has ended. */
  ended(id: string, patienceMs?: number): Promise<JobView> {
    return until(
      () => this.read(id),
      ({ finished_at }) => finished_at !== null,
      patienceMs,
    );
  }

  results(id: string, query = ""): Promise<Response> {
    return this.client.get(`/verifications/jobs/${id}/results${query}`);
  }

  async page(id: string, query = ""): Promise<ResultPage> {
    const response = await this.results(id, query);
    expect(response.status).toBe(200);
    return response.json();
  }

  /** All results, by pages of `limit`. */
  async pages(id: string, limit: number, query = ""): Promise<Result[]> {
    const all: Result[] = [];
    for (let next: string | null = "0.0"; next !== null; ) {
      const page: ResultPage = await this.page(id, `?limit=${limit}&after=${next}${query}`);
      all.push(...page.data);
      next = page.next;
    }
    return all;
  }

  stub(id: string) {
    return env.JOB.getByName(`${this.client.scope}/${id}`);
  }

  /** The names of a job's files. */
  async files(id: string): Promise<string[]> {
    const prefix = `verification/${this.client.scope}/${id}/`;
    const names: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await env.CONTENT.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
      names.push(...page.objects.map(({ key }) => key.slice(prefix.length)));
      if (!page.truncated) return names;
      cursor = page.cursor;
    }
  }

  hint(id: string, task: TaskRef): TaskHint {
    return { v: 1, scope: this.client.scope, job: id, task };
  }
}

/** Gives messages to the Worker as its queue does; answers how many were acked. */
export async function deliver(...bodies: unknown[]): Promise<number> {
  const messages = bodies.map((body, at) => ({
    ...{ id: `m${at}`, timestamp: new Date(), attempts: 1, body },
  }));
  const batch = createMessageBatch("postern-verify", messages);
  const ctx = createExecutionContext();
  await worker.queue(batch as MessageBatch, env as Parameters<typeof worker.queue>[1]);
  const { explicitAcks } = await getQueueResult(batch, ctx);
  return explicitAcks.length;
}

/** How many events of a job's end were written for an endpoint. */
export async function endsOf(id: string): Promise<unknown[]> {
  const { results } = await env.DB.prepare(
    "SELECT payload FROM webhook_delivery WHERE type = 'verification.finished'",
  ).all<{ payload: string }>();
  return results
    .map(({ payload }) => JSON.parse(payload) as { data: { id: string } })
    .filter(({ data }) => data.id === id);
}
