import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { admin, apiKey, Client, email, refused, request } from "../support/worker/client.ts";

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly created_at: string;
}

const list = async (): Promise<{ data: Listed[] }> => (await admin("/api-keys")).json();
const json = { "content-type": "application/json" };

describe("an API key", () => {
  test("is shown once, when it is made", async () => {
    const { id, token } = await apiKey();
    expect(token).toMatch(/^post_test_[0-9A-Za-z]{30}$/);
    const { data } = await list();
    const mine = data.find((one) => one.id === id);
    expect(mine).toMatchObject({ name: "test", mode: "test", permission: "full_access" });
    expect(new Date(mine?.created_at ?? "").getTime()).toBeGreaterThan(Date.now() - 60_000);
    expect(JSON.stringify(data)).not.toContain(token.slice(10));
  });

  test("is live and has full access unless told otherwise", async () => {
    const response = await admin("/api-keys", "POST", { name: "plain" });
    const { id, token }: { id: string; token: string } = await response.json();
    expect(token).toMatch(/^post_live_/);
    const { data } = await list();
    expect(data.find((one) => one.id === id)).toMatchObject({
      account: "default",
      mode: "live",
      permission: "full_access",
    });
  });

  test("stops working when it is deleted, also in an isolate that knows it", async () => {
    const { id, token } = await apiKey();
    const client = new Client(token, "default~test");
    await client.send();
    const response = await admin(`/api-keys/${id}`, "DELETE");
    expect(await response.json()).toEqual({ object: "api_key", id, deleted: true });
    await refused(await client.post("/emails", email()), 403, "invalid_api_key", /not valid/);
    await refused(await client.get("/emails"), 403, "invalid_api_key", /not valid/);
    expect((await list()).data.map((one) => one.id)).not.toContain(id);
  });

  test("that is not there cannot be deleted", async () => {
    for (const id of ["00000000-0000-7000-8000-000000000000", "x", "%00"]) {
      await refused(await admin(`/api-keys/${id}`, "DELETE"), 404, "not_found", /no API key/);
    }
  });

  test.each([
    ["no name", {}, 422, "missing_required_field", /`name`/],
    ["an empty name", { name: "" }, 400, "validation_error", /`name`/],
    ["a name too long", { name: "x".repeat(51) }, 400, "validation_error", /`name`/],
    ["another mode", { name: "a", mode: "prod" }, 400, "validation_error", /`mode`/],
    [
      "another permission",
      { name: "a", permission: "root" },
      400,
      "validation_error",
      /permission/,
    ],
    ["a field it does not know", { name: "a", domain: "b" }, 422, "invalid_parameter", /domain/],
    ["no account of ours", { name: "a", account: "b" }, 422, "invalid_parameter", /account/],
    [
      "an account named as objects' own",
      { name: "a", account: "constructor" },
      422,
      "invalid_parameter",
      /account/,
    ],
  ])("is not made with %s", async (_what, body, status, name, message) => {
    const before = (await list()).data.length;
    await refused(await admin("/api-keys", "POST", body), status, name, message);
    expect((await list()).data).toHaveLength(before);
  });
});

describe("the operator's routes", () => {
  const paths = [
    ["GET", "/api-keys"],
    ["POST", "/api-keys"],
    ["DELETE", "/api-keys/x"],
  ] as const;

  test("take no other key, however near", async () => {
    const { token } = await apiKey();
    const near = [token, env.POSTERN_ADMIN_KEY.slice(0, -1), `${env.POSTERN_ADMIN_KEY}0`, "0"];
    for (const [method, path] of paths) {
      const body = method === "POST" ? { body: JSON.stringify({ name: "a" }) } : {};
      for (const wrong of near) {
        const response = await request(path, { method, token: wrong, headers: json, ...body });
        await refused(response, 403, "invalid_api_key", /operator/);
      }
      const none = await request(path, { method, headers: json, ...body });
      await refused(none, 401, "missing_api_key", /Authorization/);
    }
  });

  test("and theirs is none of mail's", async () => {
    const token = env.POSTERN_ADMIN_KEY;
    await refused(await request("/emails", { token }), 403, "invalid_api_key", /not valid/);
  });
});
