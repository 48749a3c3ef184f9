import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { syntaxAgreement, syntaxRows } from "../bench/verify-syntax.ts";

/** Corpora of our own, in the forms that the outside ones have; some rows are wrong on purpose. */
const OWN: Readonly<Record<string, string>> = {
  "jsts-email.json": JSON.stringify([
    {
      tests: [
        { data: 7, valid: true },
        { data: "ada@localhost", valid: true },
        { data: '"a b"@mail.com', valid: true },
        { data: "jos\u00e9@mail.com", valid: false },
        { data: "ada@mail..com", valid: true },
      ],
    },
  ]),
  "django.json": JSON.stringify({
    cases: [
      { input: "ada@localhost", valid: true, validator: "validate_email" },
      { input: "ada@intranet", valid: false, validator: "validate_email" },
      { input: "ada@[2001:db8::2]", valid: true, validator: "validate_email" },
      { input: '"a\tb"@mail.com', valid: true, validator: "validate_email" },
      { input: "jos\u00e9@mail.com", valid: false, validator: "validate_email" },
      { input: "jos\u00e9@mail.com", valid: true, validator: "validate_email_utf8" },
      { input: "ada@mail.com ", valid: false, validator: "validate_email" },
      { input: "ada", valid: true, validator: "of_another_kind" },
    ],
  }),
  "validatorjs.json": JSON.stringify([
    { args: [], valid: ["ada@mail.com"], invalid: ["ada@[8.8.8.8]", "ada@mail.c", "ada@mail"] },
    { args: [{ allow_ip_domain: true }], valid: ["ada@[8.8.8.8]", "ada@8.8.8.8"], invalid: [] },
    { args: [{ require_tld: false }], valid: ["ada@mail"] },
    { args: [{ allow_underscores: true }], valid: ["ada@my_mail.com"] },
    { args: [{ ignore_max_length: true }], valid: [`${"a".repeat(80)}@mail.com`] },
    {
      args: [{ require_display_name: true }],
      valid: ["Ada L. <ada@mail.com>"],
      invalid: ["ada@mail.com", "Ada < ada@mail.com>", "<ada@mail.com>"],
    },
    { args: [{ host_blacklist: ["mail.com"] }], invalid: ["ada@mail.com"] },
  ]),
  "psl-tests.txt": "// of our own\n\nnull null\nWWW.Mail.COM mail.com\ncom null\n.mail.com null\n",
};

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-corpora-"));
  mkdirSync(join(folder, "verify"));
  for (const [name, text] of Object.entries(OWN)) writeFileSync(join(folder, "verify", name), text);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("agreement with corpora", () => {
  test("counts the rows that the reading and the two expressions agree with", () => {
    expect(syntaxAgreement(folder)).toEqual([
      { corpus: "jsts-email.json", agree: 3, total: 4, plain: 1, html5: 2, zod: 1 },
      { corpus: "django.json", agree: 7, total: 7, plain: 2, html5: 3, zod: 3 },
      { corpus: "validatorjs.json", agree: 13, total: 13, plain: 5, html5: 7, zod: 7 },
      { corpus: "psl-tests.txt", agree: 3, total: 3, plain: null, html5: null, zod: null },
    ]);
  });

  test("shows the rows that differ", () => {
    const rows = syntaxRows(folder).get("jsts-email.json") ?? [];
    expect(rows.filter(({ expected, ours }) => expected !== ours)).toEqual([
      { input: "ada@mail..com", expected: true, ours: false },
    ]);
  });

  test("is null where there are none", () => {
    expect(syntaxAgreement(join(folder, "nowhere"))).toBeNull();
  });
});
