// Rules, menus and what they have done, as rows. SQL only: every function works inside the caller's
// transaction.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "automation/rule_decision.h"
#include "storage/database.h"

namespace posthorn::automation {

struct RuleList {
  std::vector<Rule> rules;            // by id
  std::vector<std::string> problems;  // stored rules that cannot be read; they do nothing
};
Result<RuleList> list_rules(Transaction& tx);
Result<Rule> get_rule(Transaction& tx, RuleId id);  // not_found
Result<std::optional<Rule>> find_rule(Transaction& tx, AccountId account, std::string_view name);
// Makes one (id 0) or changes it. conflict when the account has another rule of this name.
Result<RuleId> save_rule(Transaction& tx, const Rule& rule, WallTime now);
Result<> delete_rule(Transaction& tx, RuleId id);  // not_found

Result<std::vector<StoredMenu>> list_menus(Transaction& tx);  // by name, those for all first
Result<> save_menu(Transaction& tx, const StoredMenu& menu, WallTime now);
Result<bool> delete_menu(Transaction& tx, AccountId account, std::string_view name);

// What is known about one message; nothing if it is gone.
Result<std::optional<Situation>> load_situation(Transaction& tx, MessageId message, WallTime now);
// Of a conversation as it stands, without a message: for what people ask for, and for dry runs.
Result<Situation> conversation_situation(Transaction& tx, ConversationId conversation, WallTime now);
Result<std::vector<RuleRun>> list_runs(Transaction& tx, ConversationId conversation);
Result<> record_run(Transaction& tx, ConversationId conversation, const RuleRun& run);

}  // namespace posthorn::automation
