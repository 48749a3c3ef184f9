-- What is known of an address, per account and stream ('*': all streams), as times in Unix ms, 0:
-- never. Every time only rises and `soft` is a set, so facts may come in any order, any number of
-- times; whether the address is written to follows from them and the policy
-- (src/core/suppression.ts).
-- soft: soft bounces {message id: time} since the last delivery or removal. soft_at: the newest of
-- the first group of them that is large enough, 0 without one. listed_at: a provider kept mail back
-- because of its own list. message_id, source: of the newest fact. overrides: who let transactional
-- mail through after a complaint, when, and why. address: empty once removed.
CREATE TABLE suppression_facts (
  account_id TEXT NOT NULL,
  recipient_hash TEXT NOT NULL,
  stream TEXT NOT NULL DEFAULT '*',
  address TEXT NOT NULL,
  source TEXT NOT NULL DEFAULT '',
  message_id TEXT NOT NULL DEFAULT '',
  first_seen_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  hard_at INTEGER NOT NULL DEFAULT 0,
  soft TEXT NOT NULL DEFAULT '{}',
  soft_at INTEGER NOT NULL DEFAULT 0,
  listed_at INTEGER NOT NULL DEFAULT 0,
  complained_at INTEGER NOT NULL DEFAULT 0,
  unsubscribed_at INTEGER NOT NULL DEFAULT 0,
  manual_at INTEGER NOT NULL DEFAULT 0,
  delivered_at INTEGER NOT NULL DEFAULT 0,
  removed_at INTEGER NOT NULL DEFAULT 0,
  overridden_at INTEGER NOT NULL DEFAULT 0,
  overrides TEXT NOT NULL DEFAULT '[]',
  PRIMARY KEY (account_id, recipient_hash, stream)
) WITHOUT ROWID;

INSERT INTO suppression_facts (account_id, recipient_hash, stream, address, source, first_seen_at,
  last_seen_at, hard_at, complained_at, unsubscribed_at, manual_at)
SELECT account_id, recipient_hash, stream, address, source, first_seen_at, last_seen_at,
  iif(reason = 'bounced', last_seen_at, 0), iif(reason = 'complained', last_seen_at, 0),
  iif(reason = 'unsubscribed', last_seen_at, 0),
  iif(reason IN ('bounced', 'complained', 'unsubscribed'), 0, last_seen_at)
FROM suppression;

DROP TABLE suppression;

ALTER TABLE suppression_facts RENAME TO suppression;

-- Per account: how often its list has changed in what a snapshot holds, and which of these changes
-- the last snapshot has.
CREATE TABLE suppression_list (
  account_id TEXT PRIMARY KEY,
  revision INTEGER NOT NULL,
  snapshot_revision INTEGER NOT NULL DEFAULT 0,
  snapshot_at INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
