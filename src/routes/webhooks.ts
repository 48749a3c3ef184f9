/**
 * `/webhooks`: the endpoints of an account, their secrets and a test of them, as Resend's clients
 * ask for them. What was sent to them is in webhook-events.
 */
import { Hono } from "hono";
import type { Endpoint } from "../core/webhook.ts";
import { authenticate } from "../edge/authenticate.ts";
import type { AppContext, AppEnv } from "../edge/context.ts";
import { apiError, fail } from "../edge/errors.ts";
import { admit, askRateLimit } from "../edge/rate-limit.ts";
import { readable } from "../edge/readable.ts";
import { hint } from "../feedback/webhooks-out/announce.ts";
import { deliveryTo } from "../feedback/webhooks-out/deliveries.ts";
import { systemEvent } from "../feedback/webhooks-out/events.ts";
import { endpointSecret } from "../feedback/webhooks-out/sign.ts";
import { parsePage } from "./page.ts";
import { webhookEvents, withEndpoint } from "./webhook-events.ts";
import {
  checkEndpoint,
  createSchema,
  endpointLine,
  endpointView,
  eventsKept,
  readBody,
  rotateSchema,
  updateSchema,
} from "./webhooks-view.ts";

/** Endpoints of one account: every event is a row, and a post, for each that asked for it. */
const ENDPOINTS_MAX = 20;

/** Earlier secrets that sign at a time: each makes the header longer by 47 characters. */
const PREVIOUS_MAX = 4;

/** Rotations that come between reading and writing: another one, hardly two. */
const ROTATE_TRIES = 3;

const HOUR_MS = 3_600_000;

export const webhooks = new Hono<AppEnv>();

webhooks.use(authenticate("full_access"), askRateLimit, async (c, next) => {
  const refused = await admit(c);
  return refused === null ? next() : fail(c, refused);
});

const notFound = (c: AppContext): Response =>
  fail(c, apiError("not_found", "There is no webhook with this id."));

const secretOf = async (c: AppContext, { id, version }: Pick<Endpoint, "id" | "version">) =>
  endpointSecret(await c.get("services").signer(), id, version);

webhooks.post("/", async (c) => {
  const services = c.get("services");
  const body = await readBody(c, createSchema);
  if (!body.ok) return fail(c, body.error);
  const url = checkEndpoint(body.value.endpoint, services.webhooks.allowLocal);
  if (!url.ok) return fail(c, url.error);
  const id = services.uuid();
  const endpoint = {
    id,
    account: c.get("caller").scope,
    url: url.value,
    events: eventsKept(body.value.events),
    createdAt: services.now(),
  };
  const stored = await readable(services, () => services.webhooks.insert(endpoint, ENDPOINTS_MAX));
  if (!stored.ok) return fail(c, stored.error);
  if (!stored.value) {
    const sentence = `An account has at most ${ENDPOINTS_MAX} webhooks; delete one.`;
    return fail(c, apiError("invalid_parameter", sentence));
  }
  const signing_secret = await secretOf(c, { id, version: 1 });
  return c.json({ object: "webhook", id, signing_secret }, 201);
});

webhooks.get("/", async (c) => {
  const services = c.get("services");
  const page = parsePage(c);
  if (!page.ok) return fail(c, page.error);
  const { limit, after, before } = page.value;
  const read = await readable(services, () =>
    services.webhooks.readEndpoints([c.get("caller").scope]),
  );
  if (!read.ok) return fail(c, read.error);
  const at = read.value.findIndex(({ id }) => id === (after ?? before));
  // A cursor that is gone leaves nothing to go on from.
  if (at === -1 && (after ?? before) !== null) {
    return c.json({ object: "list", has_more: false, data: [] });
  }
  const part = before === null ? read.value.slice(at + 1) : read.value.slice(0, at);
  const shown = before === null ? part.slice(0, limit) : part.slice(-limit);
  const has_more = part.length > shown.length;
  return c.json({ object: "list", has_more, data: shown.map(endpointLine) });
});

webhooks.get("/:id", (c) =>
  withEndpoint(c, async (endpoint) =>
    c.json(endpointView(endpoint, await secretOf(c, endpoint), c.get("services").now())),
  ),
);

webhooks.patch("/:id", async (c) => {
  const services = c.get("services");
  const id = c.req.param("id");
  const body = await readBody(c, updateSchema);
  if (!body.ok) return fail(c, body.error);
  const { endpoint, events, status } = body.value;
  const url =
    endpoint === undefined ? undefined : checkEndpoint(endpoint, services.webhooks.allowLocal);
  if (url !== undefined && !url.ok) return fail(c, url.error);
  const patch = {
    url: url?.value,
    events: events === undefined ? undefined : eventsKept(events),
    status,
  };
  const changed = await readable(services, () =>
    services.webhooks.update(c.get("caller").scope, id, patch, services.now()),
  );
  if (!changed.ok) return fail(c, changed.error);
  return changed.value ? c.json({ object: "webhook", id }) : notFound(c);
});

webhooks.delete("/:id", async (c) => {
  const services = c.get("services");
  const id = c.req.param("id");
  const gone = await readable(services, () =>
    services.webhooks.remove(c.get("caller").scope, id, services.now()),
  );
  if (!gone.ok) return fail(c, gone.error);
  return gone.value ? c.json({ object: "webhook", id, deleted: true }) : notFound(c);
});

webhooks.post("/:id/signing-secret/rotate", async (c) => {
  const services = c.get("services");
  const body = await readBody(c, rotateSchema, true);
  if (!body.ok) return fail(c, body.error);
  const overlapMs = body.value.overlap_hours * HOUR_MS;
  for (let attempt = 0; attempt < ROTATE_TRIES; attempt++) {
    const rotated = await withEndpoint(c, async (endpoint) => {
      const now = services.now();
      const earlier = [...endpoint.previous, [endpoint.version, now + overlapMs] as const];
      // The time given now ends the earlier ones too: a leak is not to outlive its rotation.
      const previous = earlier
        .map(([version, until]) => [version, Math.min(until, now + overlapMs)] as const)
        .filter(([, until]) => until > now)
        .slice(-PREVIOUS_MAX);
      const done = await readable(services, () => services.webhooks.rotate(endpoint, previous));
      if (!done.ok) return fail(c, done.error);
      if (!done.value) return null;
      const next = { id: endpoint.id, version: endpoint.version + 1 };
      return c.json({
        object: "webhook",
        id: endpoint.id,
        signing_secret: await secretOf(c, next),
        previous_secrets_until: previous.map(([, until]) => new Date(until).toISOString()),
      });
    });
    if (rotated !== null) return rotated;
  }
  return fail(
    c,
    apiError("unavailable", "The secret is being rotated; repeat the request.", 1_000),
  );
});

webhooks.post("/:id/test", (c) =>
  withEndpoint(c, async (endpoint) => {
    const services = c.get("services");
    if (endpoint.status !== "enabled") {
      return fail(c, apiError("invalid_parameter", "The webhook is disabled: enable it first."));
    }
    const now = services.now();
    const event = await systemEvent(
      "webhook.test",
      { account: endpoint.account, at: now, key: services.uuid() },
      { id: endpoint.id, message: "This is a test of your webhook." },
    );
    const written = await readable(services, () =>
      services.webhooks.insertDeliveries([deliveryTo(endpoint, event, now)]),
    );
    if (!written.ok) return fail(c, written.error);
    await hint(written.value, services.webhooks);
    return c.json({ object: "webhook_event", id: event.id, type: event.type });
  }),
);

webhooks.route("/:id", webhookEvents);
