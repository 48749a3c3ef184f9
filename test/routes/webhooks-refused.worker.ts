import { afterAll, beforeAll, expect, test } from "vitest";
import { Client, refused, request } from "../support/worker/client.ts";
import { delivered, makeWebhook, receiver, sdk, value, write } from "../support/worker/webhooks.ts";

let client: Client;
let resend: ReturnType<typeof sdk>;
let world: ReturnType<typeof receiver>;

beforeAll(async () => {
  world = receiver();
  client = await Client.make();
  resend = sdk(client.token);
});

afterAll(() => expect(world.posted).toEqual([]));

const make = () => makeWebhook(world, resend);

const missing = "019aabcd-1111-8222-8333-444444444444";

test("a target that is not public is refused, at making and at changing", async () => {
  const { id } = await make();
  const targets = [
    "http://hooks.acme.com/",
    "https://127.0.0.1/",
    "https://localhost/",
    "http://localhost:8080/",
    "https://metadata.google.internal/",
    "https://u:p@acme.com/",
    "https://acme.com:8443/",
    "no url",
  ];
  for (const endpoint of targets) {
    for (const answer of [
      await client.post("/webhooks", { endpoint }),
      await request(`/webhooks/${id}`, {
        method: "PATCH",
        token: client.token,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ endpoint }),
      }),
    ]) {
      await refused(answer, 422, "invalid_parameter", /`endpoint`/);
    }
  }
  await resend.webhooks.remove(id);
});

test("what is wrong with a body is said in the API's shape", async () => {
  const endpoint = "https://hooks.acme.com/";
  const post = (body: unknown) => client.post("/webhooks", body);
  await refused(await post({}), 422, "missing_required_field", /`endpoint`/);
  await refused(
    await post({ endpoint, events: ["email.read"] }),
    400,
    "validation_error",
    /events/,
  );
  await refused(await post({ endpoint, even: [] }), 422, "invalid_parameter", /even/);
  await refused(await post("{"), 400, "validation_error", /JSON/);
  const { id } = await make();
  const replay = (body: unknown) => client.post(`/webhooks/${id}/replay`, body);
  await refused(await replay({ since: "now" }), 400, "validation_error", /since/);
  const [since, until_] = ["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"];
  await refused(await replay({ since, until: until_ }), 422, "invalid_parameter", /before/);
  const rotate = `/webhooks/${id}/signing-secret/rotate`;
  const much = await client.post(rotate, { overlap_hours: 1_000 });
  await refused(much, 400, "validation_error", /overlap_hours/);
  await resend.webhooks.update(id, { status: "disabled" });
  for (const path of ["test", "replay"]) {
    const answer = await client.post(`/webhooks/${id}/${path}`, { since });
    await refused(answer, 422, "invalid_parameter", /disabled/);
  }
  await resend.webhooks.remove(id);
});

test("another account's webhook, its events and its secret are not there", async () => {
  const { id } = await make();
  const [hint] = await write([await delivered(client.scope, Date.now(), 9)]);
  const stranger = await Client.make({ account: "other" });
  const paths = ["", "/events", `/events/${hint?.event}`, `/events/${hint?.event}/attempts`];
  for (const path of paths) {
    const answer = await stranger.get(`/webhooks/${id}${path}`);
    await refused(answer, 404, "not_found", /no webhook/);
  }
  const posts = ["/test", "/replay", "/signing-secret/rotate", `/events/${hint?.event}/replay`];
  for (const path of posts) {
    const answer = await stranger.post(`/webhooks/${id}${path}`, { since: "2026-01-01T00:00:00Z" });
    expect([400, 404, 422]).toContain(answer.status);
    if (path !== "/signing-secret/rotate") expect(answer.status).toBe(404);
  }
  expect(value(await sdk(stranger.token).webhooks.list()).data).toEqual([]);
  const sending = await Client.make({ permission: "sending_access" });
  await refused(await sending.get("/webhooks"), 401, "restricted_api_key", /only send/);
  await refused(await request("/webhooks"), 401, "missing_api_key", /Authorization/);
  const event = await client.get(`/webhooks/${id}/events/${missing}`);
  await refused(event, 404, "not_found", /No event/);
  await resend.webhooks.remove(id);
});

test("no id, cursor or body, however odd, is an error of ours", async () => {
  const { id } = await make();
  const odd = ["%00", "%ff", "..%2f", "a".repeat(3_000), "'", "%F0%9F%91%8B", "null", "-1"];
  const bodies = ["null", "[]", "1", '"x"', '{"since":null}', '{"endpoint":{}}', '{"events":"*"}'];
  const answers: Response[] = [];
  for (const one of odd) {
    answers.push(
      await client.get(`/webhooks/${one}`),
      await client.get(`/webhooks/${id}/events/${one}`),
    );
    answers.push(await client.get(`/webhooks?after=${one}`));
    answers.push(await client.get(`/webhooks/${id}/events?limit=${one}`));
    answers.push(await client.post(`/webhooks/${one}/test`, ""));
  }
  for (const body of bodies) {
    for (const path of ["", `/${id}/replay`, `/${id}/signing-secret/rotate`]) {
      answers.push(await client.post(`/webhooks${path}`, body));
    }
  }
  for (const answer of answers) {
    expect(answer.headers.get("content-type")).toMatch(/json/);
    expect(answer.status, await answer.text()).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  }
  await resend.webhooks.remove(id);
});

test("an account has twenty webhooks and not one more", async () => {
  const wide = await Client.make({ account: "wide" });
  const one = { endpoint: "https://hooks.acme.com/wide" };
  const answers = await Promise.all(Array.from({ length: 25 }, () => wide.post("/webhooks", one)));
  expect(answers.filter(({ status }) => status === 201)).toHaveLength(20);
  const full = answers.find(({ status }) => status !== 201);
  if (full === undefined) throw new Error("all were taken");
  await refused(full, 422, "invalid_parameter", /at most 20/);
});
