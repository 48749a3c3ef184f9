/** `/webhooks/:id/...`: what was sent to an endpoint, attempt by attempt, and sending it again. */
import { Hono } from "hono";
import type { Delivery, Endpoint } from "../core/webhook.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { apiError, fail } from "../edge/errors.ts";
import { readable } from "../edge/readable.ts";
import { hint } from "../feedback/webhooks-out/announce.ts";
import { parsePage } from "./page.ts";
import {
  attemptView,
  deliveryLine,
  deliveryView,
  readBody,
  replaySchema,
} from "./webhooks-view.ts";

/** Events that one call sends again; the next call goes on after them. Ten messages of hints. */
const REPLAY_MAX = 500;

export const webhookEvents = new Hono<AppEnv>();

/** Answers with what `use` makes of the caller's endpoint that the path names, or with an error. */
export async function withEndpoint<T>(
  c: AppContext,
  use: (endpoint: Endpoint) => Promise<T>,
): Promise<T | Response> {
  const services = c.get("services");
  const id = c.req.param("id") ?? "";
  const read = await readable(services, () => services.webhooks.read(c.get("caller").scope, id));
  if (!read.ok) return fail(c, read.error);
  if (read.value === null) {
    return fail(c, apiError("not_found", "There is no webhook with this id."));
  }
  return use(read.value);
}

function withDelivery(
  c: AppContext,
  use: (delivery: Delivery, endpoint: Endpoint) => Promise<Response> | Response,
): Promise<Response> {
  return withEndpoint(c, async (endpoint) => {
    const services = c.get("services");
    const event = (c.req.param("event") ?? "").toLowerCase();
    const read = await readable(services, () => services.webhooks.readDelivery(endpoint.id, event));
    if (!read.ok) return fail(c, read.error);
    if (read.value === null) {
      const sentence = "No event with this id was sent to this webhook in the last 30 days.";
      return fail(c, apiError("not_found", sentence));
    }
    return use(read.value, endpoint);
  });
}

const disabled = (c: AppContext): Response =>
  fail(c, apiError("invalid_parameter", "The webhook is disabled: enable it first."));

webhookEvents.get("/events", async (c) => {
  const services = c.get("services");
  const page = parsePage(c);
  if (!page.ok) return fail(c, page.error);
  const { limit, before } = page.value;
  return withEndpoint(c, async (endpoint) => {
    // One more than asked for tells whether there are more.
    const wider = { ...page.value, limit: limit + 1 };
    const read = await readable(services, () =>
      services.webhooks.listDeliveries(endpoint.id, wider),
    );
    if (!read.ok) return fail(c, read.error);
    const shown = before === null ? read.value.slice(0, limit) : read.value.slice(-limit);
    const has_more = read.value.length > limit;
    return c.json({ object: "list", has_more, data: shown.map(deliveryLine) });
  });
});

webhookEvents.get("/events/:event", (c) =>
  withDelivery(c, (delivery) => c.json(deliveryView(delivery))),
);

webhookEvents.get("/events/:event/attempts", async (c) => {
  const page = parsePage(c);
  if (!page.ok) return fail(c, page.error);
  const { limit, after } = page.value;
  return withDelivery(c, ({ attempts }) => {
    const newest = attempts.toReversed();
    const from = after === null ? 0 : newest.findIndex(({ id }) => id === after) + 1;
    const rest = after !== null && from === 0 ? [] : newest.slice(from);
    const data = rest.slice(0, limit).map(attemptView);
    return c.json({ object: "list", has_more: rest.length > limit, data });
  });
});

webhookEvents.post("/events/:event/replay", (c) =>
  withDelivery(c, async ({ event }, endpoint) => {
    const services = c.get("services");
    if (endpoint.status !== "enabled") return disabled(c);
    const again = await readable(services, () =>
      services.webhooks.replay(endpoint.id, event, services.now()),
    );
    if (!again.ok) return fail(c, again.error);
    if (again.value !== null) await hint([again.value], services.webhooks);
    return c.json({ object: "webhook_event", id: event });
  }),
);

webhookEvents.post("/replay", async (c) => {
  const services = c.get("services");
  const body = await readBody(c, replaySchema);
  if (!body.ok) return fail(c, body.error);
  const now = services.now();
  const since = Date.parse(body.value.since);
  const until = body.value.until === undefined ? now : Date.parse(body.value.until);
  if (since >= until) {
    return fail(c, apiError("invalid_parameter", "`since` is a time before `until`."));
  }
  return withEndpoint(c, async (endpoint) => {
    if (endpoint.status !== "enabled") return disabled(c);
    const range = {
      since,
      until,
      status: body.value.status ?? null,
      after: body.value.after ?? null,
      limit: REPLAY_MAX,
    };
    const again = await readable(services, () =>
      services.webhooks.replayRange(endpoint.id, range, now),
    );
    if (!again.ok) return fail(c, again.error);
    await hint(again.value, services.webhooks);
    const has_more = again.value.length === REPLAY_MAX;
    return c.json({
      object: "webhook_replay",
      replayed: again.value.length,
      has_more,
      after: has_more ? (again.value.at(-1)?.event ?? null) : null,
    });
  });
});
