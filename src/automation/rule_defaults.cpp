#include "automation/rule_defaults.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "core/json.h"

namespace posthorn::automation {
namespace {

struct Named {
  std::string_view name, definition;
};

constexpr auto kRules = std::to_array<Named>({
    {"read receipts", R"({"priority": 10, "do": [{"effect": "read"}]})"},
    {"reactions", R"({"priority": 10, "do": [{"effect": "react"}]})"},
    {kWelcomeRule,
     R"({"when": {"first_contact": true, "after_pause_hours": 72}, "cooldown_minutes": 4320, "priority": 20,
      "do": [{"effect": "text", "text": "Hello {name|and welcome}! Thank you for writing to {account}.\nHow can we help?"},
             {"effect": "menu", "menu": "main"}]})"},
    {kMenuRule,
     R"({"when": {"keywords": ["menu", "help", "start", "hi"], "types": ["text"]}, "cooldown_minutes": 60,
      "priority": 30, "last": true, "do": [{"effect": "menu", "menu": "main"}]})"},
    {"away",
     R"({"if": {"hours": "closed", "business_hours": {"time_zone": "UTC", "days": {"mon": ["09:00-17:00"],
      "tue": ["09:00-17:00"], "wed": ["09:00-17:00"], "thu": ["09:00-17:00"], "fri": ["09:00-17:00"]}}},
      "cooldown_minutes": 240, "priority": 40, "last": true,
      "do": [{"effect": "text", "text": "Thank you for your message. We are away at the moment and will answer as soon as we are back."}]})"},
    {"auto-reply", R"({"if": {"unless_assigned": true}, "cooldown_minutes": 60, "priority": 50,
      "do": [{"effect": "text", "text": "Thank you, we have received your message.", "quote": true}]})"},
    {"media echo",
     R"({"when": {"types": ["image", "video", "audio", "voice", "document", "sticker"]}, "priority": 60,
      "do": [{"effect": "echo_media", "text": "✅ Received"}]})"},
});

constexpr auto kMenus = std::to_array<Named>({
    {"main", R"({"body": "What can we do for you?", "button": "Choose", "sections": [{"rows": [
      {"id": "services", "title": "Our services", "action": "menu", "value": "services"},
      {"id": "selfservice", "title": "Self-service", "action": "menu", "value": "selfservice"},
      {"id": "support", "title": "Support", "action": "menu", "value": "support"}]}]})"},
    {"services", R"({"body": "Our services", "button": "Choose", "sections": [{"rows": [
      {"id": "offer", "title": "Ask for an offer", "action": "text", "text": "Tell us in a few words what you need."},
      {"id": "main", "title": "Back", "action": "menu", "value": "main"}]}]})"},
    {"selfservice", R"({"body": "Self-service", "button": "Choose", "sections": [{"rows": [
      {"id": "hours", "title": "Opening hours", "action": "text", "text": "We are there Monday to Friday, 9:00 to 17:00."},
      {"id": "main", "title": "Back", "action": "menu", "value": "main"}]}]})"},
    {"support", R"({"body": "Support", "button": "Choose", "sections": [{"rows": [
      {"id": "problem", "title": "Report a problem", "action": "text", "text": "Describe the problem; a picture helps."},
      {"id": "human", "title": "Talk to us", "description": "Somebody will answer you here"},
      {"id": "main", "title": "Back", "action": "menu", "value": "main"}]}]})"},
});

// The tables above are constants: a mistake in them is a bug, which the tests find.
template <class T>
T correct(Result<T> parsed) {
  if (!parsed) throw std::logic_error(parsed.error().message);
  return *std::move(parsed);
}

}  // namespace

std::vector<Rule> default_rules() {
  std::vector<Rule> rules;
  for (const Named& entry : kRules) {
    Rule rule;
    rule.name = std::string(entry.name);
    rule.definition = correct(parse_rule(correct(parse_json(entry.definition))));
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<Menu> default_menus() {
  std::vector<Menu> menus;
  for (const Named& entry : kMenus)
    menus.push_back(correct(parse_menu(entry.name, correct(parse_json(entry.definition)))));
  return menus;
}

const Menu* default_menu(std::string_view name) {
  static const std::vector<Menu> kDefaults = default_menus();
  const auto found = std::ranges::find(kDefaults, name, &Menu::name);
  return found != kDefaults.end() ? &*found : nullptr;
}

}  // namespace posthorn::automation
