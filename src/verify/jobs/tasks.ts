/** The kinds of task, each from its claim to its outcome. What rejects is tried again. */
import type { Claim, Outcome, TaskRef, Verdicts } from "../../core/verification-task.ts";
import { verify } from "../pipeline.ts";
import type { Verification } from "../verdict.ts";
import type { JobRef, TaskDeps } from "./ports.ts";
import { readUpload } from "./read.ts";
import {
  domainsFile,
  INPUT,
  isAddress,
  parseRows,
  resultsFile,
  rowsFile,
  rowText,
} from "./rows.ts";

/** An outcome, and how to take back what was written for it when it does not count. */
export interface Work {
  readonly outcome: Outcome;
  readonly undo: (() => Promise<void>) | null;
}

/** Does a task that has been claimed. */
export function work(ref: JobRef, { kind, no }: TaskRef, claim: Claim, deps: TaskDeps) {
  switch (kind) {
    case "read":
      return read(ref, claim, deps);
    case "resolve":
      return resolve(ref, no, claim, deps);
    case "verify":
      return verifyPortion(ref, no, claim, deps);
  }
}

/** What a reader whose rows do not count has written stays until the job is deleted. */
async function read(ref: JobRef, { token, job }: Claim, deps: TaskDeps): Promise<Work> {
  const { files, random } = deps;
  const input = await files.open(ref, INPUT);
  if (input === null) {
    const error = { code: "upload_missing", message: "The upload is not there any more." };
    return { outcome: { kind: "refused", error }, undo: null };
  }
  const { exempt } = deps.verify(ref.scope);
  const sink = {
    rows: (no: number, text: string) => files.write(ref, rowsFile(token, no), text),
    domains: (no: number, text: string) => files.write(ref, domainsFile(token, no), text),
  };
  const summary = await readUpload(input, job, sink, {
    random,
    ...(exempt === undefined ? {} : { exempt }),
  });
  const outcome: Outcome = summary.ok
    ? { kind: "read", summary: summary.value }
    : { kind: "refused", error: summary.error };
  return { outcome, undo: null };
}

/** Brings what is known of domains into the shared caches, so that each is looked up once. */
async function resolve(ref: JobRef, no: number, claim: Claim, deps: TaskDeps): Promise<Work> {
  const text = await deps.files.read(ref, domainsFile(claim.readToken, no));
  if (text === null) throw new Error("a list of domains is not there");
  const { policy } = claim.job;
  await deps.verify(ref.scope).facts(text.split("\n"), { policy, lookup: true });
  return { outcome: { kind: "resolve" }, undo: null };
}

async function verifyPortion(ref: JobRef, no: number, claim: Claim, deps: TaskDeps): Promise<Work> {
  const { files } = deps;
  const { token, readToken, job } = claim;
  const text = await files.read(ref, rowsFile(readToken, no));
  if (text === null) throw new Error("a portion of rows is not there");
  const rows = parseRows(text);
  const addresses = rows.filter(isAddress).map(({ address }) => address);
  const ask = { policy: job.policy, probe: job.probe, lookup: true };
  const found = await verify(ref.scope, addresses, ask, deps.verify(ref.scope));
  let next = 0;
  const results = rows.map((row) => {
    const verification = isAddress(row) ? found[next++] : undefined;
    return rowText(verification === undefined ? row : { ...row, verification });
  });
  const name = resultsFile(no, token);
  await files.write(ref, name, results.join(""));
  const outcome: Outcome = { kind: "verify", verdicts: verdictsOf(found) };
  return { outcome, undo: () => files.remove(ref, name) };
}

/** How many there are of each. */
export function verdictsOf(found: readonly Verification[]): Verdicts {
  const status: Record<string, number> = {};
  const recommendation: Record<string, number> = {};
  const reason: Record<string, number> = {};
  for (const one of found) {
    status[one.status] = (status[one.status] ?? 0) + 1;
    recommendation[one.recommendation] = (recommendation[one.recommendation] ?? 0) + 1;
    reason[one.reason] = (reason[one.reason] ?? 0) + 1;
  }
  return { status, recommendation, reason };
}
