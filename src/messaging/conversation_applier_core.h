// The inside of the ConversationApplier, by subject:
//   conversation_applier.cpp          accounts, people, and the choice of what an event is
//   conversation_applier_messages.cpp messages, echoes, keywords
//   conversation_applier_changes.cpp  reactions, edits, revokes, and those that came early
//   conversation_applier_receipts.cpp delivered and read, by id and by watermark
//   conversation_applier_others.cpp   identities, calls, groups, address books, preferences, notices
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "channels/conversation_events.h"
#include "core/json.h"
#include "messaging/accounts.h"
#include "messaging/conversation_applier.h"
#include "messaging/early_changes.h"
#include "messaging/event_batch.h"
#include "messaging/message_rows.h"
#include "messaging/messages.h"

namespace posthorn {

struct ConversationApplier::Impl {
  Impl(Transaction& t, const EventBatch& b, EventBatchResult& r)
      : tx(t), batch(b), result(r), now(wall_from_micros(b.now)) {}

  // A message that is there already.
  struct Target {
    MessageId id;
    ConversationId conversation;
  };
  // An event on its way: what it is about, and whose it is.
  struct Context {
    const PendingEvent& pending;
    const channels::WebhookOrigin& origin;
    const Account& account;
    std::int64_t received_at = 0;
    bool whatsapp() const { return origin.channel == channels::Channel::whatsapp; }
    // The channel's time; ours when it named none, or one that has not come yet.
    std::int64_t time(WallTime at) const;
  };

  // conversation_applier.cpp
  Result<const Account*> account_of(const channels::WebhookOrigin& origin);
  Result<PersonId> person_of(const Account& account, const channels::Party& party);
  Result<ConversationId> conversation_of(AccountId account, PersonId person);
  Result<ConversationId> conversation_of(const Context& context, const channels::Party& party,
                                         std::string_view group_id, PersonId& person);
  Result<MessageId> store(Message message, std::int64_t hash);
  Result<std::optional<Target>> find(const Context& context, std::string_view channel_id, std::int64_t hash);
  Result<> touch(const message_rows::Touch& touch);
  Result<> log(std::string_view kind, ConversationId conversation, std::string_view data);
  void forget_people();

  // conversation_applier_messages.cpp
  Result<> apply(const Context& context, const channels::MessageEvent& event, bool& fresh);
  Result<bool> fill_placeholder(const Context& context, const channels::MessageEvent& event,
                                const Target& target);
  Result<bool> is_ours(const Context& context, const channels::MessageEvent& event,
                       ConversationId conversation);
  Result<bool> adopt(const Context& context, const channels::MessageEvent& event, std::int64_t send_row);
  Result<> log_message(const Context& context, const Message& message, PersonId person, bool standby);
  Result<> obey_keywords(const Context& context, const channels::MessageEvent& event, const Message& message,
                         PersonId person);
  Result<bool> outdated(const Message& message, bool stop);
  Result<> set_opt_out(AccountId account, const std::string& business_id, PersonId person, bool stop,
                       std::string_view source, std::string_view detail, WallTime at);

  // conversation_applier_changes.cpp
  Result<> apply(const Context& context, const channels::ReactionEvent& event);
  Result<> apply(const Context& context, const channels::EditEvent& event);
  Result<> apply(const Context& context, const channels::RevokeEvent& event);
  // The change happens to `target`, or waits for it.
  Result<> change(const Context& context, std::string_view channel_id, const EarlyChange& change);
  Result<> change(const Target& target, const EarlyChange& change);
  Result<> react(const Target& target, const JsonView& data);
  Result<> edit(const Target& target, const JsonView& data);
  Result<> revoke(const Target& target, const JsonView& data);
  Result<> status(const Target& target, const JsonView& data);
  Result<> apply_early(const Target& target, std::int64_t hash);

  // conversation_applier_receipts.cpp
  Result<> apply(const Context& context, const channels::ReceiptEvent& event);
  Result<> receipt(const Target& target, const JsonView& data);
  Result<> read_until(ConversationId conversation, const channels::ReceiptEvent& event, std::int64_t at);
  Result<> catch_up(const Target& target, std::int64_t at);

  // conversation_applier_others.cpp
  Result<> apply(const Context& context, const channels::IdentityEvent& event);
  Result<> apply(const Context& context, const channels::CallEvent& event);
  Result<> apply(const Context& context, const channels::GroupEvent& event);
  Result<> apply(const Context& context, const channels::ContactSyncEvent& event);
  Result<> call_message(const Context& context, const channels::CallEvent& event, PersonId person,
                        ConversationId conversation, const std::string& state, const std::string& content);
  Result<> apply_preference(const PendingEvent& pending, const whatsapp::UserPreferenceEvent& event);
  Result<> apply_notice(const PendingEvent& pending, const channels::NoticeEvent& event);

  Transaction& tx;
  const EventBatch& batch;
  EventBatchResult& result;
  WallTime now;
  // Looked up only, never iterated.
  std::unordered_map<std::string, Account> accounts;
  std::int64_t next_message = 0;
  std::optional<bool> early, labels;  // whether there are any at all
  std::string scratch;
  WallTime event_at{};  // of the event that is applied; 0: it tells none
};

}  // namespace posthorn
