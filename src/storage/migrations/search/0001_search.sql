-- What can be searched: derived from the messages, in a file of its own (it may be deleted; it is made again). SQLite only:
-- other engines search in their own way.

-- rowid = messages.id. `place` holds words by which a search is narrowed (search_place): account, conversation, person,
-- type, direction. Beginnings of three letters have an index of their own; longer ones are looked up among the words.
CREATE VIRTUAL TABLE message_text USING fts5(text, place, prefix = '3', tokenize = "unicode61 remove_diacritics 2");
-- Every word of four letters or more there ever was (search_words). FTS5 knows them too, but takes as long to pass a word
-- as it is frequent.
CREATE TABLE message_words (
  word TEXT PRIMARY KEY
) WITHOUT ROWID;

CREATE TABLE indexed (
  name     TEXT PRIMARY KEY,                  -- 'messages': newest messages.id; 'events': newest events.id
  position BIGINT NOT NULL
);
