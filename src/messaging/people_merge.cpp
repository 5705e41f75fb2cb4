// Two people who are one, and the undo of it.
#include <algorithm>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "messaging/people.h"
#include "messaging/people_conversations.h"
#include "messaging/people_merge_record.h"
#include "messaging/people_names.h"
#include "messaging/people_rows.h"
#include "messaging/person_suppressions.h"
#include "storage/event_log.h"

namespace posthorn::people {
namespace {

struct Names {
  std::string name, given_name, username;
  PersonId merged_into;
};

Result<Names> names_of(Transaction& tx, PersonId id, const char* field) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT name, given_name, username, merged_into FROM people WHERE id = $1", {id}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return fail(ErrorCode::not_found, fmt::format("There is no contact {}.", id.value), field);
  return Names{std::string(rows.text(0)), std::string(rows.text(1)), std::string(rows.text(2)),
               PersonId{rows.integer(3)}};
}

Result<> check_own(PersonId id, const Names& names, const char* field) {
  if (!names.merged_into) return {};
  return fail(ErrorCode::conflict,
              fmt::format("Contact {} was merged into {} already. Name that one, or undo that merge first.",
                          id.value, names.merged_into.value),
              field);
}

Result<> append_merge_event(Transaction& tx, WallTime now, std::string_view kind, std::int64_t merge_id,
                            PersonId kept, PersonId absorbed, std::string_view actor) {
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("kept", kept.value)
      .member("absorbed", absorbed.value)
      .member("merge_id", merge_id)
      .member("actor", actor)
      .end_object();
  PH_TRY(events::append(tx, now, kind, fmt::format("person:{}", kept.value), data));
  return {};
}

Result<std::vector<MergedAddress>> read_addresses(Result<SqlRows> found) {
  std::vector<MergedAddress> all;
  PH_TRY_ASSIGN(auto rows, std::move(found));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.push_back({static_cast<int>(rows.integer(0)), std::string(rows.text(1)), std::string(rows.text(2))});
  }
}

Result<> move_addresses(Transaction& tx, PersonId kept, PersonId absorbed, MergeRecord& record) {
  PH_TRY_ASSIGN(record.addresses, read_addresses(tx.query(
                                      "SELECT kind, scope, value FROM person_addresses WHERE person_id = $1 "
                                      "ORDER BY kind, scope, value",
                                      {absorbed})));
  PH_TRY_ASSIGN(record.former,
                read_addresses(tx.query("SELECT DISTINCT kind, scope, value FROM person_former_addresses "
                                        "WHERE person_id = $1 ORDER BY kind, scope, value",
                                        {absorbed})));
  PH_TRY(tx.execute("UPDATE person_addresses SET person_id = $2 WHERE person_id = $1", {absorbed, kept}));
  PH_TRY(
      tx.execute("UPDATE person_former_addresses SET person_id = $2 WHERE person_id = $1", {absorbed, kept}));
  return {};
}

Result<> move_calls(Transaction& tx, PersonId kept, PersonId absorbed, MergeRecord& record) {
  {
    PH_TRY_ASSIGN(
        auto rows,
        tx.query("SELECT id, conversation_id FROM calls WHERE person_id = $1 ORDER BY id", {absorbed}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      record.calls.push_back({rows.integer(0), ConversationId{rows.integer(1)}});
    }
  }
  for (const MergedCall& call : record.calls) {
    const auto moved = std::ranges::find(record.conversations, call.conversation, &MergedConversation::id);
    const bool elsewhere = moved != record.conversations.end() && moved->into;
    const ConversationId conversation = elsewhere ? moved->into : call.conversation;
    PH_TRY(tx.execute("UPDATE calls SET person_id = $2, conversation_id = $3 WHERE id = $1",
                      {call.id, kept, conversation}));
  }
  return {};
}

Result<> fill_names(Transaction& tx, PersonId kept, PersonId absorbed, const Names& have, const Names& other,
                    MergeRecord& record, WallTime now) {
  if (have.name.empty()) record.name = other.name;
  if (have.given_name.empty()) record.given_name = other.given_name;
  if (have.username.empty()) record.username = other.username;
  PH_TRY(tx.execute(
      "UPDATE people SET name = CASE WHEN name = '' THEN $2 ELSE name END, "
      "given_name = CASE WHEN given_name = '' THEN $3 ELSE given_name END, "
      "username = CASE WHEN username = '' THEN $4 ELSE username END, updated_at = $5 WHERE id = $1",
      {kept, record.name, record.given_name, record.username, now}));
  PH_TRY(people_names::erase(tx, absorbed));
  return people_rows::index_names(tx, kept);
}

struct StoredMerge {
  PersonId kept, absorbed;
  MergeRecord record;
};

Result<StoredMerge> read_merge(Transaction& tx, std::int64_t id) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT kept, absorbed, undo, undone_at FROM person_merges WHERE id = $1", {id}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return fail(ErrorCode::not_found, fmt::format("There is no merge {}.", id), "merge_id");
  if (!rows.is_null(3))
    return fail(ErrorCode::conflict, fmt::format("Merge {} was undone already.", id), "merge_id");
  StoredMerge merge{PersonId{rows.integer(0)}, PersonId{rows.integer(1)}, {}};
  PH_TRY_ASSIGN(merge.record, MergeRecord::parse(rows.text(2)));
  return merge;
}

Result<> return_addresses(Transaction& tx, const StoredMerge& m) {
  for (const MergedAddress& a : m.record.addresses) {
    PH_TRY(
        tx.execute("UPDATE person_addresses SET person_id = $5 WHERE kind = $1 AND scope = $2 AND value = $3 "
                   "AND person_id = $4",
                   {a.kind, a.scope, a.value, m.kept, m.absorbed}));
  }
  for (const MergedAddress& a : m.record.former) {
    PH_TRY(tx.execute(
        "UPDATE person_former_addresses SET person_id = $5 WHERE kind = $1 AND scope = $2 AND value = $3 "
        "AND person_id = $4",
        {a.kind, a.scope, a.value, m.kept, m.absorbed}));
  }
  return {};
}

Result<> return_calls(Transaction& tx, const StoredMerge& m) {
  for (const MergedCall& call : m.record.calls) {
    PH_TRY(
        tx.execute("UPDATE calls SET person_id = $3, conversation_id = $4 WHERE id = $1 AND person_id = $2",
                   {call.id, m.kept, m.absorbed, call.conversation}));
  }
  return {};
}

Result<> return_names(Transaction& tx, const StoredMerge& m, WallTime now) {
  PH_TRY(
      tx.execute("UPDATE people SET name = CASE WHEN $2 <> '' AND name = $2 THEN '' ELSE name END, "
                 "given_name = CASE WHEN $3 <> '' AND given_name = $3 THEN '' ELSE given_name END, "
                 "username = CASE WHEN $4 <> '' AND username = $4 THEN '' ELSE username END, updated_at = $5 "
                 "WHERE id = $1",
                 {m.kept, m.record.name, m.record.given_name, m.record.username, now}));
  PH_TRY(tx.execute("UPDATE people SET merged_into = 0, updated_at = $2 WHERE id = $1", {m.absorbed, now}));
  PH_TRY(people_rows::index_names(tx, m.kept));
  return people_rows::index_names(tx, m.absorbed);
}

}  // namespace

Result<std::int64_t> merge(Transaction& tx, PersonId kept, PersonId absorbed, std::string_view actor,
                           std::string_view reason, WallTime now) {
  if (kept == absorbed) return fail(ErrorCode::conflict, "The two contacts are one already.", "absorb_id");
  PH_TRY_ASSIGN(const Names have, names_of(tx, kept, "contact_id"));
  PH_TRY_ASSIGN(const Names other, names_of(tx, absorbed, "absorb_id"));
  PH_TRY(check_own(kept, have, "contact_id"));
  PH_TRY(check_own(absorbed, other, "absorb_id"));
  MergeRecord record;
  PH_TRY(move_addresses(tx, kept, absorbed, record));
  PH_TRY_ASSIGN(record.conversations, people_conversations::unite(tx, kept, absorbed));
  PH_TRY(move_calls(tx, kept, absorbed, record));
  PH_TRY_ASSIGN(record.suppressions, person_suppressions::unite(tx, kept, absorbed));
  PH_TRY(fill_names(tx, kept, absorbed, have, other, record, now));
  PH_TRY(
      tx.execute("UPDATE people SET merged_into = $2, updated_at = $3 WHERE id = $1", {absorbed, kept, now}));
  std::int64_t id = 0;
  {
    PH_TRY_ASSIGN(auto rows, tx.query("INSERT INTO person_merges (kept, absorbed, at, actor, reason, undo) "
                                      "VALUES ($1, $2, $3, $4, $5, $6) RETURNING id",
                                      {kept, absorbed, now, actor, reason, record.to_json()}));
    PH_TRY(rows.next());
    id = rows.integer(0);
  }
  PH_TRY(append_merge_event(tx, now, "person.merged", id, kept, absorbed, actor));
  return id;
}

Result<> undo_merge(Transaction& tx, std::int64_t merge_id, WallTime now, std::string_view actor) {
  PH_TRY_ASSIGN(const StoredMerge m, read_merge(tx, merge_id));
  PH_TRY_ASSIGN(const Names kept, names_of(tx, m.kept, "merge_id"));
  PH_TRY(check_own(m.kept, kept, "merge_id"));
  PH_TRY(return_addresses(tx, m));
  for (const MergedConversation& conversation : m.record.conversations) {
    PH_TRY(people_conversations::separate(tx, m.kept, m.absorbed, conversation, now));
  }
  PH_TRY(return_calls(tx, m));
  PH_TRY(person_suppressions::separate(tx, m.kept, m.record.suppressions));
  PH_TRY(return_names(tx, m, now));
  PH_TRY(tx.execute("UPDATE person_merges SET undone_at = $2 WHERE id = $1", {merge_id, now}));
  return append_merge_event(tx, now, "person.unmerged", merge_id, m.kept, m.absorbed, actor);
}

}  // namespace posthorn::people
