/**
 * How well addresses are read, on corpora of other projects, beside the two expressions that most
 * programs have: HTML's and zod's.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { registrableOf } from "../../src/verify/lists.ts";
import { readAddress } from "../../src/verify/syntax.ts";
import { corpora } from "./classification.ts";
import {
  DJANGO,
  JSON_SCHEMA,
  type Options,
  type Policy,
  takes,
  validatorPolicy,
} from "./verify-policies.ts";

/** Rows of one corpus, and on how many of them each reading agrees; null: it has none. */
export interface Agreement {
  readonly corpus: string;
  readonly agree: number;
  readonly total: number;
  /** Postern's reading by RFC 5321 alone, without the corpus's policy. */
  readonly plain: number | null;
  readonly html5: number | null;
  readonly zod: number | null;
}

/** A text, what the corpus says of it, and what Postern does. */
export interface Row {
  readonly input: string;
  readonly expected: boolean | string;
  readonly ours: boolean | string;
}

/** https://html.spec.whatwg.org/multipage/input.html#valid-e-mail-address */
const HTML_LABEL = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const HTML = new RegExp(`^[a-zA-Z0-9.!#$%&'*+/=?^_\`{|}~-]+@${HTML_LABEL}(?:\\.${HTML_LABEL})*$`);
const zodEmail = z.email();

const read = (text: string, expected: boolean, policy: Policy): Row => ({
  input: text,
  expected,
  ours: takes(text, policy),
});

function jsonSchema(text: string): Row[] {
  const groups = JSON.parse(text) as { tests: { data: unknown; valid: boolean }[] }[];
  return groups.flatMap(({ tests }) =>
    // Of what is no string the format says nothing.
    tests.flatMap(({ data, valid }) =>
      typeof data === "string" ? [read(data, valid, JSON_SCHEMA)] : [],
    ),
  );
}

function django(text: string): Row[] {
  const { cases } = JSON.parse(text) as {
    cases: { input: string; valid: boolean; validator: string }[];
  };
  return cases.flatMap(({ input, valid, validator }) => {
    const policy = DJANGO[validator];
    return policy === undefined ? [] : [read(input, valid, policy)];
  });
}

function validatorJs(text: string): Row[] {
  const groups = JSON.parse(text) as { args: Options[]; valid?: string[]; invalid?: string[] }[];
  return groups.flatMap(({ args, valid = [], invalid = [] }) => {
    const policy = validatorPolicy(args[0] ?? {});
    if (policy === null) return [];
    return [
      ...valid.map((input) => read(input, true, policy)),
      ...invalid.map((input) => read(input, false, policy)),
    ];
  });
}

function publicSuffix(text: string): Row[] {
  const lines = text.split(/\r?\n/).filter((line) => line !== "" && !line.startsWith("//"));
  return lines.flatMap((line) => {
    const [input = "", expected = ""] = line.split(/\s+/);
    if (input === "null") return [];
    return [{ input, expected, ours: registrableOf(input.toLowerCase()) ?? "null" }];
  });
}

const CORPORA: Readonly<Record<string, (text: string) => Row[]>> = {
  "jsts-email.json": jsonSchema,
  "django.json": django,
  "validatorjs.json": validatorJs,
  "psl-tests.txt": publicSuffix,
};

/**
 * The rows of each corpus that is there, in `verify/` of the folder.
 *
 * @returns by the file's name
 */
export function syntaxRows(folder: string = corpora()): Map<string, Row[]> {
  return new Map(
    Object.entries(CORPORA).flatMap(([name, rowsOf]): [string, Row[]][] => {
      const path = join(folder, "verify", name);
      return existsSync(path) ? [[name, rowsOf(readFileSync(path, "utf8"))]] : [];
    }),
  );
}

/**
 * Agreement with each corpus, in rows.
 *
 * @returns null when none is there
 */
export function syntaxAgreement(folder: string = corpora()): Agreement[] | null {
  const all = syntaxRows(folder);
  if (all.size === 0) return null;
  return Array.from(all, ([corpus, rows]) => {
    const mailboxes = rows.every(({ expected }) => typeof expected === "boolean");
    const count = (agrees: (row: Row) => boolean) => rows.filter(agrees).length;
    return {
      corpus,
      agree: count(({ expected, ours }) => expected === ours),
      total: rows.length,
      plain: mailboxes ? count(({ input, expected }) => readAddress(input).ok === expected) : null,
      html5: mailboxes ? count(({ input, expected }) => HTML.test(input) === expected) : null,
      zod: mailboxes
        ? count(({ input, expected }) => zodEmail.safeParse(input).success === expected)
        : null,
    };
  });
}
