-- What DNS says about domains (core/domain-facts), and how much each is asked for. Times are Unix
-- ms, 0: never. Every write commutes: the newer facts win, the newer policy wins, asks are added.
-- facts: what the MX and address records say, as JSON; '': nothing is known yet.
-- life_ms: the longest that facts have held, since a resolver's copy may be about to end.
-- spf, dmarc, policy_at, policy_until: the policy, which is not always asked for, with its own age.
-- asked: asks as they weighed at asked_at (core/demand). popular: kept fresh ahead.
CREATE TABLE domain_facts (
  domain TEXT PRIMARY KEY,
  mx_type TEXT,
  provider TEXT,
  facts TEXT NOT NULL DEFAULT '',
  at INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER NOT NULL DEFAULT 0,
  life_ms INTEGER NOT NULL DEFAULT 0,
  spf TEXT,
  dmarc TEXT,
  policy_at INTEGER NOT NULL DEFAULT 0,
  policy_until INTEGER NOT NULL DEFAULT 0,
  asked REAL NOT NULL DEFAULT 0,
  asked_at INTEGER NOT NULL DEFAULT 0,
  popular INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

-- What the cron keeps fresh, by when it is due: a domain that is not popular costs no row here.
CREATE INDEX domain_facts_due ON domain_facts (expires_at) WHERE popular = 1;
