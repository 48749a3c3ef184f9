import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { Client, type ErrorBody, email, request } from "../support/worker/client.ts";

let client: Client;
beforeAll(async () => {
  client = await Client.make();
});

/** Whatever was sent, the answer is an acceptance or an error in the one shape, never a 500. */
async function civil(response: Response): Promise<void> {
  const text = await response.text();
  expect(response.status, text).toBeLessThan(500);
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
  const body = JSON.parse(text) as ErrorBody;
  if (response.status < 300) return;
  expect(Object.keys(body).sort()).toEqual(["message", "name", "statusCode"]);
  expect(body.statusCode).toBe(response.status);
}

const strings = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom(
    "",
    "\ud800",
    "\u0000",
    "\r\n",
    "__proto__",
    "a@b",
    '"@"@a.example',
    "<>",
    "a".repeat(999),
  ),
);
const keys = fc.constantFrom(
  ...Object.keys(email()),
  ...["cc", "bcc", "reply_to", "headers"],
  ...[
    "tags",
    "attachments",
    "stream",
    "expires_at",
    "on_unknown",
    "__proto__",
    "constructor",
    "toString",
  ],
);
const values = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  strings,
  fc.array(strings, { maxLength: 3 }),
  fc.dictionary(strings, strings, { maxKeys: 3 }),
  fc.constantFrom(1e308, -0, 2 ** 53, null, true),
);
const wild = fc.record({ path: fc.constantFrom("/emails", "/emails/batch"), body: fc.jsonValue() });
const almost = fc.array(fc.tuple(keys, values), { minLength: 1, maxLength: 3 });

test("any JSON at all", async () => {
  await fc.assert(
    fc.asyncProperty(wild, async ({ path, body }) => civil(await client.post(path, body))),
    { numRuns: 150 },
  );
});

test("an email with some fields made wild, alone and in a batch of either kind", async () => {
  await fc.assert(
    fc.asyncProperty(almost, fc.boolean(), async (changes, permissive) => {
      const changed = { ...email(), ...Object.fromEntries(changes) };
      await civil(await client.post("/emails", changed));
      const headers = { "x-batch-validation": permissive ? "permissive" : "strict" };
      await civil(await client.post("/emails/batch", [changed, email()], headers));
    }),
    { numRuns: 200 },
  );
});

test("bytes that are no text, and text that is no JSON", async () => {
  const { token } = client;
  const headers = { "content-type": "application/json" };
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), strings), async (body) => {
      await civil(await request("/emails", { method: "POST", token, headers, body }));
    }),
    { numRuns: 80 },
  );
  for (const body of ["[".repeat(100_000), `{"to":${"[".repeat(50_000)}`, "1e999", '"\\ud800"']) {
    await civil(await request("/emails", { method: "POST", token, headers, body }));
  }
});

test("any path, query, key and header value", async () => {
  const header = fc.stringMatching(/^[\x21-\x7e]{0,60}$/);
  const part = fc.webPath({ size: "small" });
  const query = fc.webQueryParameters({ size: "small" });
  await fc.assert(
    fc.asyncProperty(part, query, header, fc.boolean(), async (path, search, value, own) => {
      const authorization = own ? `Bearer ${client.token}` : value;
      const headers = { authorization, "idempotency-key": value, "x-batch-validation": value };
      for (const base of ["", "/emails", "/streams", "/api-keys"]) {
        await civil(await request(`${base}${path}?${search}`, { headers }));
      }
      const sent = { method: "POST", body: JSON.stringify(email()) };
      const typed = { ...headers, "content-type": "application/json" };
      await civil(await request("/emails", { ...sent, headers: typed }));
    }),
    { numRuns: 60 },
  );
});

test("none of it is lost either: the ledger is conserved and nothing is on its way", async () => {
  const { pending, conserved } = await client.quiet();
  expect([pending, conserved]).toEqual([0, true]);
});
