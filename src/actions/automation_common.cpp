#include "actions/automation_common.h"

#include <algorithm>

#include "actions/common.h"
#include "automation/automation_store.h"
#include "automation/rule_defaults.h"

namespace posthorn {

Result<AccountId> account_or_all(Transaction& tx, const std::string& text) {
  if (text.empty()) return AccountId{};
  PH_TRY_ASSIGN(const Account account, find_account(tx, text));
  return account.id;
}

Result<std::optional<automation::Rule>> rule_for(Transaction& tx, AccountId account, std::string_view name) {
  if (account) {
    PH_TRY_ASSIGN(auto own, automation::find_rule(tx, account, name));
    if (own) return own;
  }
  return automation::find_rule(tx, AccountId{}, name);
}

automation::Rule default_rule(std::string_view name) {
  const auto rules = automation::default_rules();
  return *std::ranges::find(rules, name, &automation::Rule::name);
}

std::string welcome_text(const automation::Rule& rule) {
  for (const auto& effect : rule.definition.effects)
    if (effect.kind == automation::EffectKind::text) return effect.text;
  return {};
}

Parameter account_or_all_parameter() {
  Parameter account = account_parameter();
  account.help = "only for this account; for all when left out";
  account.aliases.push_back("tenant_id");
  account.aliases.push_back("tenantId");
  return account;
}

Parameter menu_parameter(Need need) {
  Parameter menu{.name = "menu_id", .need = need, .help = "the menu's name", .max = 40};
  if (need == Need::optional) menu.fallback = kMainMenu;
  return menu;
}
}  // namespace posthorn
