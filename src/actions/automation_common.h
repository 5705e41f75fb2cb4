// What the actions on rules and on menus share.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "actions/registry.h"
#include "automation/rule.h"
#include "storage/database.h"

namespace posthorn {

inline constexpr std::string_view kMainMenu = "main";

Result<AccountId> account_or_all(Transaction& tx, const std::string& text);  // 0: all

// The rule of this name for the account, else the one for all.
Result<std::optional<automation::Rule>> rule_for(Transaction& tx, AccountId account, std::string_view name);
automation::Rule default_rule(std::string_view name);
std::string welcome_text(const automation::Rule& rule);

Parameter account_or_all_parameter();
Parameter menu_parameter(Need need);

}  // namespace posthorn
