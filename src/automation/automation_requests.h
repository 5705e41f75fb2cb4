// What people ask automation for: a menu or welcome sent now, a look at what rules would do. SQL only: every
// function works inside the caller's transaction.
#pragma once
#include <string>
#include <string_view>

#include "automation/automation_store.h"
#include "messaging/accounts.h"
#include "messaging/outgoing_messages.h"

namespace posthorn::automation {

// Runs of what people asked for, beside those of rules.
inline constexpr RuleId kAskedWelcome{-1}, kAskedMenu{-2};

// The conversation with this number, ready to be written to. not_found: it never wrote here. conflict: the
// messaging window is closed, or the account may not send; a template is the only way then.
Result<Situation> open_conversation(Transaction& tx, const Account& account, PhoneNumber to, WallTime now);

// The menu that holds for the account: its own, the one for all, or the one to begin with. not_found lists
// what there is.
struct FoundMenu {
  StoredMenu stored;
  bool is_default = false;  // not stored: the one to begin with
};
Result<FoundMenu> get_menu(Transaction& tx, AccountId account, std::string_view name);

Result<QueuedReply> send_text(Transaction& tx, const Situation& to, std::string_view text,
                              std::string_view author, WallTime now);
Result<QueuedReply> send_menu(Transaction& tx, const Situation& to, const Menu& menu, std::string_view author,
                              WallTime now);

// Whether something was done less than `cooldown` ago in this conversation.
Result<bool> cooling_down(Transaction& tx, ConversationId conversation, RuleId what, Duration cooldown,
                          WallTime now);

// Whether a rule could do what it says on this account (0: on every account there is): its menus exist, its
// texts and menus fit the channels. invalid_argument names the field.
Result<> check_rule(Transaction& tx, AccountId account, const RuleDefinition& rule);
Result<> check_menu_for(Transaction& tx, AccountId account, const Menu& menu);

}  // namespace posthorn::automation
