-- What an account's mail has shown (core/evidence), by key: 'a/' and the hash of an address, 'd/'
-- and a domain, 'b/' and a bucket. Domains and buckets are of the account '*' where it is shared.
-- Times are Unix ms, those at which messages were made; null: never.
-- good, bad: of an address its own messages, else first contacts; kept, lost: survival, of domains
-- and buckets. Sums before fading. delivered, hard: messages, not of buckets.
-- Of addresses only: probe, the class of the last telling probe; counts: whether a source that
-- tells of deliveries has met it; owner, bucket: whose sums what it adds is part of, null: none.
CREATE TABLE evidence (
  account_id TEXT NOT NULL,
  key TEXT NOT NULL,
  good REAL NOT NULL DEFAULT 0,
  bad REAL NOT NULL DEFAULT 0,
  kept REAL NOT NULL DEFAULT 0,
  lost REAL NOT NULL DEFAULT 0,
  delivered INTEGER NOT NULL DEFAULT 0,
  hard INTEGER NOT NULL DEFAULT 0,
  first_delivered_at INTEGER,
  last_delivered_at INTEGER,
  first_hard_at INTEGER,
  last_hard_at INTEGER,
  probe TEXT NOT NULL DEFAULT 'none',
  counts INTEGER NOT NULL DEFAULT 0,
  owner TEXT,
  bucket TEXT,
  PRIMARY KEY (account_id, key)
) WITHOUT ROWID;
