-- The journal has a file and a committer of its own, so that what arrives is acknowledged whatever the rest is busy with.

-- Verbatim webhook bodies, committed before they are acknowledged (invariant I13). Times are BIGINT microseconds since the
-- Unix epoch, UTC.
CREATE TABLE journal (
  id          INTEGER PRIMARY KEY,
  source      TEXT NOT NULL,                  -- channels/parse_webhook.h
  received_at BIGINT NOT NULL,
  body        BLOB NOT NULL
);
CREATE INDEX journal_by_time ON journal (received_at);
