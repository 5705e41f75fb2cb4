-- People, conversations, messages, attachments; automation, notifications and webhooks out. Times are BIGINT
-- microseconds since the Unix epoch, UTC. The journal has a file of its own from here on (migrations/journal).

-- What is looked up while webhooks are applied, and what is pruned.
CREATE INDEX parked_events_by_journal ON parked_events (journal_id, position);
CREATE INDEX parked_events_by_reason ON parked_events (reason);
CREATE INDEX applied_events_by_time ON applied_events (applied_at);

-- The business portfolio scopes WhatsApp's user ids; several accounts may share it. Empty: the business id stands for it.
ALTER TABLE accounts ADD COLUMN portfolio TEXT NOT NULL DEFAULT '';
-- How Meta is reached: 'facebook' (graph.facebook.com) or 'instagram' (Instagram Login, graph.instagram.com).
ALTER TABLE accounts ADD COLUMN login TEXT NOT NULL DEFAULT 'facebook';
-- 'graph', or 'aws' for a number linked to AWS End User Messaging Social.
ALTER TABLE accounts ADD COLUMN transport TEXT NOT NULL DEFAULT 'graph';
ALTER TABLE accounts ADD COLUMN transport_id TEXT NOT NULL DEFAULT '';   -- aws: the phone number id or ARN there
-- Why an account may not send, one row a cause: what takes one cause away leaves the others. accounts.blocked_reason
-- holds them all in words.
CREATE TABLE account_blocks (
  account_id BIGINT NOT NULL REFERENCES accounts(id),
  kind       TEXT NOT NULL,                   -- messaging/accounts.h: 'token', 'ban', 'messaging', 'connection', 'other'
  reason     TEXT NOT NULL,
  since      BIGINT NOT NULL,
  PRIMARY KEY (account_id, kind)
);
INSERT INTO account_blocks (account_id, kind, reason, since)
  SELECT id, 'token', blocked_reason, updated_at FROM accounts WHERE blocked_reason <> '';

-- Who is signed in with a browser. Ends after two hours without use, after twelve, with sign-out and with the key.
CREATE TABLE web_sessions (
  hash      TEXT NOT NULL PRIMARY KEY,        -- SHA-256 of the cookie's token; the token itself is never stored
  actor     TEXT NOT NULL,
  role      TEXT NOT NULL,
  made_by   TEXT NOT NULL DEFAULT '',         -- name of the API key that made the link; empty: the server
  opened_at BIGINT NOT NULL,
  seen_at   BIGINT NOT NULL                   -- to the minute
);

CREATE TABLE people (
  id          INTEGER PRIMARY KEY,
  portfolio   TEXT NOT NULL,
  name        TEXT NOT NULL DEFAULT '',       -- as the channel tells it
  given_name  TEXT NOT NULL DEFAULT '',       -- as our own people call them; shown first
  username    TEXT NOT NULL DEFAULT '',
  profile     TEXT NOT NULL DEFAULT '{}',     -- what the profile call answered, JSON
  profile_at  BIGINT NOT NULL DEFAULT 0,      -- when it was asked, successfully or not
  profile_until BIGINT NOT NULL DEFAULT 0,    -- do not ask again before
  profile_error TEXT NOT NULL DEFAULT '',     -- why there is none; empty: there is one, or nobody asked
  profile_picture TEXT NOT NULL DEFAULT '',   -- blob key
  identity_hash TEXT NOT NULL DEFAULT '',     -- WhatsApp's identity_key_hash
  merged_into BIGINT NOT NULL DEFAULT 0,      -- 0: a person of their own
  created_at  BIGINT NOT NULL,
  updated_at  BIGINT NOT NULL
);
CREATE INDEX people_by_picture ON people (profile_picture) WHERE profile_picture <> '';

-- Who holds an address now. kind: channels/conversation_events.h. Scope: the portfolio, or the account's sender id
-- for ids that are scoped to one account.
CREATE TABLE person_addresses (
  kind       INTEGER NOT NULL,
  scope      TEXT NOT NULL,
  value      TEXT NOT NULL,                   -- phones in canonical spelling (core/phone_spelling.h)
  person_id  BIGINT NOT NULL,
  shown      TEXT NOT NULL DEFAULT '',        -- as the channel spells it, if different
  valid_from BIGINT NOT NULL,
  PRIMARY KEY (kind, scope, value)
) WITHOUT ROWID;
CREATE INDEX person_addresses_by_person ON person_addresses (person_id);

-- Addresses that people no longer hold.
CREATE TABLE person_former_addresses (
  person_id  BIGINT NOT NULL,
  kind       INTEGER NOT NULL,
  scope      TEXT NOT NULL,
  value      TEXT NOT NULL,
  valid_from BIGINT NOT NULL,
  valid_to   BIGINT NOT NULL,
  reason     TEXT NOT NULL
);
CREATE INDEX person_former_addresses_by_person ON person_former_addresses (person_id);
CREATE INDEX person_former_addresses_by_value ON person_former_addresses (kind, scope, value);

-- Moves whenever what was once read about who holds an address, or who writes in a conversation, may not hold
-- any more: memories of it end (messaging/people_cache.h).
CREATE TABLE identity_generation (
  id    INTEGER PRIMARY KEY,                  -- 1
  value BIGINT NOT NULL
);
INSERT INTO identity_generation (id, value) VALUES (1, 0);
CREATE TRIGGER address_taken AFTER DELETE ON person_addresses
  BEGIN UPDATE identity_generation SET value = value + 1 WHERE id = 1; END;
CREATE TRIGGER address_changed AFTER UPDATE ON person_addresses
  BEGIN UPDATE identity_generation SET value = value + 1 WHERE id = 1; END;
CREATE TRIGGER person_merged AFTER UPDATE OF merged_into ON people
  BEGIN UPDATE identity_generation SET value = value + 1 WHERE id = 1; END;
CREATE TRIGGER person_removed AFTER DELETE ON people
  BEGIN UPDATE identity_generation SET value = value + 1 WHERE id = 1; END;
CREATE TRIGGER account_rescoped AFTER UPDATE OF portfolio, business_id, sender_id, channel ON accounts
  BEGIN UPDATE identity_generation SET value = value + 1 WHERE id = 1; END;

CREATE TABLE person_merges (
  id         INTEGER PRIMARY KEY,
  kept       BIGINT NOT NULL,
  absorbed   BIGINT NOT NULL,
  at         BIGINT NOT NULL,
  actor      TEXT NOT NULL,                   -- 'channel', or who asked
  reason     TEXT NOT NULL,
  undo       TEXT NOT NULL,                   -- JSON: what has to be put back
  undone_at  BIGINT
);
CREATE INDEX person_merges_by_kept ON person_merges (kept);
CREATE INDEX person_merges_by_absorbed ON person_merges (absorbed);

-- Search by the start of a word of a name or of a username, folded to lower case (messaging/people_names.h).
CREATE TABLE person_names (
  word       TEXT NOT NULL,
  person_id  BIGINT NOT NULL,
  PRIMARY KEY (word, person_id)
) WITHOUT ROWID;
CREATE INDEX person_names_by_person ON person_names (person_id);

-- Who wants no marketing, known by person: holds without a phone number too. Those with numbers are also in `suppressions`.
CREATE TABLE person_suppressions (
  person_id   BIGINT NOT NULL,
  business_id TEXT NOT NULL,                  -- '' for all
  source      TEXT NOT NULL,                  -- as in suppressions
  detail      TEXT NOT NULL DEFAULT '',
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (person_id, business_id)
) WITHOUT ROWID;

-- When people last said themselves that they want no marketing, or want it again: what arrives late changes nothing.
CREATE TABLE marketing_choices (
  person_id   BIGINT NOT NULL,
  business_id TEXT NOT NULL,
  stopped_at  BIGINT NOT NULL DEFAULT 0,      -- 0: never
  started_at  BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (person_id, business_id)
) WITHOUT ROWID;

-- One for each person (or group) and account.
CREATE TABLE conversations (
  id              INTEGER PRIMARY KEY,
  account_id      BIGINT NOT NULL,
  person_id       BIGINT NOT NULL DEFAULT 0,  -- 0: a group
  group_id        TEXT NOT NULL DEFAULT '',
  subject         TEXT NOT NULL DEFAULT '',   -- a group's name
  last_message_id BIGINT NOT NULL DEFAULT 0,  -- messages.id: the order of the inbox
  last_message_at BIGINT NOT NULL DEFAULT 0,
  last_inbound_at BIGINT NOT NULL DEFAULT 0,  -- the person's last message, by the channel's time
  last_action_at  BIGINT NOT NULL DEFAULT 0,  -- the person's last act that opens the messaging window
  free_until      BIGINT NOT NULL DEFAULT 0,  -- end of a free entry point window; 0: none
  delivered_until BIGINT NOT NULL DEFAULT 0,  -- watermarks of Instagram and Messenger: the person got, and read,
  read_until      BIGINT NOT NULL DEFAULT 0,  -- everything of ours up to then
  unread          INTEGER NOT NULL DEFAULT 0,
  archived        INTEGER NOT NULL DEFAULT 0,
  assigned_to     TEXT NOT NULL DEFAULT '',
  created_at      BIGINT NOT NULL,
  UNIQUE (account_id, person_id, group_id)
);
CREATE INDEX conversations_inbox ON conversations (account_id, archived, last_message_id);
CREATE INDEX conversations_unread ON conversations (account_id, last_message_id) WHERE unread > 0;
CREATE INDEX conversations_assigned ON conversations (assigned_to, last_message_id) WHERE assigned_to <> '';
CREATE INDEX conversations_by_person ON conversations (person_id);

CREATE TRIGGER conversation_moved AFTER UPDATE OF account_id, person_id, group_id ON conversations
  BEGIN UPDATE identity_generation SET value = value + 1 WHERE id = 1; END;
CREATE TRIGGER conversation_removed AFTER DELETE ON conversations
  BEGIN UPDATE identity_generation SET value = value + 1 WHERE id = 1; END;

-- Members of groups, as group events tell: messaging/group_members.h.
CREATE TABLE group_members (
  conversation_id BIGINT NOT NULL,
  person_id       BIGINT NOT NULL,            -- as told; merges are followed when it is read
  joined_at       BIGINT NOT NULL DEFAULT 0,
  left_at         BIGINT NOT NULL DEFAULT 0,
  how             TEXT NOT NULL DEFAULT '',   -- 'left', 'removed', 'deleted'
  PRIMARY KEY (conversation_id, person_id)
) WITHOUT ROWID;
CREATE TABLE conversation_labels (
  label           TEXT NOT NULL,
  conversation_id BIGINT NOT NULL,
  last_message_id BIGINT NOT NULL DEFAULT 0,  -- as in conversations: the order of the inbox of one label
  PRIMARY KEY (label, conversation_id)
) WITHOUT ROWID;
CREATE INDEX conversation_labels_inbox ON conversation_labels (label, last_message_id);
CREATE INDEX conversation_labels_by_conversation ON conversation_labels (conversation_id);

-- Everything said in a conversation, private notes included. Ids grow in the order of commits.
CREATE TABLE messages (
  id              INTEGER PRIMARY KEY,
  conversation_id BIGINT NOT NULL,
  direction       INTEGER NOT NULL,           -- 0 in, 1 out, 2 private note
  at              BIGINT NOT NULL,            -- the channel's time
  received_at     BIGINT NOT NULL,
  channel_id      TEXT NOT NULL DEFAULT '',   -- wamid or mid; empty: not known (yet)
  author_person   BIGINT NOT NULL DEFAULT 0,  -- who wrote in a group
  author          TEXT NOT NULL DEFAULT '',   -- out and notes: key or user, 'automation:<rule>', 'app' for the owner's phone
  type            TEXT NOT NULL,
  text            TEXT NOT NULL DEFAULT '',
  payload         TEXT NOT NULL DEFAULT '',
  content         TEXT NOT NULL DEFAULT '{}', -- the channel's own JSON of the content
  reply_to        TEXT NOT NULL DEFAULT '',   -- channel id of the message it answers
  flags           INTEGER NOT NULL DEFAULT 0, -- messaging/messages.h
  error_code      INTEGER NOT NULL DEFAULT 0,
  error           TEXT NOT NULL DEFAULT '',
  send_row        BIGINT NOT NULL DEFAULT 0,  -- out: sends.row_no with campaign_id 0, which knows what became of it
  delivery        INTEGER NOT NULL DEFAULT 0, -- out without send_row: messaging/delivery.h
  delivered_at    BIGINT NOT NULL DEFAULT 0,
  read_at         BIGINT NOT NULL DEFAULT 0,
  edited_at       BIGINT NOT NULL DEFAULT 0,
  edit_number     INTEGER NOT NULL DEFAULT 0,
  deleted_at      BIGINT NOT NULL DEFAULT 0,  -- unsent by its author: content is gone
  moved_from      BIGINT NOT NULL DEFAULT 0   -- the conversation it was in before two people were merged
);
CREATE INDEX messages_by_conversation ON messages (conversation_id, at, id);
CREATE INDEX messages_moved ON messages (moved_from) WHERE moved_from <> 0;
CREATE INDEX messages_by_send ON messages (send_row) WHERE send_row <> 0;

-- channel id → message: so that a message is stored once, however often and by whatever way it comes.
CREATE TABLE message_ids (
  hash       BIGINT NOT NULL,                 -- first 8 bytes of SHA-256(channel id)
  message_id BIGINT NOT NULL,
  PRIMARY KEY (hash, message_id)
) WITHOUT ROWID;

CREATE TABLE reactions (
  message_id BIGINT NOT NULL,
  actor      BIGINT NOT NULL,                 -- person; 0: our side
  emoji      TEXT NOT NULL,
  at         BIGINT NOT NULL,
  PRIMARY KEY (message_id, actor)
) WITHOUT ROWID;

-- Changes that came before the message they are about (order is not guaranteed); applied when it comes. Pruned after 8 days.
CREATE TABLE early_changes (
  hash  BIGINT NOT NULL,                      -- of the target's channel id
  key   BIGINT NOT NULL,                      -- of the event's natural key
  kind  TEXT NOT NULL,                        -- reaction, edit, revoke
  data  TEXT NOT NULL,                        -- JSON
  at    BIGINT NOT NULL,
  PRIMARY KEY (hash, key)
) WITHOUT ROWID;
CREATE INDEX early_changes_by_time ON early_changes (at);

CREATE TABLE attachments (
  id          INTEGER PRIMARY KEY,
  message_id  BIGINT NOT NULL,
  position    INTEGER NOT NULL,
  account_id  BIGINT NOT NULL,
  kind        TEXT NOT NULL,
  media_id    TEXT NOT NULL DEFAULT '',
  url         TEXT NOT NULL DEFAULT '',       -- emptied once fetched: it is a secret of a kind
  told_type   TEXT NOT NULL DEFAULT '',
  told_sha256 TEXT NOT NULL DEFAULT '',       -- hex
  file_name   TEXT NOT NULL DEFAULT '',
  state       INTEGER NOT NULL DEFAULT 0,     -- messaging/attachments.h: 0 waiting, 1 stored, 2 lost, 3 refused, 4 deleted
  blob        TEXT NOT NULL DEFAULT '',       -- while state is 0: what is being put there
  size        BIGINT NOT NULL DEFAULT 0,
  mime_type   TEXT NOT NULL DEFAULT '',       -- as the bytes say
  path        TEXT NOT NULL DEFAULT '',       -- seed layout, for exports and object stores
  attempts    INTEGER NOT NULL DEFAULT 0,
  doubts      INTEGER NOT NULL DEFAULT 0,     -- answers that were not the file (gone, other bytes); the last one is believed
  next_try_at BIGINT NOT NULL DEFAULT 0,
  error       TEXT NOT NULL DEFAULT '',
  stored_at   BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX attachments_by_message ON attachments (message_id);
CREATE INDEX attachments_by_media ON attachments (media_id) WHERE media_id <> '';
CREATE INDEX attachments_due ON attachments (account_id, next_try_at) WHERE state = 0;
CREATE INDEX attachments_by_blob ON attachments (blob) WHERE blob <> '';
-- What is deleted when its story is over.
CREATE INDEX attachments_of_stories ON attachments (id)
  WHERE state <= 1 AND kind IN ('story_mention', 'story_reply', 'story', 'ig_story');
-- Blobs that a row has let go of, or that are written for a row to come; deleted soon, unless a row refers to them.
CREATE TABLE unused_blobs (
  blob       TEXT NOT NULL PRIMARY KEY,
  not_before BIGINT NOT NULL DEFAULT 0,       -- until then a row may still be on its way
  going      INTEGER NOT NULL DEFAULT 0       -- 1: the file is being deleted, nobody may name it now
) WITHOUT ROWID;

CREATE TABLE calls (
  id              INTEGER PRIMARY KEY,
  account_id      BIGINT NOT NULL,
  person_id       BIGINT NOT NULL DEFAULT 0,
  conversation_id BIGINT NOT NULL DEFAULT 0,
  channel_id      TEXT NOT NULL,
  from_business   INTEGER NOT NULL DEFAULT 0,
  state           TEXT NOT NULL,              -- last event or status
  seconds         BIGINT NOT NULL DEFAULT 0,
  started_at      BIGINT NOT NULL,
  ended_at        BIGINT NOT NULL DEFAULT 0,
  content         TEXT NOT NULL DEFAULT '{}',
  UNIQUE (account_id, channel_id)
);
CREATE INDEX calls_by_person ON calls (person_id);

-- Automation: one row for each rule; what it does stands in its JSON (automation/rule.h).
CREATE TABLE automation_rules (
  id         INTEGER PRIMARY KEY,
  account_id BIGINT NOT NULL,                 -- 0: every account
  name       TEXT NOT NULL,
  enabled    INTEGER NOT NULL DEFAULT 1,
  rule       TEXT NOT NULL,                   -- JSON
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  UNIQUE (account_id, name)
);
-- When a rule last acted in a conversation: cooldowns, and once only for each message. Rule 0: choices from menus.
CREATE TABLE automation_runs (
  conversation_id BIGINT NOT NULL,
  rule_id         BIGINT NOT NULL,
  message_id      BIGINT NOT NULL,
  at              BIGINT NOT NULL,
  PRIMARY KEY (conversation_id, rule_id)
) WITHOUT ROWID;
CREATE TABLE automation_menus (
  account_id BIGINT NOT NULL,                 -- 0: every account without a menu of its own by this name
  name       TEXT NOT NULL,
  enabled    INTEGER NOT NULL DEFAULT 1,
  menu       TEXT NOT NULL,                   -- JSON (automation/menu.h)
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  PRIMARY KEY (account_id, name)
) WITHOUT ROWID;
-- Read receipts, typing indicators and reactions that are still to be given. Giving one twice changes nothing.
CREATE TABLE automation_signals (
  message_id      BIGINT PRIMARY KEY,
  conversation_id BIGINT NOT NULL,
  account_id      BIGINT NOT NULL,
  read_receipt    INTEGER NOT NULL,
  typing          INTEGER NOT NULL,
  emoji           TEXT NOT NULL,              -- empty: no reaction
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_try_at     BIGINT NOT NULL,
  created_at      BIGINT NOT NULL
);
CREATE INDEX automation_signals_due ON automation_signals (next_try_at);
-- Attachments that go back or on to somebody else, once they are stored here and uploaded.
CREATE TABLE automation_media (
  id              INTEGER PRIMARY KEY,
  rule_id         BIGINT NOT NULL,
  author          TEXT NOT NULL,
  account_id      BIGINT NOT NULL,
  message_id      BIGINT NOT NULL,            -- the message that came
  attachment_id   BIGINT NOT NULL,
  conversation_id BIGINT NOT NULL,            -- where it goes
  caption         TEXT NOT NULL DEFAULT '',
  reply_to        TEXT NOT NULL DEFAULT '',
  ready           INTEGER NOT NULL,           -- 0: waits until the attachment is stored
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_try_at     BIGINT NOT NULL,
  give_up_at      BIGINT NOT NULL,
  created_at      BIGINT NOT NULL
);
CREATE INDEX automation_media_due ON automation_media (ready, next_try_at);
CREATE INDEX automation_media_by_attachment ON automation_media (attachment_id);

-- E-mail: who is told what, and the durable queue.
CREATE TABLE notification_recipients (
  id         INTEGER PRIMARY KEY,
  address    TEXT NOT NULL UNIQUE,
  name       TEXT NOT NULL DEFAULT '',
  enabled    INTEGER NOT NULL DEFAULT 1,
  settings   TEXT NOT NULL DEFAULT '{}',      -- JSON: accounts, inbound, outbound, digest minutes, attachments
  failures   INTEGER NOT NULL DEFAULT 0,
  last_error TEXT NOT NULL DEFAULT '',
  next_mail_at BIGINT NOT NULL DEFAULT 0,     -- when what waits for them is looked at; 0: nothing waits, or a mail is on its way
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL
);
CREATE INDEX notification_recipients_due ON notification_recipients (next_mail_at) WHERE next_mail_at > 0;
CREATE TABLE notification_queue (
  id           INTEGER PRIMARY KEY,
  recipient_id BIGINT NOT NULL,
  event_id     BIGINT NOT NULL,               -- events.id: each is told once
  message_id   BIGINT NOT NULL,
  due_at       BIGINT NOT NULL,
  mail_id      BIGINT NOT NULL DEFAULT 0,     -- notification_mails: the mail that tells it
  UNIQUE (recipient_id, event_id)
);
CREATE INDEX notification_queue_due ON notification_queue (recipient_id, due_at) WHERE mail_id = 0;
CREATE TABLE notification_mails (
  id           INTEGER PRIMARY KEY,
  recipient_id BIGINT NOT NULL,
  message_ref  TEXT NOT NULL,                 -- Message-ID header: equal on every attempt
  state        INTEGER NOT NULL DEFAULT 0,    -- 0 waiting, 1 sent, 2 refused for good
  attempts     INTEGER NOT NULL DEFAULT 0,
  next_try_at  BIGINT NOT NULL,
  created_at   BIGINT NOT NULL,
  sent_at      BIGINT NOT NULL DEFAULT 0,
  error        TEXT NOT NULL DEFAULT ''
);
CREATE INDEX notification_mails_due ON notification_mails (next_try_at) WHERE state = 0;
CREATE INDEX notification_mails_waiting ON notification_mails (recipient_id, state) WHERE state = 0;
CREATE INDEX notification_mails_done ON notification_mails (created_at) WHERE state <> 0;
CREATE INDEX notification_mails_by_recipient ON notification_mails (recipient_id, created_at);
CREATE INDEX notification_queue_by_mail ON notification_queue (mail_id) WHERE mail_id <> 0;

-- Webhooks out.
CREATE TABLE webhook_endpoints (
  id            INTEGER PRIMARY KEY,
  url           TEXT NOT NULL,
  description   TEXT NOT NULL DEFAULT '',
  kinds         TEXT NOT NULL,                -- JSON array of event kinds, "message.*", "*"
  business_id   TEXT NOT NULL DEFAULT '',     -- only events of this business account; empty: of all
  sealed_secret TEXT NOT NULL,                -- SecretBox; context 'webhook_endpoints.secret.<id>'
  sealed_previous TEXT NOT NULL DEFAULT '',   -- also signs until previous_until
  previous_until BIGINT NOT NULL DEFAULT 0,
  enabled       INTEGER NOT NULL DEFAULT 1,
  disabled_reason TEXT NOT NULL DEFAULT '',
  failing_since BIGINT NOT NULL DEFAULT 0,    -- 0: the last attempt succeeded
  failures      INTEGER NOT NULL DEFAULT 0,   -- attempts since then
  after_event   BIGINT NOT NULL,              -- events.id: nothing older is sent
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL
);
CREATE TABLE webhook_deliveries (
  id          INTEGER PRIMARY KEY,
  endpoint_id BIGINT NOT NULL,
  event_id    BIGINT NOT NULL,
  webhook_id  TEXT NOT NULL,                  -- the same on every attempt: what receivers recognise repetitions by
  order_key   TEXT NOT NULL,                  -- deliveries of one key go in order, one after another
  kind        TEXT NOT NULL,
  message_id  BIGINT NOT NULL DEFAULT 0,      -- messages.id that the body shows; 0: none
  body        TEXT NOT NULL,
  state       INTEGER NOT NULL DEFAULT 0,     -- 0 waiting, 1 delivered, 2 given up
  attempts    INTEGER NOT NULL DEFAULT 0,
  first_try_at BIGINT NOT NULL DEFAULT 0,
  next_try_at BIGINT NOT NULL,                -- greatest BIGINT: another of its key goes first
  created_at  BIGINT NOT NULL,
  done_at     BIGINT NOT NULL DEFAULT 0,
  last_status INTEGER NOT NULL DEFAULT 0,     -- of the last attempt, as in webhook_attempts
  last_error  TEXT NOT NULL DEFAULT '',
  UNIQUE (endpoint_id, event_id)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_try_at) WHERE state = 0;
CREATE INDEX webhook_deliveries_order ON webhook_deliveries (endpoint_id, order_key, id) WHERE state = 0;
CREATE INDEX webhook_deliveries_done ON webhook_deliveries (done_at) WHERE state <> 0;
CREATE INDEX webhook_deliveries_by_message ON webhook_deliveries (message_id) WHERE message_id <> 0;
CREATE TABLE webhook_attempts (
  id          INTEGER PRIMARY KEY,
  delivery_id BIGINT NOT NULL,
  at          BIGINT NOT NULL,
  status      INTEGER NOT NULL,               -- HTTP status; 0: no answer
  milliseconds BIGINT NOT NULL,
  error       TEXT NOT NULL DEFAULT ''
);
CREATE INDEX webhook_attempts_by_delivery ON webhook_attempts (delivery_id);
