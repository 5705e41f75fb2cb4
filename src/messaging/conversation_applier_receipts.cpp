// Receipts of Instagram and Messenger: by id, or by a watermark up to which everything counts.
#include <array>

#include "core/json_writer.h"
#include "messaging/conversation_applier_core.h"
#include "messaging/conversations.h"
#include "messaging/outgoing_messages.h"

namespace posthorn {
namespace {

constexpr std::int64_t kMostAtOnce = 1000;  // messages of ours that one watermark can confirm

std::string receipt_data(bool read, std::int64_t at) {
  std::string data;
  JsonWriter(data).begin_object().member("read", read).member("at", at).end_object();
  return data;
}

DeliveryKind kind_of(bool read) {
  return read ? DeliveryKind::read : DeliveryKind::delivered;
}

}  // namespace

Result<> ConversationApplier::Impl::apply(const Context& context, const channels::ReceiptEvent& e) {
  if (e.ids.empty() && to_micros(e.watermark) <= 0)
    return fail(ErrorCode::invalid_argument, "A receipt that names no message and no time.");
  if (e.person.addresses.empty()) return fail(ErrorCode::invalid_argument, "A receipt without a person.");
  PH_TRY_ASSIGN(const PersonId person, person_of(context.account, e.person));
  const std::int64_t at = context.time(e.at);
  EarlyChange one{context.pending.hash, "receipt", receipt_data(e.read, at)};
  for (const std::string& id : e.ids) {
    PH_TRY(change(context, id, one));
  }
  if (to_micros(e.watermark) <= 0) return {};
  PH_TRY_ASSIGN(const ConversationId conversation, conversation_of(context.account.id, person));
  return read_until(conversation, e, at);
}

Result<> ConversationApplier::Impl::receipt(const Target& target, const JsonView& data) {
  const WallTime at = wall_from_micros(data["at"].integer_or(1));
  return outgoing_messages::join_delivery(tx, target.id, kind_of(data["read"].boolean_or(false)), at, 0, now);
}

// Everything of ours up to the watermark; what earlier watermarks covered is left alone.
Result<> ConversationApplier::Impl::read_until(ConversationId conversation, const channels::ReceiptEvent& e,
                                               std::int64_t at) {
  constexpr std::string_view kDelivered =
      "UPDATE conversations SET delivered_until = $2 WHERE id = $1 AND delivered_until < $2";
  constexpr std::string_view kRead =
      "UPDATE conversations SET read_until = $2 WHERE id = $1 AND read_until < $2";
  std::int64_t before = 0;
  {
    PH_TRY_ASSIGN(
        SqlRows rows,
        tx.query("SELECT delivered_until, read_until FROM conversations WHERE id = $1", {conversation}));
    PH_TRY(rows.next());
    before = rows.integer(e.read ? 1 : 0);
  }
  PH_TRY_ASSIGN(const std::int64_t moved,
                tx.execute(e.read ? kRead : kDelivered, {conversation, e.watermark}));
  if (moved == 0) return {};
  std::vector<MessageId> covered;
  {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT id FROM messages WHERE conversation_id = $1 AND at > $2 AND at <= $3 "
                           "AND direction = 1 ORDER BY at DESC, id DESC LIMIT $4",
                           {conversation, before, e.watermark, kMostAtOnce}));
    while (true) {
      PH_TRY_ASSIGN(const bool more, rows.next());
      if (!more) break;
      covered.push_back(MessageId{rows.integer(0)});
    }
  }
  for (auto id = covered.rbegin(); id != covered.rend(); ++id) {
    PH_TRY(outgoing_messages::join_delivery(tx, *id, kind_of(e.read), wall_from_micros(at), 0, now));
  }
  return {};
}

// A message of ours that comes after the watermark which covers it.
Result<> ConversationApplier::Impl::catch_up(const Target& target, std::int64_t at) {
  std::array<std::int64_t, 2> until{};
  {
    PH_TRY_ASSIGN(SqlRows rows,
                  tx.query("SELECT delivered_until, read_until FROM conversations WHERE id = $1",
                           {target.conversation}));
    PH_TRY(rows.next());
    until = {rows.integer(0), rows.integer(1)};
  }
  for (const bool read : {false, true}) {
    const std::int64_t watermark = until[read ? 1 : 0];
    if (at > watermark) continue;
    PH_TRY(
        outgoing_messages::join_delivery(tx, target.id, kind_of(read), wall_from_micros(watermark), 0, now));
  }
  return {};
}

}  // namespace posthorn
