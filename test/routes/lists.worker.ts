import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { Client, email, refused } from "../support/worker/client.ts";

let client: Client;
let ids: string[];

beforeAll(async () => {
  // Nine that are recorded and let go, then eight that a pause keeps in their four Outboxes.
  client = await Client.make({ account: "wide" });
  ids = [];
  for (let n = 0; n < 9; n++) ids.push(await client.send({ subject: `Number ${n}` }));
  await client.quiet();
  await client.post("/streams/broadcast/pause", {});
  for (let n = 9; n < 17; n++) {
    ids.push(await client.send({ subject: `Number ${n}`, stream: "broadcast" }));
  }
});

const newestFirst = (): string[] => ids.toSorted().reverse();

/** The ids of one page. */
const page = async (query: string): Promise<string[]> =>
  (await client.list(query)).data.map((one) => one.id);

describe("a list", () => {
  test("has the recorded and the unrecorded, newest first, each once", async () => {
    const { data, has_more } = await client.list();
    expect(data.map((one) => one.id)).toEqual(newestFirst());
    expect(has_more).toBe(false);
    expect(data.at(-1)).toMatchObject({ subject: "Number 0", last_event: "delivered" });
    expect(data[0]).toMatchObject({ last_event: "queued" });
  });

  test.each([1, 3, 7, 16])("goes down in pages of %i without a gap or a repeat", async (limit) => {
    const seen: string[] = [];
    let after = "";
    for (;;) {
      const { data, has_more } = await client.list(`?limit=${limit}${after}`);
      seen.push(...data.map((one) => one.id));
      expect(data.length).toBeLessThanOrEqual(limit);
      if (!has_more) break;
      expect(data).toHaveLength(limit);
      after = `&after=${seen.at(-1)}`;
    }
    expect(seen).toEqual(newestFirst());
  });

  test.each([1, 4, 9])("goes up in pages of %i the same way", async (limit) => {
    const seen: string[] = [];
    let before = newestFirst().at(-1) ?? "";
    for (;;) {
      const { data, has_more } = await client.list(`?limit=${limit}&before=${before}`);
      seen.unshift(...data.map((one) => one.id));
      before = seen[0] ?? "";
      if (!has_more) break;
    }
    expect(seen).toEqual(newestFirst().slice(0, -1));
  });

  test("is empty beyond its ends", async () => {
    const all = newestFirst();
    expect(await page(`?after=${all.at(-1)}`)).toEqual([]);
    expect(await page(`?before=${all[0]}`)).toEqual([]);
    expect(await page("?after=00000000-0000-7000-8000-000000000000")).toEqual([]);
  });

  test("shows nothing of another account or of live mode", async () => {
    for (const other of [
      await Client.make({ account: "other" }),
      await Client.make({ account: "wide", mode: "live" }),
    ]) {
      expect(await other.list()).toEqual({ object: "list", has_more: false, data: [] });
    }
  });

  test("carries no content", async () => {
    const [first] = (await client.list("?limit=1")).data;
    expect(Object.keys(first ?? {})).not.toContain("text");
    expect(Object.keys(first ?? {})).not.toContain("html");
  });
});

test.each([
  "limit=0",
  "limit=101",
  "limit=ten",
  "limit=1.5",
  "limit=",
  "after=x",
  "before=%00",
  "after=00000000-0000-7000-8000-000000000000&before=00000000-0000-7000-8000-000000000000",
])("a page that cannot be: ?%s", async (query) => {
  await refused(await client.get(`/emails?${query}`), 422, "invalid_parameter", /`/);
});

describe("content above 128 KB", () => {
  const large = "å".repeat(100_000);
  const kept = async (id: string): Promise<boolean> =>
    (await env.CONTENT.head(`content/${client.scope}/${id}`)) !== null;

  test("lies in storage until the message is recorded, and can be read as long", async () => {
    const attachments = [{ filename: "a.bin", content: "QUJD".repeat(50_000) }];
    const stream = "broadcast";
    const [text, attached, small] = await client.sendBatch([
      email({ text: large + large, stream }),
      email({ attachments, stream }),
      email({ text: "short", stream }),
    ]);
    if (!text || !attached || !small) throw new Error("three ids");
    expect([await kept(text), await kept(attached), await kept(small)]).toEqual([
      true,
      true,
      false,
    ]);
    expect((await client.read(text)).text).toBe(large + large);
    expect((await client.read(small)).text).toBe("short");

    await client.post("/streams/broadcast/resume", {});
    for (const id of [text, attached, small]) await client.when(id, "delivered");
    await client.quiet();
    expect([await kept(text), await kept(attached)]).toEqual([false, false]);
    expect(await client.read(text)).toMatchObject({ text: null, html: null });
  });
});
