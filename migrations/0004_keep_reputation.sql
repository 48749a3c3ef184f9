-- Recipients by what has been true of them, per scope (core/reputation) and hour of sending.
CREATE TABLE reputation (
  scope TEXT NOT NULL,
  bucket INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  delivered INTEGER NOT NULL,
  hard INTEGER NOT NULL,
  soft INTEGER NOT NULL,
  block INTEGER NOT NULL,
  withheld INTEGER NOT NULL,
  reporting INTEGER NOT NULL,
  returned INTEGER NOT NULL,
  complained INTEGER NOT NULL,
  complained_other INTEGER NOT NULL,
  PRIMARY KEY (scope, bucket)
) WITHOUT ROWID;

-- For the pruning: one row written more per scope and hour, none per update.
CREATE INDEX reputation_by_bucket ON reputation (bucket);

-- Where each scope stands; prev is the revision that the row was written over.
CREATE TABLE guard (
  scope TEXT PRIMARY KEY,
  rev INTEGER NOT NULL,
  prev INTEGER NOT NULL,
  level TEXT NOT NULL,
  until INTEGER NOT NULL,
  since INTEGER NOT NULL,
  due INTEGER NOT NULL,
  state TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX guard_by_due ON guard (due);

-- What lanes ask for: few rows, however many scopes there are.
CREATE INDEX guard_restricted ON guard (level) WHERE level IN ('slowed', 'paused', 'probation');

-- What the guard did. told: 0 until its webhook is on its way.
CREATE TABLE guard_log (
  scope TEXT NOT NULL,
  rev INTEGER NOT NULL,
  told INTEGER NOT NULL,
  action TEXT NOT NULL,
  PRIMARY KEY (scope, rev)
) WITHOUT ROWID;

CREATE INDEX guard_log_untold ON guard_log (rev) WHERE told = 0;
