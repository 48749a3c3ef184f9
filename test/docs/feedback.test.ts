import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { createApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";
import { BOUNCE_CATEGORIES, BOUNCE_KINDS } from "../../src/core/bounce.ts";
import { EVENT_TYPES, STATE_OF_EVENT, STATES } from "../../src/core/delivery-state.ts";
import { GUARD_LEVELS } from "../../src/core/reputation.ts";
import { STANDARD_WINDOW_MS } from "../../src/core/standard-webhooks.ts";
import { SUPPRESSION_REASONS } from "../../src/core/suppression.ts";
import { OUT_EVENT_TYPES } from "../../src/core/webhook.ts";
import type { Services } from "../../src/edge/context.ts";
import { SCHEDULE_MS } from "../../src/feedback/webhooks-out/schedule.ts";
import { feedMetrics } from "../../src/observe/metrics.ts";
import type { Hooks } from "../../src/providers/hooks.ts";
import { WINDOW_MS as MAILGUN_WINDOW_MS } from "../../src/providers/mailgun/webhook.ts";
import { hooksOf, sourceSettings } from "../../src/providers/registry.ts";
import { WINDOW_MS as SENDGRID_WINDOW_MS } from "../../src/providers/sendgrid/signature.ts";
import { SNS_WINDOW_MS } from "../../src/providers/ses/sns.ts";
import { hooked } from "../../src/providers/settings.ts";
import { readToml } from "../support/toml.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const page = read("docs/feedback.md");
const outgoing = read("docs/webhooks.md");
const configuration = read("docs/configuration.md");
const providers = read("docs/providers.md");

/** The providers whose events come by HTTP. */
const HOOKED = sourceSettings.options
  .map(({ shape }) => shape.provider.value)
  .flatMap((name): [string, Hooks][] => {
    const hooks = hooksOf(name);
    return hooks === null ? [] : [[name, hooks]];
  });

/** Parts of a page by the heading of third level that they begin with. */
const sectionsOf = (text: string): Map<string, string> =>
  new Map(
    text
      .split(/^(?=##)/m)
      .flatMap((part) => [...part.matchAll(/^### (\S+)\n/g)].map(([, name]) => [name ?? "", part])),
  );
const sections = sectionsOf(page);
const blockOf = (part = ""): string => /^```toml\n(.*?)^```$/ms.exec(part)?.[1] ?? "";

/** The cells of each row of the table whose first column has this head. */
function rowsOf(head: string, text = page): string[][] {
  const table = new RegExp(`^\\| ${head} \\|.*\\n\\|[-|]+\\n((?:\\|.*\\n)+)`, "m").exec(text)?.[1];
  return (table ?? "")
    .trim()
    .split("\n")
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}
const bare = (cell = ""): string => cell.replaceAll("`", "");
const codes = (cell = ""): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);

const UNITS: Readonly<Record<string, number>> = { min: 60_000, h: 3_600_000, days: 86_400_000 };
const durationOf = (text: string): number =>
  [...text.matchAll(/(\d+) (min|h|days)\b/g)].reduce(
    (sum, [, count, unit = ""]) => sum + Number(count) * (UNITS[unit] ?? Number.NaN),
    0,
  );

/** The names of a table of the configuration, as src/config.ts has it. */
function fieldsOf(name: string): string[] {
  const files = ["src/config.ts", "src/config/reputation.ts", "src/config/verify.ts"];
  const source = files.map(read).join("\n");
  const body = new RegExp(
    `^(?:export )?const ${name} = z\\s*\\.strictObject\\(\\{\\n(.*?)^ *\\}\\)`,
    "ms",
  ).exec(source)?.[1];
  const lines = [...(body ?? "").matchAll(/^( +)(\w+): /gm)];
  const outer = Math.min(...lines.map(([, indent = ""]) => indent.length));
  return lines.flatMap(([, indent, field]) => (indent?.length === outer ? (field ?? []) : []));
}

describe("docs/feedback.md", () => {
  test.each(HOOKED)("tells how %s is given its webhook, in a table that parses", (name) => {
    const own = readToml(blockOf(sectionsOf(providers).get(name))) as Vars;
    const block = readToml(blockOf(sections.get(name))) as Vars;
    const source = own.POSTERN.sources[name];
    const table = block.POSTERN.sources[name]?.webhook;
    expect(table).toBeDefined();
    const parsed = sourceSettings.safeParse({ ...source, webhook: table });
    expect(parsed.error).toBeUndefined();
    for (const secret of secretsIn(table)) {
      expect(sections.get(name), secret).toContain(`npx wrangler secret put ${secret}`);
    }
    expect(sections.get(name)).toContain(`HOST/hooks/${name}`);
  });

  test.each(HOOKED)("tells what proves a request of %s, and its limits", (name, hooks) => {
    const row = rowsOf("provider").find(([first]) => bare(first) === name) ?? [];
    const [, proof, by, , status, bytes] = row;
    expect(proof).toBe(hooks.proof);
    expect(bare(by)).toBe(hooks.provesBy ?? "");
    expect(Number(status)).toBe(hooks.stopStatus ?? 400);
    expect(Number(bytes?.replaceAll(",", ""))).toBe(hooks.bytesMax);
    const table = readToml(blockOf(sections.get(name))) as Vars;
    const given = table.POSTERN.sources[name]?.webhook ?? {};
    // The block configures the strongest proof that there is.
    if (hooks.provesBy) expect(Object.keys(given)).toContain(hooks.provesBy);
  });

  test("tells how old a proof may be", () => {
    const windows: Readonly<Record<string, number>> = {
      ses: SNS_WINDOW_MS,
      sendgrid: SENDGRID_WINDOW_MS,
      mailgun: MAILGUN_WINDOW_MS,
      resend: STANDARD_WINDOW_MS,
    };
    for (const [name = "", , , age = ""] of rowsOf("provider")) {
      const wanted = windows[bare(name)];
      if (wanted !== undefined) expect(durationOf(age), name).toBe(wanted);
    }
  });

  test("names every setting of a webhook table, and nothing else", () => {
    const { properties = {} } = z.toJSONSchema(hooked.webhook, { io: "input" });
    const named = rowsOf("setting of `webhook`").map(([name]) => bare(name));
    expect(named.sort()).toEqual(Object.keys(properties).sort());
    for (const name of Object.keys(properties)) expect(configuration).toContain(`| \`${name}\` |`);
  });

  test("has every type of event with the state that it proves, and states in their order", () => {
    const rows = rowsOf("event").flatMap(([types, state]) =>
      codes(types).map((type) => [type, state]),
    );
    expect(Object.fromEntries(rows)).toEqual(STATE_OF_EVENT);
    expect(rows.map(([type]) => type).sort()).toEqual([...EVENT_TYPES].sort());
    expect(page.replaceAll("\n", " ")).toContain(STATES.join(", "));
  });

  test("has every category and kind of bounce", () => {
    expect(rowsOf("category").map(([name]) => bare(name))).toEqual([...BOUNCE_CATEGORIES]);
    for (const kind of BOUNCE_KINDS) expect(page).toContain(`\`${kind}\``);
  });

  test("has every reason of a suppression and every level of the guard", () => {
    expect(rowsOf("reason").map(([name]) => bare(name))).toEqual([...SUPPRESSION_REASONS]);
    expect(rowsOf("level").map(([name]) => bare(name))).toEqual([...GUARD_LEVELS]);
  });
});

/** A configuration in which nothing is set. */
function defaults() {
  const parsed = parseConfig({});
  if (!parsed.ok) throw new Error(parsed.error);
  return parsed.value;
}
const { reputation, feeds, limits } = defaults();

describe("figures", () => {
  test("of the guard's levels are the defaults", () => {
    const rows = new Map(rowsOf("level").map(([level, ...cells]) => [bare(level), cells]));
    const percents = (name: string) => rows.get(name)?.slice(0, 2).map(Number.parseFloat);
    const { bounces, complaints } = reputation;
    expect(percents("warned")).toEqual([bounces.warn, complaints.warn]);
    expect(percents("slowed")).toEqual([bounces.slow, complaints.slow]);
    expect(percents("paused")).toEqual([bounces.pause, complaints.pause]);
    const rates = rows.get("slowed")?.slice(2).map(Number.parseFloat);
    const { slow_broadcast_per_minute, slow_transactional_per_minute } = reputation;
    expect(rates).toEqual([slow_broadcast_per_minute, slow_transactional_per_minute]);
  });

  test.each(Object.entries({ ...reputation, ...feeds, ...limits }))(
    "docs/configuration.md has the default of %s",
    (field, value) => {
      if (typeof value !== "number") return;
      const line = configuration
        .split("\n")
        .find((one) => one.startsWith("|") && one.includes(`\`${field}\``));
      const [, names = "", told = ""] = line?.split("|") ?? [];
      const at = codes(names).indexOf(field);
      expect(told.split(/, (?!\d{3}\b)/)[at]?.trim()).toBe(value.toLocaleString("en"));
    },
  );

  test("have the names under which they are shown to a scraper", () => {
    const metrics = feedMetrics([], 0, { floorMs: 1, factor: 1 });
    expect(metrics.length).toBeGreaterThan(5);
    for (const { name } of metrics) expect(page, name).toContain(`\`${name}\``);
  });
});

describe("docs/webhooks.md", () => {
  test("has every type of event that an endpoint can ask for", () => {
    for (const type of OUT_EVENT_TYPES) expect(outgoing, type).toContain(`\`${type}\``);
  });

  test("tells the schedule of attempts", () => {
    const [, waits = ""] = /^After (.*?), each a little less/m.exec(outgoing) ?? [];
    const unit: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000 };
    const told = waits.split(/, | and /).map((wait) => {
      const [count, name = ""] = wait.split(" ");
      return Number(count) * (unit[name] ?? Number.NaN);
    });
    expect([0, ...told]).toEqual(SCHEDULE_MS);
  });
});

describe("the documentation of feedback", () => {
  const docs = [page, outgoing, configuration].join("\n");
  const { routes } = createApp(() => ({}) as Services);
  const ROOMS = /^\/(suppressions|webhooks|streams|sources|hooks|metrics|health|u|o|c)\b/;
  const named = routes
    .filter(({ method, path }) => method !== "ALL" && ROOMS.test(path))
    .map(({ method, path }) => `${method} ${path.replace(/\/$/, "")}`);

  test("names every route that has to do with it", () => {
    expect(named.length).toBeGreaterThan(30);
    for (const route of new Set(named)) expect.soft(docs, route).toContain(`\`${route}\``);
  });

  test.each([
    ...["reputation", "suppression", "feeds", "webhooks", "links", "stream", "limits"],
    ...["verify", "probe"],
  ])("names every field of %s", (name) => {
    const fields = fieldsOf(name);
    expect(fields.length).toBeGreaterThan(0);
    for (const field of fields) {
      expect.soft(new RegExp(`\`${field}\\b[^\`]*\``).test(configuration), field).toBe(true);
    }
  });
});

interface Vars {
  readonly POSTERN: {
    readonly sources: Readonly<Record<string, Readonly<Record<string, unknown>> & Hooked>>;
  };
}
interface Hooked {
  readonly webhook?: Readonly<Record<string, readonly string[]>>;
}

/** The names of secrets in a webhook table. */
const secretsIn = (table: Hooked["webhook"] = {}): string[] =>
  ["basic", "bearer", "signing"].flatMap((name) => table[name] ?? []);
