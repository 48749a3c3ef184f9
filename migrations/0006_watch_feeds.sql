-- What is known of each source's event feed (core/feed). Times are Unix ms, 0: never. Test mail
-- leaves no trace here.
-- counted: ids of the newest journal messages whose unknown events are in `unknown`.
-- stopped_since: the last event before the alarm; 0: no alarm.
-- notice: what has happened and is not told yet; notice_since: its stopped_since.
-- fill_from: the provider's time up to which its records have been asked; 0: nothing to ask.
-- fill_until: when events came again, which ends the asking; 0: not yet.
CREATE TABLE source_feed (
  source TEXT PRIMARY KEY,
  sent_at INTEGER NOT NULL DEFAULT 0,
  arrived_at INTEGER NOT NULL DEFAULT 0,
  reported_at INTEGER NOT NULL DEFAULT 0,
  open_at INTEGER NOT NULL DEFAULT 0,
  noticed_at INTEGER NOT NULL DEFAULT 0,
  again_at INTEGER NOT NULL DEFAULT 0,
  usual_gap_ms REAL NOT NULL DEFAULT 0,
  usual_at INTEGER NOT NULL DEFAULT 0,
  events INTEGER NOT NULL DEFAULT 0,
  unknown_events INTEGER NOT NULL DEFAULT 0,
  foreign_events INTEGER NOT NULL DEFAULT 0,
  counted TEXT NOT NULL DEFAULT '[]',
  stopped_since INTEGER NOT NULL DEFAULT 0,
  notice TEXT NOT NULL DEFAULT '',
  notice_since INTEGER NOT NULL DEFAULT 0,
  fill_from INTEGER NOT NULL DEFAULT 0,
  fill_until INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
