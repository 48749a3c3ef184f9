-- Where events are reported to. Secrets are derived, not stored: version names the present one,
-- previous the earlier ones still signed with, as [[version, until], ...].
-- failing_since, fails, exhausted: the present row of failures. slow_until: the endpoint's breath.
CREATE TABLE webhook_endpoint (
  id TEXT PRIMARY KEY,
  account_id TEXT NOT NULL,
  url TEXT NOT NULL,
  events TEXT,
  status TEXT NOT NULL DEFAULT 'enabled' CHECK (status IN ('enabled', 'disabled')),
  created_at INTEGER NOT NULL,
  version INTEGER NOT NULL DEFAULT 1,
  previous TEXT NOT NULL DEFAULT '[]',
  fails INTEGER NOT NULL DEFAULT 0,
  exhausted INTEGER NOT NULL DEFAULT 0,
  failing_since INTEGER,
  last_success_at INTEGER,
  slow_until INTEGER NOT NULL DEFAULT 0,
  disabled_reason TEXT,
  disabled_at INTEGER,
  deleted_at INTEGER
) WITHOUT ROWID;

-- A row is read by account with every batch of the journal, and hardly ever written.
CREATE INDEX webhook_endpoint_by_account ON webhook_endpoint (account_id);

-- The outbox of events: a row per event and endpoint, written with what the event is about.
-- event_id begins with its time, so the key is the order of lists, of replays and of forgetting.
-- next_at: when it is due; null when it is over. tries: attempts ever; step: of the present round.
CREATE TABLE webhook_delivery (
  endpoint_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  payload TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'success', 'failed')),
  tries INTEGER NOT NULL DEFAULT 0,
  step INTEGER NOT NULL DEFAULT 0,
  next_at INTEGER,
  attempts TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (endpoint_id, event_id)
) WITHOUT ROWID;

-- What is due, endpoint by endpoint: one that is down does not stand before the others.
CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint_id, next_at)
  WHERE next_at IS NOT NULL;
