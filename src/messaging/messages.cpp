#include "messaging/messages.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "messaging/message_rows.h"
#include "messaging/wamid_index.h"

namespace posthorn::messages {
namespace {

constexpr int kMaxPage = 500;
constexpr std::int64_t kStretch = 10'000;  // ids looked at in one step when a direction is asked for
constexpr int kStretches = 20;
constexpr std::size_t kMaxNote = 10'000;  // bytes

const std::string kOne = message_rows::kSelect + "WHERE m.id = $1";
const std::string kPage =
    message_rows::kSelect +
    "WHERE m.conversation_id = $1 AND (m.at, m.id) < ($2, $3) ORDER BY m.at DESC, m.id DESC LIMIT $4";
const std::string kNewer =
    message_rows::kSelect +
    "WHERE m.conversation_id = $1 AND (m.at, m.id) > ($2, $3) ORDER BY m.at, m.id LIMIT $4";
const std::string kNewest = message_rows::kSelect + "WHERE m.id < $1 ORDER BY m.id DESC LIMIT $2";
const std::string kNewestOf =
    message_rows::kSelect + "WHERE m.id < $1 AND m.id >= $2 AND m.direction = $3 ORDER BY m.id DESC LIMIT $4";

struct Place {
  std::int64_t at = INT64_MAX, id = INT64_MAX;
};

// A place in a conversation: "<at>.<id>".
Result<Place> parse_place(std::string_view text) {
  Place place;
  if (text.empty()) return place;
  const char* const end = text.data() + text.size();
  const auto at = std::from_chars(text.data(), end, place.at);
  const bool dot = at.ec == std::errc() && at.ptr != end && *at.ptr == '.';
  const auto id = dot ? std::from_chars(at.ptr + 1, end, place.id) : at;
  if (!dot || id.ec != std::errc() || id.ptr != end) {
    return fail(ErrorCode::invalid_argument,
                "'before' is not a place in this conversation. Pass 'next' of the page before, unchanged.",
                "before");
  }
  return place;
}

Result<> check_limit(int limit) {
  if (limit >= 1 && limit <= kMaxPage) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("'limit' is {}, but must be between 1 and {}.", limit, kMaxPage), "limit");
}

Result<std::vector<Message>> read_all(Result<SqlRows> found) {
  std::vector<Message> list;
  PH_TRY_ASSIGN(SqlRows rows, std::move(found));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return list;
    list.push_back(message_rows::read(rows));
  }
}

// The first `limit` code points on one line.
std::string cut(std::string_view text, std::size_t limit) {
  std::string line;
  std::size_t points = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool starts = (byte & 0xC0U) != 0x80U;
    if (starts && points == limit) return line + "…";
    if (starts) ++points;
    line.push_back(byte < 0x20 ? ' ' : text[i]);
  }
  return line;
}

}  // namespace

Result<MessageId> insert(Transaction& tx, const Message& message) {
  Message stored = message;
  PH_TRY_ASSIGN(stored.id.value, message_rows::next_id(tx));
  PH_TRY(message_rows::insert(tx, stored, stored.channel_id.empty() ? 0 : wamid_hash(stored.channel_id)));
  if (stored.direction == MessageDirection::note) return stored.id;
  message_rows::Touch touch{stored.conversation, stored.id, to_micros(stored.at)};
  if (stored.direction == MessageDirection::in) {
    touch.inbound_at = touch.action_at = touch.at;
    touch.unread = (stored.flags & message_flags::kHistory) == 0;
    touch.unarchive = touch.unread != 0;
  }
  PH_TRY(message_rows::touch(tx, touch, true));
  return stored.id;
}

Result<std::optional<MessageId>> find_by_channel_id(Transaction& tx, std::string_view channel_id,
                                                    AccountId account) {
  // Hashes may collide; the id itself decides.
  PH_TRY_ASSIGN(
      SqlRows rows,
      tx.query("SELECT m.id FROM message_ids i JOIN messages m ON m.id = i.message_id "
               "JOIN conversations c ON c.id = m.conversation_id WHERE i.hash = $1 AND m.channel_id = $2 "
               "AND ($3 = 0 OR c.account_id = $3) ORDER BY i.message_id LIMIT 1",
               {wamid_hash(channel_id), channel_id, account}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return std::nullopt;
  return MessageId{rows.integer(0)};
}

Result<Message> get(Transaction& tx, MessageId id) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query(kOne, {id}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) return fail(ErrorCode::not_found, fmt::format("There is no message {}.", id.value), "id");
  return message_rows::read(rows);
}

Result<MessagePage> page(Transaction& tx, ConversationId conversation, std::string_view before, int limit) {
  PH_TRY(check_limit(limit));
  PH_TRY_ASSIGN(const Place place, parse_place(before));
  MessagePage page;
  PH_TRY_ASSIGN(page.messages, read_all(tx.query(kPage, {conversation, place.at, place.id, limit + 1})));
  if (page.messages.size() <= static_cast<std::size_t>(limit)) return page;
  page.messages.pop_back();
  page.next = fmt::format("{}.{}", to_micros(page.messages.back().at), page.messages.back().id.value);
  return page;
}

Result<std::vector<Message>> around(Transaction& tx, MessageId id, int limit) {
  PH_TRY(check_limit(limit));
  PH_TRY_ASSIGN(Message middle, get(tx, id));
  PH_TRY_ASSIGN(std::vector<Message> list,
                read_all(tx.query(kNewer, {middle.conversation, middle.at, id, limit})));
  std::ranges::reverse(list);
  PH_TRY_ASSIGN(std::vector<Message> older,
                read_all(tx.query(kPage, {middle.conversation, middle.at, id, limit})));
  list.push_back(std::move(middle));
  std::ranges::move(older, std::back_inserter(list));
  return list;
}

Result<std::vector<Message>> newest(Transaction& tx, std::optional<MessageDirection> direction,
                                    std::int64_t before, int limit) {
  PH_TRY(check_limit(limit));
  if (!direction) return read_all(tx.query(kNewest, {before == 0 ? INT64_MAX : before, limit}));
  std::int64_t end = before;
  if (end == 0) {
    PH_TRY_ASSIGN(end, message_rows::next_id(tx));
  }
  std::vector<Message> list;
  for (int i = 0; i < kStretches && end > 1; ++i, end -= kStretch) {
    const auto missing = static_cast<std::int64_t>(static_cast<std::size_t>(limit) - list.size());
    PH_TRY_ASSIGN(
        std::vector<Message> some,
        read_all(tx.query(kNewestOf, {end, end - kStretch, static_cast<int>(*direction), missing})));
    std::ranges::move(some, std::back_inserter(list));
    if (list.size() == static_cast<std::size_t>(limit)) break;
  }
  return list;
}

Result<std::vector<ReactionRow>> reactions(Transaction& tx, MessageId id) {
  // A removed reaction leaves its row, so that an older one which comes late does not bring it back.
  PH_TRY_ASSIGN(SqlRows rows,
                tx.query("SELECT actor, emoji, at FROM reactions WHERE message_id = $1 AND emoji <> '' "
                         "ORDER BY actor",
                         {id}));
  std::vector<ReactionRow> list;
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return list;
    list.push_back({PersonId{rows.integer(0)}, std::string(rows.text(1)), wall_from_micros(rows.integer(2))});
  }
}

Result<MessageId> add_note(Transaction& tx, ConversationId conversation, std::string_view text,
                           std::string_view author, WallTime now) {
  if (text.empty() || text.size() > kMaxNote) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("A note has 1 to {} bytes; this one has {}.", kMaxNote, text.size()), "text");
  }
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT 1 FROM conversations WHERE id = $1", {conversation}));
  PH_TRY_ASSIGN(const bool found, rows.next());
  if (!found) {
    return fail(ErrorCode::not_found, fmt::format("There is no conversation {}.", conversation.value),
                "conversation");
  }
  Message note;
  note.conversation = conversation;
  note.direction = MessageDirection::note;
  note.at = note.received_at = now;
  note.author = author;
  note.type = "note";
  note.text = text;
  return insert(tx, note);
}

std::string preview(const Message& message, std::size_t limit) {
  if (message.deleted_at != WallTime{}) return "deleted";
  const bool plain = message.type == "text" || message.type == "button" || message.type == "interactive" ||
                     message.type == "postback" || message.type == "note" || message.type == "system" ||
                     message.type == "template";
  if (message.text.empty()) return cut(message.type, limit);
  return cut(plain ? message.text : fmt::format("{}: {}", message.type, message.text), limit);
}

}  // namespace posthorn::messages
