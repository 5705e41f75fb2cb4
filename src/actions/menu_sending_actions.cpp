// Menus and welcomes that are sent now. menu_actions.cpp keeps what they hold.
#include <fmt/format.h>

#include "actions/account_runtime.h"
#include "actions/automation_common.h"
#include "actions/common.h"
#include "actions/runner.h"
#include "automation/automation_requests.h"
#include "automation/rule_defaults.h"
#include "platform/clock.h"

namespace posthorn {
namespace {

using automation::Situation;

constexpr std::int64_t kWelcomeHours = 72, kMaxHours = 24 * 365;

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

}  // namespace

std::vector<Action> menu_sending_actions() {
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

}  // namespace posthorn
