// The inbox: conversations by their last message, newest first. Every way to narrow it has an index in that
// order; several accounts are merged from as many streams, none read further than a page.
#include <algorithm>

#include <fmt/format.h>

#include "messaging/conversations.h"
#include "messaging/messages.h"

namespace posthorn::conversations {
namespace {

constexpr int kMaxPage = 200;
constexpr std::int64_t kMaxCount = 10'000;
constexpr int kTries = 50;  // pages looked at for one page of a filter that leaves out much

struct Entry {
  std::int64_t last_message = 0;
  ConversationId id;
};

constexpr std::string_view kByAccount =
    "SELECT last_message_id, id FROM conversations WHERE account_id = $1 AND archived = $2 AND "
    "last_message_id < $3 "
    "ORDER BY last_message_id DESC LIMIT $4";
// A '+' keeps the planner from another index than the one in our order.
constexpr std::string_view kUnread =
    "SELECT last_message_id, id FROM conversations WHERE account_id = $1 AND unread > 0 AND +archived = $2 "
    "AND last_message_id < $3 ORDER BY last_message_id DESC LIMIT $4";
constexpr std::string_view kAssigned =
    "SELECT last_message_id, id FROM conversations WHERE assigned_to = $1 AND assigned_to <> '' "
    "AND last_message_id < $2 ORDER BY last_message_id DESC LIMIT $3";
constexpr std::string_view kLabelled =
    "SELECT last_message_id, conversation_id FROM conversation_labels WHERE label = $1 AND last_message_id < "
    "$2 "
    "ORDER BY last_message_id DESC LIMIT $3";

Result<std::vector<Entry>> read_entries(Result<SqlRows> found) {
  std::vector<Entry> list;
  PH_TRY_ASSIGN(SqlRows rows, std::move(found));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return list;
    list.push_back({rows.integer(0), ConversationId{rows.integer(1)}});
  }
}

Result<std::vector<AccountId>> accounts_of(Transaction& tx, AccountId account) {
  if (account) return std::vector{account};
  std::vector<AccountId> all;
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT id FROM accounts ORDER BY id"));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return all;
    all.push_back(AccountId{rows.integer(0)});
  }
}

// The page by the accounts' indexes: at most `limit` entries of each stream are read.
Result<std::vector<Entry>> by_accounts(Transaction& tx, const ConversationFilter& filter, std::int64_t before,
                                       int limit) {
  PH_TRY_ASSIGN(const std::vector<AccountId> accounts, accounts_of(tx, filter.account));
  std::vector<Entry> merged;
  for (const AccountId account : accounts) {
    for (const bool archived : {false, true}) {
      if (filter.archived && *filter.archived != archived) continue;
      PH_TRY_ASSIGN(const std::vector<Entry> some,
                    read_entries(tx.query(filter.unread_only ? kUnread : kByAccount,
                                          {account, archived, before, limit})));
      merged.insert(merged.end(), some.begin(), some.end());
    }
  }
  std::ranges::sort(merged, std::greater{}, &Entry::last_message);
  if (merged.size() > static_cast<std::size_t>(limit)) merged.resize(static_cast<std::size_t>(limit));
  return merged;
}

Result<InboxRow> row_of(Transaction& tx, Conversation conversation) {
  InboxRow row;
  row.conversation = std::move(conversation);
  const Conversation& c = row.conversation;
  if (c.person) {
    PH_TRY_ASSIGN(
        SqlRows person,
        tx.query(
            "SELECT CASE WHEN given_name <> '' THEN given_name WHEN name <> '' THEN name ELSE username END "
            "FROM people WHERE id = $1",
            {c.person}));
    PH_TRY_ASSIGN(const bool known, person.next());
    if (known) row.person_name = person.text(0);
    PH_TRY_ASSIGN(SqlRows address,
                  tx.query("SELECT CASE WHEN shown <> '' THEN shown ELSE value END "
                           "FROM person_addresses WHERE person_id = $1 ORDER BY kind LIMIT 1",
                           {c.person}));
    PH_TRY_ASSIGN(const bool reachable, address.next());
    if (reachable) row.person_address = address.text(0);
  } else {
    row.person_name = c.subject;
    row.person_address = c.group_id;
  }
  if (c.last_message) {
    const Result<Message> last = messages::get(tx, c.last_message);
    if (!last && last.error().code != ErrorCode::not_found) return std::unexpected(last.error());
    if (last) {
      row.preview = messages::preview(*last);
      row.preview_direction = static_cast<int>(last->direction);
    }
  }
  PH_TRY_ASSIGN(row.labels, labels(tx, c.id));
  return row;
}

// What is left of a conversation whose messages went to another one when two people were merged.
bool was_absorbed(const Conversation& c) {
  return c.archived && !c.last_message;
}

bool fits(const Conversation& c, const ConversationFilter& f) {
  return !was_absorbed(c) && (!f.account || c.account == f.account) &&
         (!f.archived || c.archived == *f.archived) && (!f.unread_only || c.unread > 0) &&
         (f.assigned_to.empty() || c.assigned_to == f.assigned_to);
}

// The conversation, if it fits and has the label asked for.
Result<std::optional<Conversation>> fitting(Transaction& tx, ConversationId id,
                                            const ConversationFilter& filter) {
  PH_TRY_ASSIGN(Conversation c, get(tx, id));
  if (!fits(c, filter)) return std::nullopt;
  if (!filter.label.empty()) {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT 1 FROM conversation_labels WHERE label = $1 AND conversation_id = $2",
                           {filter.label, id}));
    PH_TRY_ASSIGN(const bool has, rows.next());
    if (!has) return std::nullopt;
  }
  return c;
}

Result<std::vector<Entry>> entries(Transaction& tx, const ConversationFilter& filter, std::int64_t before,
                                   int limit) {
  if (!filter.label.empty()) return read_entries(tx.query(kLabelled, {filter.label, before, limit}));
  if (!filter.assigned_to.empty())
    return read_entries(tx.query(kAssigned, {filter.assigned_to, before, limit}));
  return by_accounts(tx, filter, before, limit);
}

}  // namespace

Result<InboxPage> inbox(Transaction& tx, const ConversationFilter& filter, std::int64_t before, int limit) {
  if (limit < 1 || limit > kMaxPage) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'limit' is {}, but must be between 1 and {}.", limit, kMaxPage), "limit");
  }
  InboxPage page;
  std::int64_t end = before == 0 ? INT64_MAX : before;
  for (int i = 0; i < kTries; ++i) {
    PH_TRY_ASSIGN(const std::vector<Entry> found, entries(tx, filter, end, limit + 1));
    for (const Entry& entry : found) {
      if (page.rows.size() == static_cast<std::size_t>(limit)) {
        page.next = end;
        return page;
      }
      end = entry.last_message;
      PH_TRY_ASSIGN(std::optional<Conversation> conversation, fitting(tx, entry.id, filter));
      if (!conversation) continue;
      PH_TRY_ASSIGN(page.rows.emplace_back(), row_of(tx, *std::move(conversation)));
    }
    if (found.size() <= static_cast<std::size_t>(limit)) return page;
  }
  page.next = end;
  return page;
}

Result<InboxRow> row(Transaction& tx, ConversationId id) {
  PH_TRY_ASSIGN(Conversation conversation, get(tx, id));
  return row_of(tx, std::move(conversation));
}

Result<std::int64_t> unread_count(Transaction& tx, AccountId account) {
  PH_TRY_ASSIGN(const std::vector<AccountId> accounts, accounts_of(tx, account));
  std::int64_t count = 0;
  for (const AccountId one : accounts) {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT COUNT(*) FROM (SELECT 1 FROM conversations WHERE account_id = $1 "
                           "AND unread > 0 LIMIT $2) AS some",
                           {one, kMaxCount}));
    PH_TRY(rows.next());
    count += rows.integer(0);
  }
  return std::min(count, kMaxCount);
}

}  // namespace posthorn::conversations
