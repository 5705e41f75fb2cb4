#include "messaging/message_search.h"

#include <limits>

#include <fmt/format.h>

#include "messaging/people_names.h"
#include "messaging/search_text.h"

namespace posthorn {
namespace {

constexpr int kMostEndings = 32;  // words that one beginning stands for

Result<> check(const MessageSearchQuery& query) {
  if (search_expression(query.text).empty())
    return fail(ErrorCode::invalid_argument, "text holds no word to search for: give at least one", "text");
  if (query.limit < 1 || query.limit > 200)
    return fail(ErrorCode::invalid_argument, "limit must be from 1 to 200", "limit");
  for (const char c : query.type) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '_')
      return fail(ErrorCode::invalid_argument, "type is a message type such as text or image", "type");
  }
  return {};
}

// The words of the index that start with `beginning`, in order of the alphabet.
Result<std::vector<std::string>> endings_of(Transaction& tx, const std::string& beginning) {
  std::vector<std::string> words;
  if (beginning.empty()) return words;
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT word FROM message_words WHERE word >= $1 AND word < $2 ORDER BY word LIMIT $3",
               {beginning, people_names::end_of_prefix(beginning), kMostEndings}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return words;
    words.emplace_back(rows.text(0));
  }
}

std::string expression_of(const MessageSearchQuery& query, const std::vector<std::string>& endings) {
  std::string expression = search_expression(query.text, endings);
  const auto narrow = [&](char what, std::string_view value) {
    expression += " AND place : \"" + search_place(what, value) + "\"";
  };
  if (query.conversation) narrow('c', fmt::to_string(query.conversation.value));
  if (query.account) narrow('a', fmt::to_string(query.account.value));
  if (query.direction >= 0) narrow('d', fmt::to_string(query.direction));
  if (!query.type.empty()) narrow('t', query.type);
  return expression;
}

Result<std::vector<std::int64_t>> matches(Transaction& tx, const MessageSearchQuery& query) {
  PH_TRY_ASSIGN(const std::vector<std::string> endings, endings_of(tx, search_beginning(query.text)));
  const std::string expression = expression_of(query, endings);
  const std::int64_t bound = query.before > 0 ? query.before : std::numeric_limits<std::int64_t>::max();
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT rowid FROM message_text WHERE message_text MATCH $1 AND rowid < $2 "
                         "ORDER BY rowid DESC LIMIT $3",
                         {expression, bound, query.limit}));
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
  PH_CO_TRY(check(query));
  auto search = [query](Transaction& tx) { return matches(tx, query); };
  PH_CO_TRY_ASSIGN(const std::vector<std::int64_t> ids, co_await index.read(std::move(search)));
  MessageSearchPage page;
  if (static_cast<int>(ids.size()) == query.limit) page.next = ids.back();
  auto read = [ids](Transaction& tx) { return load(tx, ids); };
  PH_CO_TRY_ASSIGN(page.messages, co_await database.read(std::move(read)));
  co_return page;
}

}  // namespace posthorn
