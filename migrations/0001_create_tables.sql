-- API keys. The key itself is not stored: its SHA-256 is the primary key.
CREATE TABLE api_key (
  hash TEXT PRIMARY KEY,
  id TEXT NOT NULL,
  account TEXT NOT NULL,
  mode TEXT NOT NULL CHECK (mode IN ('test', 'live')),
  permission TEXT NOT NULL CHECK (permission IN ('full_access', 'sending_access')),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- One row per message and recipient. Fields of the message stand on recipient 0.
-- custody: 1 while the Outbox still works on the recipient, as of revision rev.
CREATE TABLE recipient (
  account_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  recipient_no INTEGER NOT NULL,
  address TEXT,
  recipient_hash TEXT,
  kind TEXT,
  state TEXT NOT NULL,
  rank INTEGER NOT NULL,
  state_at INTEGER NOT NULL,
  code TEXT NOT NULL DEFAULT '',
  text TEXT NOT NULL DEFAULT '',
  rev INTEGER NOT NULL DEFAULT 0,
  custody INTEGER NOT NULL DEFAULT 0,
  source TEXT,
  provider_message_id TEXT,
  complained_at INTEGER,
  opens INTEGER NOT NULL DEFAULT 0,
  clicks INTEGER NOT NULL DEFAULT 0,
  timeline TEXT NOT NULL DEFAULT '[]',
  message TEXT,
  PRIMARY KEY (account_id, message_id, recipient_no)
) WITHOUT ROWID;

-- What was sent to one address, newest first.
CREATE INDEX recipient_by_hash ON recipient (account_id, recipient_hash, message_id);

-- Addresses that are not written to, per account and stream ('*': all streams).
CREATE TABLE suppression (
  account_id TEXT NOT NULL,
  recipient_hash TEXT NOT NULL,
  stream TEXT NOT NULL DEFAULT '*',
  address TEXT NOT NULL,
  reason TEXT NOT NULL,
  source TEXT NOT NULL DEFAULT '',
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  expires_at INTEGER,
  PRIMARY KEY (account_id, recipient_hash, stream)
) WITHOUT ROWID;
