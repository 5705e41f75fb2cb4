// Menus and welcomes: what they hold, and sending one now.
#include <algorithm>

#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "actions/common.h"
#include "actions/runner.h"
#include "automation/automation_requests.h"
#include "automation/rule_defaults.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

using automation::Situation;

constexpr std::int64_t kWelcomeHours = 72, kMaxHours = 24 * 365;
constexpr std::string_view kMainMenu = "main";

json::object view(const automation::FoundMenu& menu) {
  json::object out;
  out["menu_id"] = menu.stored.menu.name;
  out["account_id"] = menu.stored.account ? json::value(menu.stored.account.value) : json::value(nullptr);
  out["enabled"] = menu.stored.enabled;
  out["is_default"] = menu.is_default;
  out["config"] = to_json(menu.stored.menu);
  return out;
}

Result<AccountId> account_or_all(Transaction& tx, const std::string& text) {
  if (text.empty()) return AccountId{};
  PH_TRY_ASSIGN(const Account account, find_account(tx, text));
  return account.id;
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

// The rule of this name for the account, else the one for all.
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

// One request to send something now.
struct Sending {
  std::string account, author, menu{kMainMenu};
  PhoneNumber to;
  bool include_menu = true;
  Duration cooldown{};
  std::string text;  // what was written, for keywords
  std::shared_ptr<IdempotentCall> idempotent;
  WallTime now;
};
struct Sent {
  json::object answer;
  AccountId wake;  // 0: nothing was sent
};
using SendStep = Result<Sent> (*)(Transaction&, const Sending&, const Account&, const Situation&);

Result<Sending> sending_of(const ActionContext& c, const Params& p, std::string_view phone_parameter) {
  Sending s;
  const auto phone = parse_phone(p.text(phone_parameter), Region{});
  if (!phone)
    return fail(ErrorCode::invalid_argument, std::string(explain(phone.error())),
                std::string(phone_parameter));
  s.to = *phone;
  s.account = p.text("account");
  s.author = c.actor;
  s.include_menu = !p.has("include_menu") || p.boolean("include_menu");
  s.cooldown = std::chrono::hours(p.integer("cooldown_hours"));
  s.text = p.text("message_text");
  s.idempotent = c.idempotent;
  s.now = c.services->clock->wall_now();
  return s;
}

Task<Result<json::value>> send(ActionContext c, Sending sending, SendStep step) {
  auto write = [sending = std::move(sending), step](Transaction& tx) -> Result<Sent> {
    PH_TRY_ASSIGN(const Account account, find_account(tx, sending.account));
    PH_TRY_ASSIGN(const Situation to, automation::open_conversation(tx, account, sending.to, sending.now));
    PH_TRY_ASSIGN(Sent sent, step(tx, sending, account, to));
    PH_TRY(remember_answer(tx, sending.idempotent, json::value(sent.answer), sending.now));
    return sent;
  };
  PH_CO_TRY_ASSIGN(Sent sent, co_await c.services->database->write(std::move(write)));
  if (sent.wake) c.services->accounts->wake(sent.wake);
  co_return json::value(std::move(sent.answer));
}

Result<QueuedReply> send_named_menu(Transaction& tx, const Sending& s, const Account& account,
                                    const Situation& to) {
  PH_TRY_ASSIGN(const auto menu, automation::get_menu(tx, account.id, s.menu));
  return automation::send_menu(tx, to, menu.stored.menu, s.author, s.now);
}

Result<Sent> menu_step(Transaction& tx, const Sending& s, const Account& account, const Situation& to) {
  PH_TRY_ASSIGN(const auto queued, send_named_menu(tx, s, account, to));
  Sent sent{{}, queued.account};
  sent.answer["message_id"] = queued.message.value;
  sent.answer["to"] = s.to.to_string();
  sent.answer["menu_id"] = s.menu;
  return sent;
}

Result<Sent> welcome_step(Transaction& tx, const Sending& s, const Account& account, const Situation& to) {
  Sent sent;
  PH_TRY_ASSIGN(const bool cooling,
                automation::cooling_down(tx, to.conversation, automation::kAskedWelcome, s.cooldown, s.now));
  sent.answer["sent"] = !cooling;
  if (cooling) {
    sent.answer["reason"] = "a welcome was sent within cooldown_hours";
    return sent;
  }
  PH_TRY_ASSIGN(const auto stored, rule_for(tx, account.id, automation::kWelcomeRule));
  const std::string text = welcome_text(stored ? *stored : default_rule(automation::kWelcomeRule));
  PH_TRY_ASSIGN(const auto welcome, automation::send_text(tx, to, text, s.author, s.now));
  sent.wake = welcome.account;
  sent.answer["welcome_message_id"] = welcome.message.value;
  if (s.include_menu) {
    PH_TRY_ASSIGN(const auto menu, send_named_menu(tx, s, account, to));
    sent.answer["menu_message_id"] = menu.message.value;
  }
  PH_TRY(automation::record_run(tx, to.conversation, {automation::kAskedWelcome, MessageId{}, s.now}));
  return sent;
}

Result<Sent> keyword_step(Transaction& tx, const Sending& s, const Account& account, const Situation& to) {
  PH_TRY_ASSIGN(const auto stored, rule_for(tx, account.id, automation::kMenuRule));
  const automation::Rule rule = stored ? *stored : default_rule(automation::kMenuRule);
  const auto& trigger = rule.definition.trigger;
  const std::string* keyword = automation::matching_keyword(trigger.keywords, trigger.match, s.text);
  Sent sent;
  sent.answer["triggered"] = keyword != nullptr;
  sent.answer["matched_keyword"] = keyword != nullptr ? json::value(*keyword) : json::value(nullptr);
  sent.answer["menu_sent"] = false;
  if (keyword == nullptr) return sent;
  PH_TRY_ASSIGN(const bool cooling,
                automation::cooling_down(tx, to.conversation, automation::kAskedMenu, s.cooldown, s.now));
  if (cooling) {
    sent.answer["reason"] = "the menu was sent within cooldown_hours";
    return sent;
  }
  PH_TRY_ASSIGN(const auto queued, send_named_menu(tx, s, account, to));
  PH_TRY(automation::record_run(tx, to.conversation, {automation::kAskedMenu, MessageId{}, s.now}));
  sent.wake = queued.account;
  sent.answer["menu_sent"] = true;
  sent.answer["message_id"] = queued.message.value;
  return sent;
}

Task<Result<json::value>> send_named(ActionContext c, Params p, std::string_view name) {
  PH_CO_TRY_ASSIGN(Sending sending, sending_of(c, p, "to"));
  sending.menu = std::string(name);
  co_return co_await send(c, std::move(sending), menu_step);
}
Task<Result<json::value>> send_menu(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(Sending sending, sending_of(c, p, "to"));
  sending.menu = p.text("menu_id");
  co_return co_await send(c, std::move(sending), menu_step);
}
Task<Result<json::value>> send_main(ActionContext c, Params p) {
  return send_named(std::move(c), std::move(p), kMainMenu);
}
Task<Result<json::value>> send_services(ActionContext c, Params p) {
  return send_named(std::move(c), std::move(p), "services");
}
Task<Result<json::value>> send_selfservice(ActionContext c, Params p) {
  return send_named(std::move(c), std::move(p), "selfservice");
}
Task<Result<json::value>> send_support(ActionContext c, Params p) {
  return send_named(std::move(c), std::move(p), "support");
}
Task<Result<json::value>> send_welcome(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(Sending sending, sending_of(c, p, "to"));
  co_return co_await send(c, std::move(sending), welcome_step);
}
Task<Result<json::value>> check_keyword(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(Sending sending, sending_of(c, p, "from"));
  co_return co_await send(c, std::move(sending), keyword_step);
}
Task<Result<json::value>> check_welcome(ActionContext c, Params p) {
  PH_CO_TRY_ASSIGN(Sending sending, sending_of(c, p, "from"));
  co_return co_await send(c, std::move(sending), welcome_step);
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
Parameter phone_parameter(std::string name, std::string help) {
  return {
      .name = std::move(name), .type = ParameterType::phone, .need = Need::required, .help = std::move(help)};
}
Parameter cooldown_parameter(std::int64_t hours) {
  return {.name = "cooldown_hours",
          .type = ParameterType::integer,
          .help = "not again in the same conversation within so many hours",
          .fallback = hours,
          .min = 0,
          .max = kMaxHours};
}
Parameter text_parameter() {
  return {
      .name = "message_text", .need = Need::required, .help = "what was written", .min = 1, .secret = true};
}

Action named_menu_action(const char* name, const char* menu, ActionHandler handler) {
  return {
      .name = name,
      .category = "automation",
      .role = Role::agent,
      .effect = Effect::mutates,
      .summary = fmt::format("Sends the menu '{}' to somebody whose messaging window is open.", menu),
      .parameters = {account_parameter(), phone_parameter("to", "the recipient, in international format")},
      .handler = handler,
      .example = {{"to", "+491701234567"}},
      .keeps_answer = true};
}

std::vector<Action> sending_actions() {
  const Parameter to = phone_parameter("to", "the recipient, in international format");
  const Parameter from = phone_parameter("from", "who wrote, in international format");
  const Parameter include = {.name = "include_menu",
                             .type = ParameterType::boolean,
                             .help = "send the menu 'main' after it",
                             .fallback = true};
  return {
      {.name = "send_menu",
       .category = "automation",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "Sends a menu to somebody whose messaging window is open.",
       .parameters = {account_parameter(), to, menu_parameter(Need::optional)},
       .handler = send_menu,
       .example = {{"to", "+491701234567"}, {"menu_id", "main"}},
       .keeps_answer = true},
      named_menu_action("send_menu_main", "main", send_main),
      named_menu_action("send_menu_services", "services", send_services),
      named_menu_action("send_menu_selfservice", "selfservice", send_selfservice),
      named_menu_action("send_menu_support", "support", send_support),
      {.name = "send_welcome",
       .category = "automation",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "Sends the welcome and the main menu, unless that was done a short while ago.",
       .parameters = {account_parameter(), to, include, cooldown_parameter(kWelcomeHours)},
       .handler = send_welcome,
       .example = {{"to", "+491701234567"}},
       .keeps_answer = true},
      {.name = "check_keyword_trigger",
       .category = "automation",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "Sends the main menu if a text is one of the menu's keywords.",
       .parameters = {account_parameter(), from, text_parameter(), cooldown_parameter(kWelcomeHours)},
       .handler = check_keyword,
       .example = {{"from", "+491701234567"}, {"message_text", "menu"}},
       .keeps_answer = true},
      {.name = "check_auto_welcome",
       .category = "automation",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "As send_welcome, by the number that wrote; rules do this by themselves.",
       .parameters = {account_parameter(), from, include, cooldown_parameter(kWelcomeHours)},
       .handler = check_welcome,
       .example = {{"from", "+491701234567"}},
       .keeps_answer = true},
      {.name = "check_auto_menu",
       .category = "automation",
       .role = Role::agent,
       .effect = Effect::mutates,
       .summary = "As check_keyword_trigger, once an hour; rules do this by themselves.",
       .parameters = {account_parameter(), from, text_parameter(), cooldown_parameter(1)},
       .handler = check_keyword,
       .example = {{"from", "+491701234567"}, {"message_text", "menu"}},
       .keeps_answer = true},
  };
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
  std::vector<Action> actions = {
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
  std::ranges::move(sending_actions(), std::back_inserter(actions));
  return actions;
}

}  // namespace posthorn
