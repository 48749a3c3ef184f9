-- What providers report, in a form that any order and any repetition leaves alike.
-- marks: bits of what was ever true (core/marks). bounces: per attempt the worst one, so that an
-- old attempt's bounce does not overwrite a newer attempt. engagement: distinct opens and clicks.
-- attempt_key: the attempt that the Outbox last had accepted. provider_key: only where the
-- provider's events name nothing but its own id.
ALTER TABLE recipient DROP COLUMN opens;
ALTER TABLE recipient DROP COLUMN clicks;
ALTER TABLE recipient ADD COLUMN marks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE recipient ADD COLUMN bounces TEXT NOT NULL DEFAULT '{}';
ALTER TABLE recipient ADD COLUMN engagement TEXT NOT NULL DEFAULT '[]';
ALTER TABLE recipient ADD COLUMN attempt_key TEXT NOT NULL DEFAULT '';
ALTER TABLE recipient ADD COLUMN provider_key TEXT;

-- Where the recipient stands: a bounce counts when it is of the newest attempt, or when it cannot
-- be told of which.
ALTER TABLE recipient ADD COLUMN standing TEXT GENERATED ALWAYS AS (
  CASE WHEN bounces = '{}' THEN state
    WHEN attempt_key = '' OR source IS NULL THEN 'bounced'
    WHEN json_type(bounces, '$."' || attempt_key || '"') IS NOT NULL THEN 'bounced'
    WHEN json_type(bounces, '$."' || source || '"') IS NOT NULL THEN 'bounced'
    ELSE state END) VIRTUAL;

CREATE INDEX recipient_by_provider_key ON recipient (provider_key)
  WHERE provider_key IS NOT NULL;

-- Events as they came, of those that are no plain delivery, open or click.
CREATE TABLE raw_event (
  account_id TEXT NOT NULL,
  message_id TEXT NOT NULL,
  id TEXT NOT NULL,
  recipient_no INTEGER NOT NULL,
  source TEXT NOT NULL,
  type TEXT NOT NULL,
  at INTEGER NOT NULL,
  raw TEXT NOT NULL,
  PRIMARY KEY (account_id, message_id, id)
) WITHOUT ROWID;
