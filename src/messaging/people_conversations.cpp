#include "messaging/people_conversations.h"

#include <algorithm>
#include <optional>

namespace posthorn::people_conversations {
namespace {

struct Row {
  ConversationId id;
  AccountId account;
};

template <class Read>
Result<> for_each(Result<SqlRows> found, Read read) {
  PH_TRY_ASSIGN(SqlRows rows, std::move(found));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return {};
    read(rows);
  }
}

Result<std::vector<Row>> conversations_of(Transaction& tx, PersonId person) {
  std::vector<Row> all;
  PH_TRY(for_each(
      tx.query("SELECT id, account_id FROM conversations WHERE person_id = $1 AND group_id = '' ORDER BY id",
               {person}),
      [&](SqlRows& r) { all.push_back({ConversationId{r.integer(0)}, AccountId{r.integer(1)}}); }));
  return all;
}

Result<ConversationId> conversation_with(Transaction& tx, AccountId account, PersonId person) {
  ConversationId id;
  PH_TRY(for_each(
      tx.query("SELECT id FROM conversations WHERE account_id = $1 AND person_id = $2 AND group_id = ''",
               {account, person}),
      [&](SqlRows& r) { id.value = r.integer(0); }));
  return id;
}

Result<ConversationState> state_of(Transaction& tx, ConversationId id) {
  ConversationState s;
  PH_TRY(
      for_each(tx.query("SELECT last_inbound_at, last_action_at, free_until, unread, archived, assigned_to "
                        "FROM conversations WHERE id = $1",
                        {id}),
               [&](SqlRows& r) {
                 s.last_inbound_at = r.integer(0);
                 s.last_action_at = r.integer(1);
                 s.free_until = r.integer(2);
                 s.unread = static_cast<int>(r.integer(3));
                 s.archived = r.integer(4) != 0;
                 s.assigned_to = r.text(5);
               }));
  PH_TRY(for_each(
      tx.query("SELECT label FROM conversation_labels WHERE conversation_id = $1 ORDER BY label", {id}),
      [&](SqlRows& r) { s.labels.emplace_back(r.text(0)); }));
  return s;
}

// The newest message by time becomes the last, as after every change of what a conversation holds.
Result<> find_last(Transaction& tx, ConversationId id) {
  std::int64_t last = 0, at = 0;
  PH_TRY(for_each(tx.query("SELECT id, at FROM messages WHERE conversation_id = $1 AND direction <> 2 "
                           "ORDER BY at DESC, id DESC LIMIT 1",
                           {id}),
                  [&](SqlRows& r) {
                    last = r.integer(0);
                    at = r.integer(1);
                  }));
  PH_TRY(tx.execute("UPDATE conversations SET last_message_id = $2, last_message_at = $3 WHERE id = $1",
                    {id, last, at}));
  PH_TRY(tx.execute("UPDATE conversation_labels SET last_message_id = $2 WHERE conversation_id = $1",
                    {id, last}));
  return {};
}

Result<> write_state(Transaction& tx, ConversationId id, const ConversationState& s) {
  PH_TRY(tx.execute(
      "UPDATE conversations SET last_inbound_at = $2, last_action_at = $3, free_until = $4, unread = $5, "
      "archived = $6, assigned_to = $7 WHERE id = $1",
      {id, s.last_inbound_at, s.last_action_at, s.free_until, s.unread, s.archived, s.assigned_to}));
  PH_TRY(tx.execute("DELETE FROM conversation_labels WHERE conversation_id = $1", {id}));
  for (const std::string& label : s.labels) {
    PH_TRY(
        tx.execute("INSERT INTO conversation_labels (label, conversation_id) VALUES ($1, $2)", {label, id}));
  }
  return find_last(tx, id);
}

Result<> rename_reactions(Transaction& tx, ConversationId conversation, PersonId from, PersonId to) {
  PH_TRY(tx.execute(
      "UPDATE reactions SET actor = $3 WHERE actor = $2 AND message_id IN (SELECT id FROM messages "
      "WHERE conversation_id = $1) AND NOT EXISTS (SELECT 1 FROM reactions o WHERE "
      "o.message_id = reactions.message_id AND o.actor = $3)",
      {conversation, from, to}));
  return {};
}

ConversationState together(const ConversationState& kept, const ConversationState& absorbed) {
  ConversationState s = kept;
  s.last_inbound_at = std::max(kept.last_inbound_at, absorbed.last_inbound_at);
  s.last_action_at = std::max(kept.last_action_at, absorbed.last_action_at);
  s.free_until = std::max(kept.free_until, absorbed.free_until);
  s.unread = kept.unread + absorbed.unread;
  s.archived = kept.archived && absorbed.archived;
  if (s.assigned_to.empty()) s.assigned_to = absorbed.assigned_to;
  for (const std::string& label : absorbed.labels) {
    if (std::ranges::find(s.labels, label) == s.labels.end()) s.labels.push_back(label);
  }
  return s;
}

// What is left to the kept conversation: what it had before, and what changed since then.
ConversationState apart(const ConversationState& now, const MergedConversation& m) {
  const ConversationState merged = together(m.kept, m.absorbed);
  ConversationState s = now;
  if (now.last_inbound_at == merged.last_inbound_at) s.last_inbound_at = m.kept.last_inbound_at;
  if (now.last_action_at == merged.last_action_at) s.last_action_at = m.kept.last_action_at;
  if (now.free_until == merged.free_until) s.free_until = m.kept.free_until;
  if (now.assigned_to == merged.assigned_to) s.assigned_to = m.kept.assigned_to;
  std::erase_if(s.labels, [&](const std::string& label) {
    return std::ranges::find(m.absorbed.labels, label) != m.absorbed.labels.end() &&
           std::ranges::find(m.kept.labels, label) == m.kept.labels.end();
  });
  return s;
}

// If nobody has read them since, the absorbed conversation gets its unread messages back.
int take_unread(int& now, const MergedConversation& m) {
  const int before = m.kept.unread + m.absorbed.unread;
  if (now < before) return 0;
  now -= m.absorbed.unread;
  return m.absorbed.unread;
}

Result<> describe(Transaction& tx, MergedConversation& m) {
  PH_TRY(for_each(tx.query("SELECT MAX(id) FROM messages WHERE conversation_id = $1", {m.id}),
                  [&](SqlRows& r) { m.until.value = r.integer(0); }));
  PH_TRY(for_each(
      tx.query("SELECT DISTINCT moved_from FROM messages WHERE conversation_id = $1 AND moved_from <> 0 "
               "ORDER BY moved_from",
               {m.id}),
      [&](SqlRows& r) { m.origins.push_back(r.integer(0)); }));
  PH_TRY_ASSIGN(m.absorbed, state_of(tx, m.id));
  if (!m.into) return {};
  PH_TRY_ASSIGN(m.kept, state_of(tx, m.into));
  return {};
}

Result<> move_into(Transaction& tx, const MergedConversation& m) {
  PH_TRY(tx.execute(
      "UPDATE messages SET conversation_id = $2, moved_from = CASE WHEN moved_from = 0 THEN $1 ELSE "
      "moved_from END WHERE conversation_id = $1",
      {m.id, m.into}));
  ConversationState emptied;
  emptied.archived = true;
  PH_TRY(write_state(tx, m.id, emptied));
  return write_state(tx, m.into, together(m.kept, m.absorbed));
}

// Back out of the conversation that `kept` has with the account now.
Result<> move_back(Transaction& tx, PersonId kept, PersonId absorbed, const MergedConversation& m) {
  PH_TRY_ASSIGN(const ConversationId into, conversation_with(tx, m.account, kept));
  if (!into) return {};
  PH_TRY(
      tx.execute("UPDATE messages SET conversation_id = $1, moved_from = 0 WHERE moved_from = $1 AND "
                 "conversation_id = $2",
                 {m.id, into}));
  for (const std::int64_t origin : m.origins) {
    PH_TRY(
        tx.execute("UPDATE messages SET conversation_id = $1 WHERE moved_from = $3 AND conversation_id = $2",
                   {m.id, into, origin}));
  }
  PH_TRY(rename_reactions(tx, m.id, kept, absorbed));
  PH_TRY_ASSIGN(const ConversationState now, state_of(tx, into));
  ConversationState left = apart(now, m);
  ConversationState returned = m.absorbed;
  returned.unread = take_unread(left.unread, m);
  PH_TRY(write_state(tx, into, left));
  return write_state(tx, m.id, returned);
}

// Messages that were not part of the conversation when it changed hands: later ones, and those of later
// merges.
Result<std::vector<std::int64_t>> foreign_origins(Transaction& tx, const MergedConversation& m) {
  std::vector<std::int64_t> all;
  PH_TRY(for_each(
      tx.query("SELECT DISTINCT moved_from FROM messages WHERE conversation_id = $1 AND moved_from <> 0 "
               "ORDER BY moved_from",
               {m.id}),
      [&](SqlRows& r) { all.push_back(r.integer(0)); }));
  std::erase_if(all, [&](std::int64_t id) { return std::ranges::find(m.origins, id) != m.origins.end(); });
  return all;
}

Result<bool> has_foreign(Transaction& tx, const MergedConversation& m,
                         const std::vector<std::int64_t>& origins) {
  if (!origins.empty()) return true;
  bool later = false;
  PH_TRY(for_each(
      tx.query("SELECT 1 FROM messages WHERE conversation_id = $1 AND id > $2 LIMIT 1", {m.id, m.until}),
      [&](SqlRows&) { later = true; }));
  return later;
}

Result<ConversationId> new_conversation(Transaction& tx, AccountId account, PersonId person, WallTime now) {
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("INSERT INTO conversations (account_id, person_id, created_at) VALUES ($1, $2, $3) "
                         "RETURNING id",
                         {account, person, now}));
  PH_TRY(rows.next());
  return ConversationId{rows.integer(0)};
}

// The kept person goes on in a conversation of their own.
Result<> leave_foreign(Transaction& tx, PersonId kept, PersonId absorbed, const MergedConversation& m,
                       const std::vector<std::int64_t>& origins, WallTime now) {
  PH_TRY_ASSIGN(const ConversationId own, new_conversation(tx, m.account, kept, now));
  PH_TRY(tx.execute("UPDATE messages SET conversation_id = $2 WHERE conversation_id = $1 AND id > $3",
                    {m.id, own, m.until}));
  for (const std::int64_t origin : origins) {
    PH_TRY(
        tx.execute("UPDATE messages SET conversation_id = $2 WHERE conversation_id = $1 AND moved_from = $3",
                   {m.id, own, origin}));
  }
  PH_TRY(rename_reactions(tx, own, absorbed, kept));
  PH_TRY_ASSIGN(const ConversationState joint, state_of(tx, m.id));
  ConversationState left = apart(joint, m);
  ConversationState returned = m.absorbed;
  returned.unread = take_unread(left.unread, m);
  PH_TRY(write_state(tx, own, left));
  return write_state(tx, m.id, returned);
}

Result<> hand_back(Transaction& tx, PersonId kept, PersonId absorbed, const MergedConversation& m,
                   WallTime now) {
  PH_TRY_ASSIGN(const auto changed,
                tx.execute("UPDATE conversations SET person_id = $3 WHERE id = $1 AND person_id = $2",
                           {m.id, kept, absorbed}));
  if (changed == 0) return {};
  PH_TRY(rename_reactions(tx, m.id, kept, absorbed));
  PH_TRY_ASSIGN(const auto origins, foreign_origins(tx, m));
  PH_TRY_ASSIGN(const bool foreign, has_foreign(tx, m, origins));
  if (!foreign) return {};
  return leave_foreign(tx, kept, absorbed, m, origins, now);
}

}  // namespace

Result<std::vector<MergedConversation>> unite(Transaction& tx, PersonId kept, PersonId absorbed) {
  std::vector<MergedConversation> all;
  PH_TRY_ASSIGN(const auto conversations, conversations_of(tx, absorbed));
  for (const Row& conversation : conversations) {
    MergedConversation& m = all.emplace_back();
    m.id = conversation.id;
    m.account = conversation.account;
    PH_TRY_ASSIGN(m.into, conversation_with(tx, m.account, kept));
    PH_TRY(describe(tx, m));
    PH_TRY(rename_reactions(tx, m.id, absorbed, kept));
    if (m.into) {
      PH_TRY(move_into(tx, m));
    } else {
      PH_TRY(tx.execute("UPDATE conversations SET person_id = $2 WHERE id = $1", {m.id, kept}));
    }
  }
  return all;
}

Result<> separate(Transaction& tx, PersonId kept, PersonId absorbed, const MergedConversation& merged,
                  WallTime now) {
  return merged.into ? move_back(tx, kept, absorbed, merged) : hand_back(tx, kept, absorbed, merged, now);
}

}  // namespace posthorn::people_conversations
