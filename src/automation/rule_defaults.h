// Rules and menus to begin with: offered switched off, so that nobody is answered before somebody wants it.
#pragma once
#include <string_view>
#include <vector>

#include "automation/menu.h"
#include "automation/rule.h"

namespace posthorn::automation {

inline constexpr std::string_view kWelcomeRule = "welcome", kMenuRule = "menu";

std::vector<Rule> default_rules();                // for every account, disabled
std::vector<Menu> default_menus();                // main, services, selfservice, support
const Menu* default_menu(std::string_view name);  // null: there is none of this name

}  // namespace posthorn::automation
