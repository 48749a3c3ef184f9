import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ROOT } from "../../src/cli/paths.ts";
import { localSecrets } from "../../src/cli/secrets.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-secrets-"));
  path = join(folder, ".dev.vars");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("secrets are made once, long, and for their owner's eyes", () => {
  const first = localSecrets(path);
  expect(first.made).toEqual(["POSTERN_SECRET", "POSTERN_ADMIN_KEY"]);
  expect(first.secrets.POSTERN_SECRET.length).toBeGreaterThanOrEqual(32);
  expect(first.secrets.POSTERN_ADMIN_KEY).not.toBe(first.secrets.POSTERN_SECRET);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(localSecrets(path)).toEqual({ secrets: first.secrets, made: [] });
});

test("what the file holds already stays, and only what is missing is added", () => {
  writeFileSync(path, '# mine\nPOSTERN_SECRET="kept"\nRESEND_API_KEY="re_1"\n');
  const { secrets, made } = localSecrets(path);
  expect(made).toEqual(["POSTERN_ADMIN_KEY"]);
  expect(secrets).toMatchObject({ POSTERN_SECRET: "kept", RESEND_API_KEY: "re_1" });
  expect(readFileSync(path, "utf8")).toMatch(
    /^# mine\nPOSTERN_SECRET="kept"\nRESEND_API_KEY="re_1"\n/,
  );
});

test("a copy of the example file is filled in", () => {
  writeFileSync(path, readFileSync(join(ROOT, ".dev.vars.example"), "utf8"));
  const { secrets } = localSecrets(path);
  expect(localSecrets(path)).toEqual({ secrets, made: [] });
  expect(readFileSync(path, "utf8").match(/^POSTERN_SECRET=/gm)).toHaveLength(1);
});
