#include "automation/automation_forward.h"

#include <fmt/format.h>

#include "automation/automation_store.h"
#include "messaging/accounts.h"
#include "messaging/conversations.h"
#include "messaging/people.h"

namespace posthorn::automation {
namespace {

constexpr std::size_t kCaption = 1024;

Result<ConversationId> conversation_of_number(Transaction& tx, const Situation& from, PhoneNumber to) {
  PH_TRY_ASSIGN(const Account account, accounts::get(tx, from.account));
  PH_TRY_ASSIGN(const auto person,
                people::find(tx, account, {{channels::AddressKind::phone, to.to_digits()}}));
  std::optional<ConversationId> found;
  if (person) {
    PH_TRY_ASSIGN(found, conversations::find(tx, from.account, *person));
  }
  return found.value_or(ConversationId{});
}

std::string name_of(const Effect& effect, const Situation& there) {
  if (!effect.conversation) return effect.to.to_string();
  return fmt::format("conversation {} ({} on {})", effect.conversation.value,
                     there.person_name.empty() ? "somebody" : there.person_name,
                     channels::to_string(there.channel));
}

std::unexpected<Error> closed(std::string_view whom) {
  return fail(
      ErrorCode::conflict,
      fmt::format("nothing can be forwarded to {}: nobody has written from there within 24 hours", whom));
}

}  // namespace

Result<ForwardTarget> forward_target(Transaction& tx, const Situation& from, const Effect& effect,
                                     WallTime now) {
  ConversationId id = effect.conversation;
  if (!id) {
    PH_TRY_ASSIGN(id, conversation_of_number(tx, from, effect.to));
  }
  if (!id) return closed(effect.to.to_string());
  if (id == from.conversation)
    return fail(ErrorCode::conflict, "nothing is forwarded to where it comes from");
  PH_TRY_ASSIGN(const Situation there, conversation_situation(tx, id, now));
  if (there.account_blocked) {
    return fail(ErrorCode::conflict, fmt::format("nothing can be forwarded to {}: account '{}' may not send",
                                                 name_of(effect, there), there.account_name));
  }
  if (!messaging_window(there.window).open(now)) return closed(name_of(effect, there));
  return ForwardTarget{id, there.account, there.channel};
}

std::string forward_words(const Situation& from) {
  const std::string number = from.person_number.empty() ? "" : "+" + from.person_number;
  if (from.person_name.empty() && number.empty())
    return fmt::format("{}: {}", channels::to_string(from.channel), from.text);
  if (from.person_name.empty() || number.empty())
    return fmt::format("{}{}: {}", from.person_name, number, from.text);
  return fmt::format("{} ({}): {}", from.person_name, number, from.text);
}

bool fits_as_caption(const ForwardTarget& to, std::string_view message_type, std::string_view words) {
  const bool captioned = message_type == "image" || message_type == "video" || message_type == "document";
  return to.channel == channels::Channel::whatsapp && captioned && character_count(words) <= kCaption;
}

}  // namespace posthorn::automation
