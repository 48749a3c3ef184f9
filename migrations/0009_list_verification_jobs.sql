-- Bulk verifications, for lists; what they are doing, their own objects know.
-- ended_at: 0 while a job goes on. snapshot: how it ended, as JSON; null before.
CREATE TABLE verification_job (
  account_id TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL DEFAULT 0,
  snapshot TEXT,
  PRIMARY KEY (account_id, id)
) WITHOUT ROWID;

-- Those that go on: the cron wakes their objects, and an account has only so many.
CREATE INDEX verification_job_open ON verification_job (account_id, id) WHERE ended_at = 0;
