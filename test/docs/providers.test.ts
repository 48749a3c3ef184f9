import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { parseConfig } from "../../src/config.ts";
import type { Extras, Outcome, OutgoingMessage, Provider } from "../../src/providers/provider.ts";
import { createProvider, lanesOf, sourceSettings } from "../../src/providers/registry.ts";
import { FULL } from "../contract/messages.ts";
import { readToml } from "../support/toml.ts";

const root = join(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/providers.md"), "utf8");

/** Settings that the page explains once for all. */
const COMMON: ReadonlySet<string> = new Set([
  ...["provider", "rate", "sites", "time_limit_ms", "webhook"],
]);
/** What concerns webhooks: their refusals and events have words that no outcome has. */
const HOOKS = /\bfrom "\.\.?\/hooks\.ts"/;

type Shape = Readonly<Record<string, unknown>>;
interface Setting {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Setting>>;
}

/** The settings of each provider, those within settings too, with their defaults. */
const settingsOf = new Map(
  sourceSettings.options.map((schema) => {
    const { properties = {} } = z.toJSONSchema(schema, { io: "input" }) as Setting;
    const all = Object.entries(properties).filter(([name]) => !COMMON.has(name));
    const inner = all.flatMap(([, one]) => Object.entries(one.properties ?? {}));
    return [schema.shape.provider.value as string, [...all, ...inner]];
  }),
);
const NAMES = [...settingsOf.keys()];

/** Each provider's part of the page, by the name that heads it. */
const sections = new Map(
  page
    .split(/^(?=##)/m)
    .flatMap((part) => [...part.matchAll(/^### (\S+)\n/g)].map(([, name]) => [name ?? "", part])),
);
const blockOf = (name: string): string =>
  /^```toml\n(.*?)^```$/ms.exec(sections.get(name) ?? "")?.[1] ?? "";

/** All blocks, as the tool that deploys them reads them. */
const { sources } = (
  readToml(NAMES.map(blockOf).join("\n")) as {
    readonly POSTERN: { readonly sources: Readonly<Record<string, Shape>> };
  }
).POSTERN;

/** The values that a block marks as names of secrets. */
const secretsOf = (name: string): string[] =>
  [...blockOf(name).matchAll(/= "(\w+)" +# secret$/gm)].map(([, secret = ""]) => secret);

interface Means {
  /** A secret that is not set. */
  readonly missing?: string;
  /** What a binding that sends mail does. */
  readonly binding?: (message: unknown) => void;
}

function make(name: string, fields: Shape = {}, { missing, binding }: Means = {}) {
  const given = new Set([...secretsOf(name), "EXTRA_SECRET"].filter((one) => one !== missing));
  return createProvider(sourceSettings.parse({ ...sources[name], ...fields }), {
    source: name,
    // Of a shape that every provider takes for one of its own.
    secret: (secret) => (given.has(secret) ? "ABCDEFGHIJKLMNOP" : null),
    sandbox: () => Promise.resolve(null),
    email: () => ({
      send: async (message) => {
        binding?.(message);
        return {};
      },
    }),
    connect: () => {
      throw new Error("no TCP here");
    },
  });
}

function adapter(name: string, fields: Shape = {}): Provider {
  const made = make(name, fields);
  if (!made.ok) throw new Error(made.error);
  return made.value;
}

/** The tables' cells, by provider and then by what heads the column. */
const cells = new Map<string, Map<string, string>>(NAMES.map((name) => [name, new Map()]));
for (const [table] of page.matchAll(/^\| provider \|.*\n(?:\|.*\n)+/gm)) {
  const [head = [], , ...rows] = table
    .trim()
    .split("\n")
    .map((line) => line.split("|").slice(1, -1));
  for (const row of rows) {
    const mine = cells.get(row[0]?.trim().replaceAll("`", "") ?? "");
    head.forEach((title, index) => {
      mine?.set(title.trim().replaceAll("`", ""), row[index]?.trim() ?? "");
    });
  }
}
const cell = (name: string, title: string): string => {
  const text = cells.get(name)?.get(title);
  if (text === undefined) throw new Error(`no cell for ${name} under ${title}`);
  return text;
};

/** Whether a text has a setting's name in a code span or at the start of a line of a block. */
const named = (text: string, setting: string): boolean =>
  new RegExp(`^${setting} = |\`[^\`\\n]*\\b${setting}\\b[^\`\\n]*\``, "m").test(text);

/** Whether a text begins with a value that ends there. */
const startsWith = (text: string, value: string): boolean =>
  text.startsWith(value) && /^[`",;:)\s]/.test(text.slice(value.length));

const figure = (text: string): number => Number(/^[\d,]+/.exec(text)?.[0].replaceAll(",", ""));
const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, min: 60_000 };
function duration(text: string): number {
  if (text === "no") return 0;
  const [count, unit = ""] = text.split(" ");
  return Number(count) * (UNITS[unit] ?? Number.NaN);
}

/** What is put on the wire for a message, and what comes of an answer that says nothing. */
async function wire(name: string, fields: Partial<OutgoingMessage> = {}, settings: Shape = {}) {
  let written = "";
  const binding = (message: unknown): void => {
    written = JSON.stringify(message);
  };
  const made = make(name, settings, { binding });
  if (!made.ok) throw new Error(made.error);
  const lane = lanesOf(sourceSettings.parse(sources[name]).provider).at(-1) ?? "transactional";
  const outcome: Outcome = await made.value.send(
    { ...FULL, lane, ...fields },
    {
      fetch: async (_url, init) => {
        written = await new Response(init?.body).text();
        return new Response("", { status: 500 });
      },
      now: () => FULL.createdAt,
      signal: AbortSignal.timeout(5_000),
    },
  );
  // A form is parted by a boundary of its own each time.
  return { outcome, written: written.replace(/^--.*$/gm, "--") };
}

const PLAIN = { attachments: FULL.attachments.filter((one) => one.contentId === undefined) };
/** Those whose one call can be read here; the relay's dialogue and the sandbox's world are not. */
const READABLE = NAMES.filter((name) => name !== "smtp" && name !== "sandbox");

describe("docs/providers.md", () => {
  test("has a section for every provider, and for nothing else", () => {
    expect([...sections.keys()].sort()).toEqual([...NAMES].sort());
    expect(Object.keys(sources).sort()).toEqual([...NAMES].sort());
  });

  test.each(NAMES)("the block of %s is a configuration that parses", (name) => {
    const { provider } = sourceSettings.parse(sources[name]);
    expect(provider).toBe(name);
    const streams = Object.fromEntries(
      lanesOf(provider).map((kind) => [`a-${kind}`, { kind, pool: "only" }]),
    );
    const pools = { only: { sources: [name] } };
    const parsed = parseConfig({ sources: { [name]: sources[name] }, pools, streams });
    expect(parsed).toMatchObject({ ok: true });
  });

  test.each(NAMES)("the block of %s marks exactly the secrets that it needs", (name) => {
    const marked = secretsOf(name);
    expect(make(name)).toMatchObject({ ok: true });
    for (const missing of marked) {
      const made = make(name, {}, { missing });
      expect(made).toEqual({ ok: false, error: `the secret ${missing} is not set` });
    }
  });

  test.each(NAMES)("names every setting of %s with its default", (name) => {
    // Code is what may name a setting; a word in a sentence is not.
    const section = sections.get(name) ?? "";
    for (const [setting, { default: value }] of settingsOf.get(name) ?? []) {
      expect.soft(named(section, setting), setting).toBe(true);
      if (value === undefined || typeof value === "object") continue;
      const told = [value, Number(value).toLocaleString("en")].map(String);
      const after = section.split(new RegExp(`\\b${setting}(?:\`?\\s\\(| = )[\`"]*`)).slice(1);
      const given = after.some((rest) => told.some((text) => startsWith(rest, text)));
      expect.soft(given, `${setting}: ${value}`).toBe(true);
    }
    for (const setting of ["rate", "sites", "time_limit_ms"]) {
      expect(named(page, setting), setting).toBe(true);
    }
  });

  test.each(NAMES)("gives the figures of %s as they are in the code", (name) => {
    const { recipientsMax, bytesMax, deduplicatesForMs, batch } = adapter(name).capabilities;
    expect(figure(cell(name, "recipients"))).toBe(recipientsMax);
    expect(figure(cell(name, "bytes"))).toBe(bytesMax);
    expect(duration(cell(name, "recognises repeats"))).toBe(deduplicatesForMs);
    const together = cell(name, "messages a call");
    expect(figure(together)).toBe(batch?.messagesMax ?? 1);
    expect(/same content/.test(together)).toBe(batch?.sharesContent ?? false);
    const lanes = lanesOf(sourceSettings.parse(sources[name]).provider);
    expect(cell(name, "streams")).toBe(lanes.length > 1 ? "both" : lanes[0]);
  });

  test.each(NAMES)("says what of %s's records can be asked", (name) => {
    const members = [
      ["lookup before a repeat", "lookup"],
      ["lists its domains", "identities"],
      ["event history", "eventsSince"],
    ] as const;
    for (const [title, member] of members) {
      const text = cell(name, title);
      const [, setting] = /^with `(\w+)`$/.exec(text) ?? [];
      expect(["yes", "no", `with \`${setting}\``]).toContain(text);
      expect(adapter(name)[member] !== undefined, title).toBe(text === "yes");
      if (setting === undefined) continue;
      const value = setting.endsWith("secret") ? "EXTRA_SECRET" : true;
      expect(adapter(name, { [setting]: value })[member], title).toBeDefined();
    }
  });

  test.each(READABLE)(
    "says where our id travels with %s, and whose Message-ID it has",
    async (name) => {
      const { written } = await wire(name, PLAIN);
      expect(written).toContain(FULL.id);
      const fields = [...cell(name, "our id travels in").matchAll(/`([^`]+)`/g)];
      expect(fields.length).toBeGreaterThan(0);
      for (const [, field] of fields) expect(written).toContain(field);
      const keeps = cell(name, "keeps our Message-ID");
      expect(written.includes(FULL.messageId) ? "yes" : "no").toBe(keeps);
    },
  );

  test.each(READABLE)("says whether %s takes inline files", async (name) => {
    const { outcome } = await wire(name);
    const refused = "code" in outcome && outcome.code === "inline_unsupported";
    expect(refused ? "no" : "yes").toBe(cell(name, "inline files"));
  });

  test.each(READABLE)("says which `provider_extras` change what %s is asked", async (name) => {
    const text = cell(name, "provider_extras that have an effect");
    const [, setting] = /with `(\w+)`/.exec(text) ?? [];
    const value = setting === "unsubscribe_group" ? 7 : "readers";
    const settings = setting === undefined ? {} : { [setting]: value };
    const without = await wire(name, PLAIN, settings);
    for (const extra of ["opens", "clicks", "unsubscribe"] as const) {
      const extras: Extras = { ...FULL.extras, [extra]: true };
      const asked = await wire(name, { ...PLAIN, extras }, settings);
      expect(asked.written !== without.written, extra).toBe(text.includes(extra));
    }
  });

  test("explains every code of our own that an adapter gives", () => {
    const folder = join(root, "src/providers");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
    const text = files
      .filter((file) => file.endsWith(".ts"))
      .map((file) => readFileSync(join(folder, file), "utf8"))
      .filter((source) => !HOOKS.test(source))
      .join("\n");
    const given =
      /\b(?:failed|rejected|refuse)\(\s*(?:\w+,\s*|"\w+",\s*)?"([a-z0-9]+(?:_[a-z0-9]+)*)",/g;
    const inFields = /(?:\bcode: |_CODE = )"([a-z0-9]+(?:_[a-z0-9]+)*)"/g;
    const faults = new Set(["recipient", "content", "sender", "account", "complained", "rejected"]);
    const codes = [...text.matchAll(given), ...text.matchAll(inFields)]
      .map(([, code = ""]) => code)
      .filter((code) => !faults.has(code) && code !== "validation_error");
    expect(codes.length).toBeGreaterThan(20);
    const rows = /^\| code \|.*\n(?:\|.*\n)+/m.exec(page)?.[0] ?? "";
    for (const code of new Set(codes)) expect(rows).toContain(`\`${code}\``);
  });
});
