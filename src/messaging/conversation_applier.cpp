#include "messaging/conversation_applier.h"

#include <type_traits>
#include <variant>

#include <fmt/format.h>

#include "messaging/conversation_applier_core.h"
#include "messaging/conversations.h"
#include "messaging/people.h"
#include "storage/event_log.h"

namespace posthorn {
namespace {

// A channel's clock may be a little ahead of ours; a message of tomorrow would keep its conversation on top
// for a day.
constexpr std::int64_t kClockSkew = 300'000'000;  // microseconds

template <class T>
constexpr bool kOfConversation =
    std::is_same_v<T, channels::MessageEvent> || std::is_same_v<T, channels::ReactionEvent> ||
    std::is_same_v<T, channels::EditEvent> || std::is_same_v<T, channels::RevokeEvent> ||
    std::is_same_v<T, channels::ReceiptEvent> || std::is_same_v<T, channels::IdentityEvent> ||
    std::is_same_v<T, channels::CallEvent> || std::is_same_v<T, channels::GroupEvent> ||
    std::is_same_v<T, channels::ContactSyncEvent>;

}  // namespace

std::int64_t ConversationApplier::Impl::Context::time(WallTime at) const {
  const std::int64_t told = to_micros(at);
  return told <= 0 || told > received_at + kClockSkew ? received_at : told;
}

Result<const Account*> ConversationApplier::Impl::account_of(const channels::WebhookOrigin& origin) {
  const std::string& id = origin.receiver_id();
  if (id.empty()) return fail(ErrorCode::invalid_argument, "The event names no receiving account.");
  if (const auto known = accounts.find(id); known != accounts.end()) return &known->second;
  PH_TRY_ASSIGN(std::optional<Account> account, posthorn::accounts::find_by_sender(tx, id));
  if (!account) {
    return fail(ErrorCode::not_found,
                fmt::format("No account has the sender id {} ({}): add the channel, then replay.", id,
                            to_string(origin.channel)));
  }
  return &accounts.emplace(id, *std::move(account)).first->second;
}

Result<PersonId> ConversationApplier::Impl::person_of(const Account& account, const channels::Party& party) {
  if (const auto known = batch.people->person(account.id, party)) return *known;
  PH_TRY_ASSIGN(const ResolvedPerson person, posthorn::people::resolve(tx, account, party, now, event_at));
  if (person.moved || !person.merged.empty()) forget_people();
  if (person.holds_all) batch.people->remember(account.id, party, person.id);
  return person.id;
}

// After people were joined or changed places nothing that was read about them holds.
void ConversationApplier::Impl::forget_people() {
  batch.people->forget();
}

Result<ConversationId> ConversationApplier::Impl::conversation_of(AccountId account, PersonId person) {
  if (const auto known = batch.people->conversation(account, person)) return *known;
  PH_TRY_ASSIGN(const ConversationId id, posthorn::conversations::of_person(tx, account, person, now));
  batch.people->remember(account, person, id);
  return id;
}

// The person is who wrote; in a group there may be none, for what our side wrote.
Result<ConversationId> ConversationApplier::Impl::conversation_of(const Context& context,
                                                                  const channels::Party& party,
                                                                  std::string_view group_id,
                                                                  PersonId& person) {
  if (!party.addresses.empty()) {
    PH_TRY_ASSIGN(person, person_of(context.account, party));
  }
  if (!group_id.empty()) return posthorn::conversations::of_group(tx, context.account.id, group_id, now);
  return conversation_of(context.account.id, person);
}

Result<MessageId> ConversationApplier::Impl::store(Message message, std::int64_t hash) {
  if (next_message == 0) {
    PH_TRY_ASSIGN(next_message, message_rows::next_id(tx));
  }
  message.id = MessageId{next_message};
  PH_TRY(message_rows::insert(tx, message, hash));
  ++next_message;
  return message.id;
}

Result<std::optional<ConversationApplier::Impl::Target>> ConversationApplier::Impl::find(
    const Context& context, std::string_view channel_id, std::int64_t hash) {
  PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT message_id FROM message_ids WHERE hash = $1", {hash}));
  while (true) {
    PH_TRY_ASSIGN(const bool more, rows.next());
    if (!more) return std::nullopt;
    const MessageId id{rows.integer(0)};
    PH_TRY_ASSIGN(SqlRows found, tx.query("SELECT m.conversation_id FROM messages m JOIN conversations c "
                                          "ON c.id = m.conversation_id WHERE m.id = $1 AND m.channel_id = $2 "
                                          "AND c.account_id = $3",
                                          {id, channel_id, context.account.id}));
    PH_TRY_ASSIGN(const bool same, found.next());
    if (same) return Target{id, ConversationId{found.integer(0)}};
  }
}

Result<> ConversationApplier::Impl::touch(const message_rows::Touch& t) {
  if (!labels) {
    PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT 1 FROM conversation_labels LIMIT 1"));
    PH_TRY_ASSIGN(labels, rows.next());
  }
  return message_rows::touch(tx, t, *labels);
}

Result<> ConversationApplier::Impl::log(std::string_view kind, ConversationId conversation,
                                        std::string_view data) {
  char subject[40];
  const auto end = fmt::format_to_n(subject, sizeof subject, "conversation:{}", conversation.value);
  return events::note(tx, now, kind, std::string_view(subject, end.size), data);
}

ConversationApplier::ConversationApplier(Transaction& tx, const EventBatch& batch, EventBatchResult& result)
    : impl_(std::make_unique<Impl>(tx, batch, result)) {}

ConversationApplier::~ConversationApplier() = default;

bool ConversationApplier::takes(const channels::WebhookEvent& event) {
  const auto is_mine = []<class T>(const T&) {
    return kOfConversation<T> || std::is_same_v<T, channels::NoticeEvent> ||
           std::is_same_v<T, whatsapp::UserPreferenceEvent>;
  };
  return std::visit(is_mine, event.body);
}

Result<> ConversationApplier::apply(const PendingEvent& pending, bool& fresh) {
  impl_->event_at = {};
  const auto one = [&]<class T>(const T& event) -> Result<> {
    if constexpr (std::is_same_v<T, channels::NoticeEvent>) {
      return impl_->apply_notice(pending, event);
    } else if constexpr (std::is_same_v<T, whatsapp::UserPreferenceEvent>) {
      return impl_->apply_preference(pending, event);
    } else if constexpr (kOfConversation<T>) {
      PH_TRY_ASSIGN(const Account* account, impl_->account_of(*pending.event.origin));
      const Impl::Context context{pending, *pending.event.origin, *account,
                                  pending.received_at != 0 ? pending.received_at : impl_->batch.now};
      if constexpr (requires { event.at; }) {
        impl_->event_at = wall_from_micros(context.time(event.at));
      }
      if constexpr (std::is_same_v<T, channels::MessageEvent>) {
        return impl_->apply(context, event, fresh);
      } else {
        return impl_->apply(context, event);
      }
    } else {
      return fail(ErrorCode::internal, "This kind of event belongs to no conversation.");
    }
  };
  return std::visit(one, pending.event.body);
}

}  // namespace posthorn
