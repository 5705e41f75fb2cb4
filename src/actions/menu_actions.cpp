// Menus and welcomes: what they hold. menu_sending_actions.cpp sends them.
#include <algorithm>

#include <fmt/format.h>

#include "actions/automation_common.h"
#include "actions/common.h"
#include "automation/automation_requests.h"
#include "automation/rule_defaults.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

json::object view(const automation::FoundMenu& menu) {
  json::object out;
  out["menu_id"] = menu.stored.menu.name;
  out["account_id"] = menu.stored.account ? json::value(menu.stored.account.value) : json::value(nullptr);
  out["enabled"] = menu.stored.enabled;
  out["is_default"] = menu.is_default;
  out["config"] = to_json(menu.stored.menu);
  return out;
}

Task<Result<json::value>> get(ActionContext c, Params p) {
  auto look = [account = p.text("account"),
               name = p.text("menu_id")](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const AccountId id, account_or_all(tx, account));
    PH_TRY_ASSIGN(const auto menu, automation::get_menu(tx, id, name));
    return json::value(view(menu));
  };
  co_return co_await c.services->database->read(std::move(look));
}

Task<Result<json::value>> list(ActionContext c, Params p) {
  auto look = [account = p.text("account")](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const AccountId only, account_or_all(tx, account));
    PH_TRY_ASSIGN(const auto stored, automation::list_menus(tx));
    json::array menus;
    for (const auto& menu : stored) {
      if (!only || !menu.account || menu.account == only) menus.emplace_back(view({menu, false}));
    }
    json::object out;
    out["menus"] = std::move(menus);
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->read(std::move(look));
}

Task<Result<json::value>> save(ActionContext c, Params p) {
  automation::FoundMenu found;
  auto menu = automation::parse_menu(p.text("menu_id"), json::value(p.object("config")));
  if (!menu) {
    std::string& field = menu.error().field;
    if (field != "menu_id") field = field.empty() ? "config" : "config." + field;
    co_return std::unexpected(std::move(menu).error());
  }
  found.stored.menu = *std::move(menu);
  found.stored.enabled = p.boolean("enabled");
  auto write = [found = std::move(found), account = p.text("account"),
                now = c.services->clock->wall_now()](Transaction& tx) mutable -> Result<json::value> {
    PH_TRY_ASSIGN(found.stored.account, account_or_all(tx, account));
    PH_TRY(automation::check_menu_for(tx, found.stored.account, found.stored.menu));
    PH_TRY(automation::save_menu(tx, found.stored, now));
    return json::value(view(found));
  };
  co_return co_await c.services->database->write(std::move(write));
}

Task<Result<json::value>> remove(ActionContext c, Params p) {
  auto write = [account = p.text("account"),
                name = p.text("menu_id")](Transaction& tx) -> Result<json::value> {
    PH_TRY_ASSIGN(const AccountId id, account_or_all(tx, account));
    PH_TRY_ASSIGN(const bool gone, automation::delete_menu(tx, id, name));
    if (!gone)
      return fail(ErrorCode::not_found, fmt::format("there is no stored menu '{}'", name), "menu_id");
    json::object out;
    out["deleted"] = name;
    return json::value(std::move(out));
  };
  co_return co_await c.services->database->write(std::move(write));
}

// Stores what is not there yet; what somebody changed stays as it is.
Result<json::value> seed(Transaction& tx, const std::string& account, WallTime now) {
  PH_TRY_ASSIGN(const AccountId id, account_or_all(tx, account));
  PH_TRY_ASSIGN(const auto there, automation::list_menus(tx));
  json::array menus, rules;
  for (const auto& menu : automation::default_menus()) {
    const bool known = std::ranges::any_of(
        there, [&](const auto& stored) { return stored.account == id && stored.menu.name == menu.name; });
    if (known) continue;
    PH_TRY(automation::save_menu(tx, {id, true, menu}, now));
    menus.emplace_back(menu.name);
  }
  for (automation::Rule rule : automation::default_rules()) {
    PH_TRY_ASSIGN(const auto known, automation::find_rule(tx, id, rule.name));
    if (known) continue;
    rule.account = id;
    PH_TRY(automation::save_rule(tx, rule, now));
    rules.emplace_back(rule.name);
  }
  json::object out;
  out["menus_seeded"] = static_cast<std::int64_t>(menus.size());
  out["menus"] = std::move(menus);
  out["rules"] = std::move(rules);  // switched off
  return json::value(std::move(out));
}

Task<Result<json::value>> seed_menus(ActionContext c, Params p) {
  auto write = [account = p.text("account"), now = c.services->clock->wall_now()](Transaction& tx) {
    return seed(tx, account, now);
  };
  co_return co_await c.services->database->write(std::move(write));
}

Result<json::value> welcome_config(Transaction& tx, const std::string& account) {
  PH_TRY_ASSIGN(const AccountId id, account_or_all(tx, account));
  PH_TRY_ASSIGN(const auto stored, rule_for(tx, id, automation::kWelcomeRule));
  PH_TRY_ASSIGN(const auto menu, rule_for(tx, id, automation::kMenuRule));
  const automation::Rule rule = stored ? *stored : default_rule(automation::kWelcomeRule);
  json::array keywords;
  for (const std::string& word :
       (menu ? *menu : default_rule(automation::kMenuRule)).definition.trigger.keywords)
    keywords.emplace_back(word);
  json::object config;
  config["welcome_text"] = welcome_text(rule);
  config["enabled"] = rule.enabled;
  config["only_on_first_contact"] =
      rule.definition.trigger.first_contact && !rule.definition.trigger.after_pause;
  config["cooldown_hours"] = std::chrono::duration_cast<std::chrono::hours>(rule.definition.cooldown).count();
  config["auto_menu_keywords"] = std::move(keywords);
  json::object out;
  out["is_default"] = !stored;
  out["rule_id"] = stored ? json::value(stored->id.value) : json::value(nullptr);
  out["config"] = std::move(config);
  return json::value(std::move(out));
}

Task<Result<json::value>> get_welcome(ActionContext c, Params p) {
  auto look = [account = p.text("account")](Transaction& tx) { return welcome_config(tx, account); };
  co_return co_await c.services->database->read(std::move(look));
}

}  // namespace

std::vector<Action> menu_actions() {
  json::object example_config = {
      {"body", "What is it about?"},
      {"button", "Choose"},
      {"sections", json::array{json::object{{"rows", json::array{json::object{{"id", "hours"},
                                                                              {"title", "Opening hours"},
                                                                              {"action", "text"},
                                                                              {"text", "9 to 5"}}}}}}}};
  return {
      {.name = "get_welcome_config",
       .category = "automation",
       .role = Role::viewer,
       .summary = "What the rule 'welcome' says, and the keywords of the rule 'menu'.",
       .parameters = {account_or_all_parameter()},
       .handler = get_welcome},
      {.name = "get_menu_config",
       .category = "automation",
       .role = Role::viewer,
       .summary = "A menu: the account's own, the one for all, or the one to begin with.",
       .parameters = {account_or_all_parameter(), menu_parameter(Need::optional)},
       .handler = get},
      {.name = "list_menu_configs",
       .category = "automation",
       .role = Role::viewer,
       .summary = "The menus that are stored.",
       .parameters = {account_or_all_parameter()},
       .handler = list},
      {.name = "save_menu_config",
       .category = "automation",
       .role = Role::marketer,
       .effect = Effect::mutates,
       .summary = "Makes or changes a menu; nothing is cut to the channel's limits, it is refused.",
       .parameters =
           {menu_parameter(Need::required),
            {.name = "config",
             .type = ParameterType::object,
             .need = Need::required,
             .help = "the menu as docs/automation.md describes it"},
            account_or_all_parameter(),
            {.name = "enabled", .type = ParameterType::boolean, .help = "on or off", .fallback = true}},
       .handler = save,
       .example = {{"menu_id", "main"}, {"config", std::move(example_config)}}},
      {.name = "delete_menu_config",
       .category = "automation",
       .role = Role::marketer,
       .effect = Effect::mutates,
       .summary = "Deletes a stored menu.",
       .parameters = {menu_parameter(Need::required), account_or_all_parameter()},
       .handler = remove,
       .example = {{"menu_id", "main"}}},
      {.name = "seed_menu_configs",
       .category = "automation",
       .role = Role::marketer,
       .effect = Effect::mutates,
       .summary =
           "Stores the menus and rules to begin with, rules switched off; what is there stays as it is.",
       .parameters = {account_or_all_parameter()},
       .handler = seed_menus},
  };
}

}  // namespace posthorn
