-- What can be searched: derived from the messages, in a file of its own (it may be deleted; it is made again). SQLite only:
-- other engines search in their own way.

-- rowid = messages.id. `place` holds words by which a search is narrowed: a<account>, c<conversation>, p<person>, t_<type>,
-- d<direction>.
CREATE VIRTUAL TABLE message_text USING fts5(text, place, tokenize = "unicode61 remove_diacritics 2");

CREATE TABLE indexed (
  name     TEXT PRIMARY KEY,                  -- 'messages': newest messages.id; 'events': newest events.id
  position BIGINT NOT NULL
);
