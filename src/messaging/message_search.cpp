#include "messaging/message_search.h"

#include <limits>

#include <fmt/format.h>

#include "messaging/search_text.h"

namespace posthorn {
namespace {

Result<std::string> expression_of(const MessageSearchQuery& query) {
  std::string expression = search_expression(query.text);
  if (expression.empty())
    return fail(ErrorCode::invalid_argument, "text holds no word to search for: give at least one", "text");
  if (query.limit < 1 || query.limit > 200)
    return fail(ErrorCode::invalid_argument, "limit must be from 1 to 200", "limit");
  const auto narrow = [&](const std::string& place) { expression += " AND place : \"" + place + "\""; };
  if (query.conversation) narrow(fmt::format("c{}", query.conversation.value));
  if (query.account) narrow(fmt::format("a{}", query.account.value));
  if (query.direction >= 0) narrow(fmt::format("d{}", query.direction));
  for (const char c : query.type) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_')
      return fail(ErrorCode::invalid_argument, "type is a message type such as text or image", "type");
  }
  if (!query.type.empty()) narrow("t_" + query.type);
  return expression;
}

Result<std::vector<std::int64_t>> matches(Transaction& tx, const std::string& expression, std::int64_t before,
                                          int limit) {
  const std::int64_t bound = before > 0 ? before : std::numeric_limits<std::int64_t>::max();
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT rowid FROM message_text WHERE message_text MATCH $1 AND rowid < $2 "
                         "ORDER BY rowid DESC LIMIT $3",
                         {expression, bound, limit}));
  std::vector<std::int64_t> ids;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return ids;
    ids.push_back(rows.integer(0));
  }
}

Result<std::vector<Message>> load(Transaction& tx, const std::vector<std::int64_t>& ids) {
  std::vector<Message> found;
  for (const std::int64_t id : ids) {
    auto message = messages::get(tx, MessageId{id});
    if (!message && message.error().code == ErrorCode::not_found) continue;
    if (!message) return std::unexpected(message.error());
    if (message->deleted_at == WallTime{}) found.push_back(*std::move(message));
  }
  return found;
}

}  // namespace

Task<Result<MessageSearchPage>> search_messages(Database& database, Database& index,
                                                MessageSearchQuery query) {
  PH_CO_TRY_ASSIGN(const std::string expression, expression_of(query));
  auto search = [expression, before = query.before, limit = query.limit](Transaction& tx) {
    return matches(tx, expression, before, limit);
  };
  PH_CO_TRY_ASSIGN(const std::vector<std::int64_t> ids, co_await index.read(std::move(search)));
  MessageSearchPage page;
  if (static_cast<int>(ids.size()) == query.limit) page.next = ids.back();
  auto read = [ids](Transaction& tx) { return load(tx, ids); };
  PH_CO_TRY_ASSIGN(page.messages, co_await database.read(std::move(read)));
  co_return page;
}

}  // namespace posthorn
