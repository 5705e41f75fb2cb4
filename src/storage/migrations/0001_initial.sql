-- Portable subset of SQLite and PostgreSQL. Times are BIGINT microseconds since the Unix epoch, UTC.

-- One sending identity: a WhatsApp phone number (later an Instagram account or a Page).
CREATE TABLE accounts (
  id              INTEGER PRIMARY KEY,
  channel         TEXT NOT NULL,              -- 'whatsapp'
  name            TEXT NOT NULL UNIQUE,       -- the operator's handle for it
  business_id     TEXT NOT NULL,              -- WABA id
  sender_id       TEXT NOT NULL UNIQUE,       -- phone number id
  display_number  TEXT NOT NULL DEFAULT '',
  verified_name   TEXT NOT NULL DEFAULT '',
  sealed_token    TEXT NOT NULL,              -- SecretBox envelope; context 'accounts.token.<sender_id>'
  status          TEXT NOT NULL DEFAULT 'UNKNOWN',   -- Meta's: CONNECTED, ...
  quality         TEXT NOT NULL DEFAULT 'UNKNOWN',   -- GREEN, YELLOW, RED, UNKNOWN
  throughput      INTEGER NOT NULL DEFAULT 80,       -- granted messages per second
  throughput_level TEXT NOT NULL DEFAULT 'STANDARD',
  messaging_tier  TEXT NOT NULL DEFAULT '',          -- TIER_250 … TIER_UNLIMITED; empty: not known
  blocked_reason  TEXT NOT NULL DEFAULT '',          -- non-empty: nothing may be sent (token lost, account restricted)
  created_at      BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL
);

CREATE TABLE templates (
  id               INTEGER PRIMARY KEY,
  business_id      TEXT NOT NULL,
  meta_id          TEXT NOT NULL,
  name             TEXT NOT NULL,
  language         TEXT NOT NULL,
  status           TEXT NOT NULL,             -- APPROVED, PAUSED, … as Meta names them
  category         TEXT NOT NULL,
  correct_category TEXT NOT NULL DEFAULT '',
  quality          TEXT NOT NULL DEFAULT 'UNKNOWN',
  parameter_format TEXT NOT NULL DEFAULT 'POSITIONAL',
  components       TEXT NOT NULL,             -- Meta's JSON, verbatim
  reason           TEXT NOT NULL DEFAULT '',
  synced_at        BIGINT NOT NULL,
  UNIQUE (business_id, name, language)
);

-- Our media at Meta, so that one file goes up once in 30 days (refreshed at 25).
CREATE TABLE media_uploads (
  account_id  INTEGER NOT NULL REFERENCES accounts(id),
  sha256      TEXT NOT NULL,
  media_id    TEXT NOT NULL,
  mime_type   TEXT NOT NULL,
  uploaded_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, sha256)
);

-- Recipient files as uploaded; the bytes are in the blob store.
CREATE TABLE uploads (
  id          INTEGER PRIMARY KEY,
  file_name   TEXT NOT NULL,
  blob        TEXT NOT NULL,                  -- blob key: sha256 of the bytes
  size        BIGINT NOT NULL,
  created_by  TEXT NOT NULL,
  created_at  BIGINT NOT NULL
);

-- Broadcasts. The recipients themselves are an immutable compiled list in the blob store (broadcasts/recipient_list.h);
-- the database holds only how far each of them has come (table sends).
CREATE TABLE campaigns (
  id             INTEGER PRIMARY KEY,
  account_id     INTEGER NOT NULL REFERENCES accounts(id),
  name           TEXT NOT NULL,
  state          TEXT NOT NULL,               -- draft, preflighting, ready, scheduled, running, paused, completed, cancelled, failed
  state_reason   TEXT NOT NULL DEFAULT '',    -- why paused or failed, for people
  upload_id      INTEGER REFERENCES uploads(id),
  template_name  TEXT NOT NULL,
  template_language TEXT NOT NULL,
  template       TEXT NOT NULL DEFAULT '',    -- components as they were at pre-flight
  mapping        TEXT NOT NULL DEFAULT '{}',  -- columns, constants and fallbacks to variables
  options        TEXT NOT NULL DEFAULT '{}',  -- default region, policy, schedule, quiet hours, thresholds
  preflight      TEXT NOT NULL DEFAULT '',    -- summary JSON of the last pre-flight
  list_blob      TEXT NOT NULL DEFAULT '',    -- compiled recipient list
  problems_blob  TEXT NOT NULL DEFAULT '',    -- rejected and duplicate rows as CSV
  total          BIGINT NOT NULL DEFAULT 0,   -- recipients in the list
  -- Counters, moved in the same transaction as the rows they count (invariant I1).
  intents        BIGINT NOT NULL DEFAULT 0,   -- rows now in state intent
  accepted       BIGINT NOT NULL DEFAULT 0,
  rejected       BIGINT NOT NULL DEFAULT 0,
  deferred       BIGINT NOT NULL DEFAULT 0,
  unknown        BIGINT NOT NULL DEFAULT 0,
  unknown_final  BIGINT NOT NULL DEFAULT 0,
  suppressed     BIGINT NOT NULL DEFAULT 0,
  cancelled      BIGINT NOT NULL DEFAULT 0,
  expired        BIGINT NOT NULL DEFAULT 0,
  sent           BIGINT NOT NULL DEFAULT 0,   -- delivery lattice: rows at or above
  delivered      BIGINT NOT NULL DEFAULT 0,
  read           BIGINT NOT NULL DEFAULT 0,
  failed         BIGINT NOT NULL DEFAULT 0,
  held           BIGINT NOT NULL DEFAULT 0,   -- accepted but held for quality assessment
  created_by     TEXT NOT NULL,
  created_at     BIGINT NOT NULL,
  start_at       BIGINT,                      -- scheduled start
  started_at     BIGINT,
  finished_at    BIGINT,
  updated_at     BIGINT NOT NULL
);
CREATE INDEX campaigns_by_state ON campaigns (state);

-- A campaign's list is cut into segments: one, or one a time zone when sending by the recipient's local time.
CREATE TABLE campaign_segments (
  campaign_id INTEGER NOT NULL REFERENCES campaigns(id),
  segment     INTEGER NOT NULL,
  first_row   BIGINT NOT NULL,                -- rows are numbered from 1 over the whole list
  last_row    BIGINT NOT NULL,
  next_row    BIGINT NOT NULL,                -- first row without an intent yet; last_row + 1 when done
  utc_offset_minutes INTEGER NOT NULL DEFAULT 0,
  not_before  BIGINT NOT NULL DEFAULT 0,      -- earliest send time of this segment
  PRIMARY KEY (campaign_id, segment)
);

-- One row for each recipient that sending has reached. No row: still queued.
-- campaign_id 0 holds single sends (replies, API, test messages); their payload is in single_sends.
CREATE TABLE sends (
  campaign_id  INTEGER NOT NULL,
  row_no       BIGINT NOT NULL,
  account_id   INTEGER NOT NULL,
  phone        BIGINT NOT NULL,               -- E.164 digits; 0 if addressed by BSUID
  state        INTEGER NOT NULL,              -- messaging/send_state.h
  attempt      INTEGER NOT NULL DEFAULT 1,
  intent_at    BIGINT NOT NULL,
  settled_at   BIGINT,                        -- when the submission reached its present state
  due_at       BIGINT,                        -- deferred: earliest next attempt; unknown: end of the hold
  wamid        TEXT,
  code         INTEGER NOT NULL DEFAULT 0,    -- last error code, submission or delivery
  delivery     INTEGER NOT NULL DEFAULT 0,    -- delivery lattice bits and rank: messaging/delivery.h
  sent_at      BIGINT,
  delivered_at BIGINT,
  read_at      BIGINT,
  failed_at    BIGINT,
  detail       TEXT,                          -- Meta's words for the error, shortened
  PRIMARY KEY (campaign_id, row_no)
) WITHOUT ROWID;
CREATE INDEX sends_open ON sends (account_id, state, due_at) WHERE state IN (1, 4, 5);   -- intent, deferred, unknown

-- wamid → send, for statuses that come without our token. Filled behind the sends in large sorted batches.
CREATE TABLE wamids (
  hash        BIGINT NOT NULL,                -- first 8 bytes of SHA-256(wamid)
  campaign_id INTEGER NOT NULL,
  row_no      BIGINT NOT NULL,
  PRIMARY KEY (hash, campaign_id, row_no)
) WITHOUT ROWID;

CREATE TABLE single_sends (
  row_no      INTEGER PRIMARY KEY,            -- = sends.row_no with campaign_id 0
  account_id  INTEGER NOT NULL,
  lane        INTEGER NOT NULL,               -- 0 replies and one-time codes, 1 API
  phone       BIGINT NOT NULL,
  payload     TEXT NOT NULL,                  -- request body without token, as JSON
  policy      INTEGER NOT NULL DEFAULT 0,     -- 0 at_most_once, 1 at_least_once
  purpose     TEXT NOT NULL DEFAULT '',       -- 'test:<campaign>', 'action:<name>'
  queued_at   BIGINT NOT NULL,
  done        INTEGER NOT NULL DEFAULT 0      -- 1 once a sends row exists
);
CREATE INDEX single_sends_queue ON single_sends (account_id, lane, row_no) WHERE done = 0;

CREATE TABLE campaign_errors (
  campaign_id INTEGER NOT NULL,
  code        INTEGER NOT NULL,
  submission  BIGINT NOT NULL DEFAULT 0,      -- rejected at submission with this code
  delivery    BIGINT NOT NULL DEFAULT 0,      -- failed later with this code
  PRIMARY KEY (campaign_id, code)
) WITHOUT ROWID;

CREATE TABLE campaign_minutes (
  campaign_id INTEGER NOT NULL,
  minute      BIGINT NOT NULL,                -- Unix minutes
  accepted    BIGINT NOT NULL DEFAULT 0,
  rejected    BIGINT NOT NULL DEFAULT 0,
  delivered   BIGINT NOT NULL DEFAULT 0,
  read        BIGINT NOT NULL DEFAULT 0,
  failed      BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (campaign_id, minute)
) WITHOUT ROWID;

-- Who must not receive marketing.
CREATE TABLE suppressions (
  phone      BIGINT NOT NULL,
  business_id TEXT NOT NULL,                  -- '' for all
  source     TEXT NOT NULL,                   -- 'keyword', 'user_preferences', 'error_131050', 'import', 'operator'
  detail     TEXT NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  PRIMARY KEY (phone, business_id)
) WITHOUT ROWID;

-- Unique recipients reached per portfolio in the moving 24 hours, hour by hour.
CREATE TABLE portfolio_usage (
  business_id TEXT NOT NULL,
  hour        BIGINT NOT NULL,
  recipients  BIGINT NOT NULL,
  PRIMARY KEY (business_id, hour)
) WITHOUT ROWID;

-- Verbatim webhook bodies, committed before they are acknowledged (invariant I13).
CREATE TABLE journal (
  id          INTEGER PRIMARY KEY,
  source      TEXT NOT NULL,                  -- 'whatsapp'
  received_at BIGINT NOT NULL,
  body        BLOB NOT NULL
);

-- Events that could not be applied; kept with their raw bytes, visible and replayable (invariant I15).
CREATE TABLE parked_events (
  id          INTEGER PRIMARY KEY,
  journal_id  INTEGER NOT NULL,
  position    INTEGER NOT NULL,               -- which event of the body
  reason      TEXT NOT NULL,
  body        TEXT NOT NULL,
  parked_at   BIGINT NOT NULL,
  attempts    INTEGER NOT NULL DEFAULT 0
);

-- Incoming events applied already, so that redelivery changes nothing (invariant I14). Pruned after 8 days.
CREATE TABLE applied_events (
  key        BIGINT PRIMARY KEY,              -- first 8 bytes of SHA-256 of the event's natural key
  applied_at BIGINT NOT NULL
);

-- The outbox: what happened, for consumers with their own durable cursors.
CREATE TABLE events (
  id      INTEGER PRIMARY KEY,
  at      BIGINT NOT NULL,
  kind    TEXT NOT NULL,                      -- 'campaign.paused', 'template.status', 'message.received', …
  subject TEXT NOT NULL,                      -- what it is about: 'campaign:7'
  data    TEXT NOT NULL                       -- JSON
);
CREATE TABLE cursors (
  consumer TEXT PRIMARY KEY,
  position BIGINT NOT NULL
);

-- Access.
CREATE TABLE api_keys (
  id         INTEGER PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  hash       TEXT NOT NULL UNIQUE,            -- SHA-256 of the key; the key itself is shown once and never stored
  role       TEXT NOT NULL,                   -- viewer, agent, marketer, admin
  created_at BIGINT NOT NULL,
  last_used_at BIGINT,
  revoked_at BIGINT
);
CREATE TABLE audit (
  id      INTEGER PRIMARY KEY,
  at      BIGINT NOT NULL,
  actor   TEXT NOT NULL,                      -- key or user name
  action  TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail  TEXT NOT NULL DEFAULT '',
  previous_hash TEXT NOT NULL,
  hash    TEXT NOT NULL                       -- chained: SHA-256(previous_hash | at | actor | action | subject | detail)
);

-- Idempotency-Key → the answer that was given (invariant I11). Kept 72 hours at least.
CREATE TABLE idempotency (
  key        TEXT PRIMARY KEY,
  body_hash  TEXT NOT NULL,
  status     INTEGER NOT NULL,
  answer     TEXT NOT NULL,
  created_at BIGINT NOT NULL
);

-- Small settings that the program itself owns (token MAC key, webhook verify token).
CREATE TABLE settings (
  name   TEXT PRIMARY KEY,
  value  TEXT NOT NULL
);
