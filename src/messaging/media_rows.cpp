#include "messaging/media_rows.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "core/json_writer.h"
#include "storage/event_log.h"

namespace posthorn::attachments {
namespace {

Result<std::vector<AccountId>> accounts_that_wait(Transaction& tx) {
  std::vector<AccountId> out;
  for (AccountId last;;) {
    PH_TRY_ASSIGN(auto rows,
                  tx.query("SELECT account_id FROM attachments WHERE state = 0 AND account_id > $1 "
                           "ORDER BY account_id LIMIT 1",
                           {last}));
    PH_TRY_ASSIGN(const bool any, rows.next());
    if (!any) return out;
    last = AccountId{rows.integer(0)};
    out.push_back(last);
  }
}

Result<std::vector<AttachmentId>> due_of(Transaction& tx, AccountId account, WallTime now, int limit) {
  std::vector<AttachmentId> out;
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT id FROM attachments WHERE state = 0 AND account_id = $1 AND "
                                    "next_try_at <= $2 ORDER BY next_try_at, id LIMIT $3",
                                    {account, now, limit}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.push_back(AttachmentId{rows.integer(0)});
  }
}

Result<> find_next(Transaction& tx, AccountId account, WallTime now, std::optional<WallTime>& next) {
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT next_try_at FROM attachments WHERE state = 0 AND account_id = $1 AND "
                         "next_try_at > $2 ORDER BY next_try_at LIMIT 1",
                         {account, now}));
  PH_TRY_ASSIGN(const bool any, rows.next());
  if (!any) return {};
  const WallTime at = wall_from_micros(rows.integer(0));
  next = next ? std::min(*next, at) : at;
  return {};
}

Result<DueAttachment> load(Transaction& tx, AttachmentId id, const Account& account) {
  DueAttachment out;
  PH_TRY_ASSIGN(out.row, attachments::get(tx, id));
  out.account = account;
  PH_TRY_ASSIGN(auto rows,
                tx.query("SELECT a.doubts, m.received_at, m.channel_id, "
                         "CASE WHEN m.author_person <> 0 THEN m.author_person ELSE c.person_id END "
                         "FROM attachments a JOIN messages m ON m.id = a.message_id "
                         "JOIN conversations c ON c.id = m.conversation_id WHERE a.id = $1",
                         {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return out;
  out.doubts = static_cast<int>(rows.integer(0));
  out.received_at = wall_from_micros(rows.integer(1));
  out.channel_id = rows.text(2);
  PH_TRY_ASSIGN(
      auto addresses,
      tx.query("SELECT value FROM person_addresses WHERE person_id = $1 ORDER BY kind, value LIMIT 1",
               {rows.integer(3)}));
  PH_TRY_ASSIGN(const bool known, addresses.next());
  if (known) out.from = addresses.text(0);
  return out;
}

std::string_view word(AttachmentState state) {
  if (state == AttachmentState::stored) return "stored";
  if (state == AttachmentState::deleted) return "deleted";
  return state == AttachmentState::lost ? "lost" : "refused";
}

Result<> tell(Transaction& tx, AttachmentId id, AttachmentState state, WallTime now) {
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT m.id, m.conversation_id FROM attachments a "
                                    "JOIN messages m ON m.id = a.message_id WHERE a.id = $1",
                                    {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return {};
  std::string data;
  JsonWriter(data)
      .begin_object()
      .member("message_id", rows.integer(0))
      .member("conversation_id", rows.integer(1))
      .member("attachment_id", id.value)
      .member("state", word(state))
      .end_object();
  PH_TRY(
      events::append(tx, now, "message.attachment", fmt::format("conversation:{}", rows.integer(1)), data));
  return {};
}

}  // namespace

Result<DueList> due(Transaction& tx, WallTime now, int limit, int per_account, AccountId after,
                    const std::vector<std::pair<AccountId, AttachmentId>>& busy) {
  DueList out;
  PH_TRY_ASSIGN(auto accounts, accounts_that_wait(tx));
  std::ranges::rotate(accounts, std::ranges::upper_bound(accounts, after));
  std::vector<std::vector<AttachmentId>> queues;
  for (const AccountId account : accounts) {
    PH_TRY(find_next(tx, account, now, out.next));
    const auto at_work =
        static_cast<int>(std::ranges::count(busy, account, &std::pair<AccountId, AttachmentId>::first));
    PH_TRY_ASSIGN(auto ids, due_of(tx, account, now, std::min(per_account, limit) + at_work));
    std::erase_if(ids,
                  [&](AttachmentId id) { return std::ranges::binary_search(busy, std::pair(account, id)); });
    ids.resize(std::min(ids.size(), static_cast<std::size_t>(std::max(per_account - at_work, 0))));
    queues.push_back(std::move(ids));
  }
  for (std::size_t turn = 0; static_cast<int>(out.ready.size()) < limit; ++turn) {
    bool any = false;
    for (std::size_t i = 0; i < accounts.size() && static_cast<int>(out.ready.size()) < limit; ++i) {
      if (turn >= queues[i].size()) continue;
      any = true;
      PH_TRY_ASSIGN(const Account account, accounts::get(tx, accounts[i]));
      PH_TRY_ASSIGN(auto one, load(tx, queues[i][turn], account));
      out.ready.push_back(std::move(one));
    }
    if (!any) break;
  }
  return out;
}

Result<bool> expect(Transaction& tx, AttachmentId id, const MediaFacts& facts) {
  PH_TRY_ASSIGN(const auto changed,
                tx.execute("UPDATE attachments SET blob = $2, size = $3, mime_type = $4, path = $5 "
                           "WHERE id = $1 AND state = 0",
                           {id, facts.blob, facts.size, facts.mime_type, facts.path}));
  return changed == 1;
}

Result<bool> stored(Transaction& tx, AttachmentId id, WallTime now) {
  PH_TRY_ASSIGN(
      const auto changed,
      tx.execute("UPDATE attachments SET state = 1, stored_at = $2, attempts = attempts + 1, error = '', "
                 "url = '' WHERE id = $1 AND state = 0",
                 {id, now}));
  if (changed == 0) return false;
  PH_TRY(tell(tx, id, AttachmentState::stored, now));
  return true;
}

Result<> failed(Transaction& tx, AttachmentId id, std::string_view error, bool doubt, WallTime next_try) {
  PH_TRY(
      tx.execute("UPDATE attachments SET attempts = attempts + 1, doubts = doubts + $2, error = $3, "
                 "next_try_at = $4 WHERE id = $1 AND state = 0",
                 {id, doubt ? 1 : 0, error, next_try}));
  return {};
}

Result<bool> gave_up(Transaction& tx, AttachmentId id, AttachmentState state, std::string_view error,
                     WallTime now) {
  PH_TRY_ASSIGN(
      const auto changed,
      tx.execute("UPDATE attachments SET state = $2, attempts = attempts + 1, error = $3, blob = '', "
                 "size = 0, mime_type = '', path = '' WHERE id = $1 AND state = 0",
                 {id, static_cast<int>(state), error}));
  if (changed == 0) return false;
  PH_TRY(tell(tx, id, state, now));
  return true;
}

Result<> bring_back(Transaction& tx, WallTime now, WallTime farthest) {
  PH_TRY(tx.execute("UPDATE attachments SET next_try_at = $1 WHERE state = 0 AND next_try_at > $2",
                    {now, farthest}));
  return {};
}

Result<> retry(Transaction& tx, AttachmentId id, WallTime now) {
  PH_TRY_ASSIGN(const auto row, attachments::get(tx, id));
  if (row.state == AttachmentState::stored)
    return fail(ErrorCode::conflict, "the attachment is stored already", "id");
  if (row.state == AttachmentState::deleted)
    return fail(ErrorCode::conflict, "the attachment was deleted and is not fetched again", "id");
  PH_TRY(
      tx.execute("UPDATE attachments SET state = 0, attempts = 0, doubts = 0, error = '', next_try_at = $2 "
                 "WHERE id = $1",
                 {id, now}));
  return {};
}

Result<std::optional<AttachmentId>> find_by_media_id(Transaction& tx, AccountId account,
                                                     std::string_view media_id) {
  if (media_id.empty()) return std::nullopt;
  PH_TRY_ASSIGN(auto rows, tx.query("SELECT id FROM attachments WHERE media_id = $1 AND media_id <> '' AND "
                                    "account_id = $2 ORDER BY id DESC LIMIT 1",
                                    {media_id, account}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return std::nullopt;
  return AttachmentId{rows.integer(0)};
}

Result<std::int64_t> expire_stories(Transaction& tx, WallTime before, WallTime now, int limit) {
  struct Story {
    AttachmentId id;
    std::string blob;
  };
  std::vector<Story> stories;
  {
    PH_TRY_ASSIGN(auto rows,
                  tx.query("SELECT a.id, a.blob FROM attachments a JOIN messages m ON m.id = a.message_id "
                           "WHERE a.state <= 1 AND a.kind IN ('story_mention', 'story_reply', 'story', "
                           "'ig_story') AND m.at < $1 ORDER BY a.id LIMIT $2",
                           {before, limit}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      stories.push_back({AttachmentId{rows.integer(0)}, std::string(rows.text(1))});
    }
  }
  for (const Story& story : stories) {
    PH_TRY(
        tx.execute("UPDATE attachments SET state = 4, url = '', told_sha256 = '', file_name = '', blob = '', "
                   "size = 0, path = '', error = 'the story is over' WHERE id = $1",
                   {story.id}));
    if (!story.blob.empty()) {
      PH_TRY(let_go(tx, story.blob));
    }
    PH_TRY(tell(tx, story.id, AttachmentState::deleted, now));
  }
  return static_cast<std::int64_t>(stories.size());
}

Result<> let_go(Transaction& tx, std::string_view blob) {
  PH_TRY(tx.execute("INSERT INTO unused_blobs (blob) VALUES ($1) ON CONFLICT (blob) DO NOTHING", {blob}));
  return {};
}

Result<bool> hold_blob(Transaction& tx, std::string_view blob, WallTime until) {
  PH_TRY_ASSIGN(const auto held,
                tx.execute("INSERT INTO unused_blobs (blob, not_before) VALUES ($1, $2) ON CONFLICT (blob) "
                           "DO UPDATE SET not_before = excluded.not_before WHERE unused_blobs.going = 0",
                           {blob, until}));
  return held == 1;
}

Result<std::vector<std::string>> unused_blobs(Transaction& tx, WallTime now, int limit) {
  std::vector<std::string> out;
  PH_TRY_ASSIGN(
      auto rows,
      tx.query("SELECT blob FROM unused_blobs WHERE not_before <= $1 ORDER BY blob LIMIT $2", {now, limit}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return out;
    out.emplace_back(rows.text(0));
  }
}

Result<bool> claim_unused(Transaction& tx, std::string_view blob, WallTime now) {
  PH_TRY_ASSIGN(const bool used, blob_in_use(tx, blob));
  if (used) {
    PH_TRY(tx.execute("DELETE FROM unused_blobs WHERE blob = $1 AND not_before <= $2", {blob, now}));
    return false;
  }
  PH_TRY_ASSIGN(
      const auto claimed,
      tx.execute("UPDATE unused_blobs SET going = 1 WHERE blob = $1 AND not_before <= $2", {blob, now}));
  return claimed == 1;
}

Result<> blob_gone(Transaction& tx, std::string_view blob) {
  PH_TRY(tx.execute("DELETE FROM unused_blobs WHERE blob = $1", {blob}));
  return {};
}

Result<bool> blob_in_use(Transaction& tx, std::string_view blob) {
  static constexpr auto kUses = std::to_array<std::string_view>({
      "SELECT 1 FROM attachments WHERE blob = $1 AND blob <> '' LIMIT 1",
      "SELECT 1 FROM uploads WHERE blob = $1 LIMIT 1",
      "SELECT 1 FROM campaigns WHERE list_blob = $1 OR problems_blob = $1 LIMIT 1",
      "SELECT 1 FROM people WHERE profile_picture = $1 AND profile_picture <> '' LIMIT 1",
  });
  for (const auto sql : kUses) {
    PH_TRY_ASSIGN(auto rows, tx.query(sql, {blob}));
    PH_TRY_ASSIGN(const bool found, rows.next());
    if (found) return true;
  }
  return false;
}

}  // namespace posthorn::attachments
