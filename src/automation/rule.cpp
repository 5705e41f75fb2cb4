#include "automation/rule.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "automation/rule_fields.h"

namespace posthorn::automation {
namespace {

constexpr std::size_t kMaxTypes = 50, kMaxKeywords = 100, kMaxReplyIds = 100, kMaxEffects = 5,
                      kMaxText = 4096, kMaxCaption = 1024;
constexpr std::int64_t kMaxHours = 24 * 365, kMaxCooldownMinutes = 60 * 24 * 365, kMaxPriority = 1000;
constexpr std::size_t kMaxEmojiBytes = 64;

constexpr std::array<std::string_view, 7> kEffectNames = {"text",    "menu", "react", "echo_media",
                                                          "forward", "read", "typing"};
constexpr std::array<std::string_view, 3> kMatchNames = {"whole", "starts", "contains"};
constexpr std::array<std::string_view, 3> kHoursNames = {"any", "open", "closed"};
constexpr std::array<std::string_view, 3> kGroupsNames = {"no", "also", "only"};
constexpr std::array<std::string_view, 3> kChannelNames = {"whatsapp", "instagram", "messenger"};

// The position of a member's text among `names`.
template <std::size_t N>
Result<std::size_t> choice_member(const JsonView& view, std::string_view key,
                                  const std::array<std::string_view, N>& names, std::string_view fallback) {
  PH_TRY_ASSIGN(const std::string text, text_member(view, key, fallback));
  const auto* found = std::ranges::find(names, std::string_view(text));
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  return wrong(view[key], fmt::format("must be one of {}", fmt::join(names, ", ")));
}

Result<> check_keywords(const JsonView& view, const std::vector<std::string>& keywords) {
  for (std::size_t i = 0; i < keywords.size(); ++i) {
    if (folded(keywords[i]).empty())
      return wrong(view["keywords"][i], "has nothing but blanks and punctuation, which are not looked at");
  }
  return {};
}

Result<Trigger> parse_trigger(const JsonView& view) {
  PH_TRY(
      check_members(view, {"types", "keywords", "match", "first_contact", "after_pause_hours", "reply_ids"}));
  Trigger trigger;
  PH_TRY_ASSIGN(trigger.types, texts_member(view, "types", kMaxTypes));
  PH_TRY_ASSIGN(trigger.keywords, texts_member(view, "keywords", kMaxKeywords));
  PH_TRY(check_keywords(view, trigger.keywords));
  PH_TRY_ASSIGN(const std::size_t match, choice_member(view, "match", kMatchNames, "whole"));
  trigger.match = static_cast<KeywordMatch>(match);
  PH_TRY_ASSIGN(trigger.first_contact, flag_member(view, "first_contact"));
  PH_TRY_ASSIGN(const std::int64_t pause, number_member(view, "after_pause_hours", 0, 0, kMaxHours));
  if (pause > 0) trigger.after_pause = std::chrono::hours(pause);
  PH_TRY_ASSIGN(trigger.reply_ids, texts_member(view, "reply_ids", kMaxReplyIds));
  return trigger;
}

Result<Conditions> parse_conditions(const JsonView& view) {
  PH_TRY(check_members(view, {"hours", "business_hours", "channels", "unless_assigned", "groups"}));
  Conditions conditions;
  PH_TRY_ASSIGN(const std::size_t hours, choice_member(view, "hours", kHoursNames, "any"));
  conditions.hours = static_cast<HoursCondition>(hours);
  if (conditions.hours != HoursCondition::any) {
    if (!view["business_hours"].exists())
      return wrong(view["business_hours"], "is missing; say when you are open");
    PH_TRY_ASSIGN(conditions.business_hours, parse_business_hours(view["business_hours"]));
  } else if (view["business_hours"].exists()) {
    return wrong(view["hours"], "must be open or closed when business_hours are given");
  }
  PH_TRY_ASSIGN(const auto names, texts_member(view, "channels", kChannelNames.size()));
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto* found = std::ranges::find(kChannelNames, std::string_view(names[i]));
    if (found == kChannelNames.end())
      return wrong(view["channels"][i], fmt::format("must be one of {}", fmt::join(kChannelNames, ", ")));
    conditions.channels.push_back(static_cast<channels::Channel>(found - kChannelNames.begin() + 1));
  }
  PH_TRY_ASSIGN(conditions.unless_assigned, flag_member(view, "unless_assigned"));
  PH_TRY_ASSIGN(const std::size_t groups, choice_member(view, "groups", kGroupsNames, "no"));
  conditions.groups = static_cast<GroupsCondition>(groups);
  return conditions;
}

Result<RuleEffect> parse_text(const JsonView& view, RuleEffect effect) {
  PH_TRY(check_members(view, {"effect", "text", "quote"}));
  PH_TRY_ASSIGN(effect.text, text_member(view, "text"));
  PH_TRY(check_characters(view["text"], effect.text, 1, kMaxText));
  PH_TRY(check_placeholders(effect.text, view["text"].path()));
  PH_TRY_ASSIGN(effect.quote, flag_member(view, "quote"));
  return effect;
}

Result<RuleEffect> parse_menu_effect(const JsonView& view, RuleEffect effect) {
  PH_TRY(check_members(view, {"effect", "menu", "quote"}));
  PH_TRY_ASSIGN(effect.menu, text_member(view, "menu"));
  if (effect.menu.empty()) return wrong(view["menu"], "must be the name of a menu");
  PH_TRY_ASSIGN(effect.quote, flag_member(view, "quote"));
  return effect;
}

Result<RuleEffect> parse_react(const JsonView& view, RuleEffect effect) {
  PH_TRY(check_members(view, {"effect", "emoji"}));
  const JsonView table = view["emoji"];
  if (!table.exists()) {
    effect.emoji = default_reactions();
    return effect;
  }
  const json::object* entries = table.raw()->if_object();
  if (entries == nullptr || entries->empty())
    return wrong(table, "must be a table of message type and emoji, such as {\"text\": \"👍\", \"*\": \"\"}");
  for (const auto& entry : *entries) {
    const std::string type(entry.key().data(), entry.key().size());
    PH_TRY_ASSIGN(const std::string emoji, text_member(table, type));
    if (emoji.size() > kMaxEmojiBytes ||
        std::ranges::any_of(emoji, [](char c) { return c == ' ' || (c >= 'A' && c <= 'z'); }))
      return wrong(table[type], "must be one emoji, or empty for none");
    effect.emoji[type] = emoji;
  }
  return effect;
}

Result<RuleEffect> parse_echo(const JsonView& view, RuleEffect effect) {
  PH_TRY(check_members(view, {"effect", "text", "quote"}));
  PH_TRY_ASSIGN(effect.text, text_member(view, "text"));
  PH_TRY(check_characters(view["text"], effect.text, 0, kMaxCaption));
  PH_TRY(check_placeholders(effect.text, view["text"].path()));
  PH_TRY_ASSIGN(effect.quote, flag_member(view, "quote"));
  return effect;
}

Result<RuleEffect> parse_forward(const JsonView& view, RuleEffect effect) {
  PH_TRY(check_members(view, {"effect", "to", "conversation", "media_only"}));
  PH_TRY_ASSIGN(effect.media_only, flag_member(view, "media_only"));
  if (view["conversation"].exists()) {
    if (view["to"].exists()) return wrong(view["to"], "may not be given beside conversation");
    PH_TRY_ASSIGN(const std::int64_t id, number_member(view, "conversation", 0, 1, INT64_MAX));
    effect.conversation = ConversationId{id};
    return effect;
  }
  PH_TRY_ASSIGN(const std::string to, text_member(view, "to"));
  const auto phone = parse_phone(to, Region{});
  if (!phone) return wrong(view["to"], fmt::format("is not a phone number: {}", explain(phone.error())));
  effect.to = *phone;
  return effect;
}

Result<RuleEffect> parse_bare(const JsonView& view, RuleEffect effect) {
  PH_TRY(check_members(view, {"effect"}));
  return effect;
}

using EffectParser = Result<RuleEffect> (*)(const JsonView&, RuleEffect);
constexpr std::array<EffectParser, kEffectNames.size()> kEffectParsers = {
    parse_text, parse_menu_effect, parse_react, parse_echo, parse_forward, parse_bare, parse_bare};

Result<std::vector<RuleEffect>> parse_effects(const JsonView& view) {
  if (view.size() == 0 || view.size() > kMaxEffects)
    return wrong(view, fmt::format("must be a list of 1 to {} effects", kMaxEffects));
  std::vector<RuleEffect> effects;
  for (std::size_t i = 0; i < view.size(); ++i) {
    PH_TRY_ASSIGN(const std::size_t kind, choice_member(view[i], "effect", kEffectNames, ""));
    RuleEffect effect;
    effect.kind = static_cast<EffectKind>(kind);
    PH_TRY_ASSIGN(effect, kEffectParsers[kind](view[i], std::move(effect)));
    effects.push_back(std::move(effect));
  }
  return effects;
}

json::array texts_json(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

json::object trigger_json(const Trigger& trigger) {
  json::object out;
  if (!trigger.types.empty()) out["types"] = texts_json(trigger.types);
  if (!trigger.keywords.empty()) {
    out["keywords"] = texts_json(trigger.keywords);
    out["match"] = kMatchNames[static_cast<std::size_t>(trigger.match)];
  }
  if (trigger.first_contact) out["first_contact"] = true;
  if (trigger.after_pause)
    out["after_pause_hours"] = std::chrono::duration_cast<std::chrono::hours>(*trigger.after_pause).count();
  if (!trigger.reply_ids.empty()) out["reply_ids"] = texts_json(trigger.reply_ids);
  return out;
}

json::object conditions_json(const Conditions& conditions) {
  json::object out;
  if (conditions.hours != HoursCondition::any) {
    out["hours"] = kHoursNames[static_cast<std::size_t>(conditions.hours)];
    out["business_hours"] = to_json(conditions.business_hours);
  }
  if (!conditions.channels.empty()) {
    json::array names;
    for (const channels::Channel channel : conditions.channels)
      names.emplace_back(kChannelNames[static_cast<std::size_t>(channel) - 1]);
    out["channels"] = std::move(names);
  }
  if (conditions.unless_assigned) out["unless_assigned"] = true;
  if (conditions.groups != GroupsCondition::no)
    out["groups"] = kGroupsNames[static_cast<std::size_t>(conditions.groups)];
  return out;
}

json::object effect_json(const RuleEffect& effect) {
  json::object out;
  out["effect"] = to_string(effect.kind);
  if (!effect.text.empty()) out["text"] = effect.text;
  if (!effect.menu.empty()) out["menu"] = effect.menu;
  if (effect.quote) out["quote"] = true;
  if (effect.kind == EffectKind::react) {
    json::object table;
    for (const auto& [type, emoji] : effect.emoji) table[type] = emoji;
    out["emoji"] = std::move(table);
  }
  if (effect.to) out["to"] = effect.to.to_string();
  if (effect.conversation) out["conversation"] = effect.conversation.value;
  if (effect.media_only) out["media_only"] = true;
  return out;
}

}  // namespace

std::string_view to_string(EffectKind kind) {
  return kEffectNames[static_cast<std::size_t>(kind)];
}

bool is_answer(EffectKind kind) {
  return kind == EffectKind::text || kind == EffectKind::menu || kind == EffectKind::react ||
         kind == EffectKind::echo_media;
}

bool happens_in_groups(EffectKind kind) {
  return kind == EffectKind::text || kind == EffectKind::echo_media || kind == EffectKind::forward;
}

const std::map<std::string, std::string>& default_reactions() {
  static const std::map<std::string, std::string> kTable = {
      {"*", "👍"},     {"text", "👍"},     {"image", "❤️"},    {"video", "🔥"},    {"audio", "🎵"},
      {"voice", "🎵"}, {"document", "✅"}, {"sticker", "😂"}, {"location", "📍"}, {"contacts", "👋"},
  };
  return kTable;
}

Result<RuleDefinition> parse_rule(const json::value& definition) {
  const JsonView view(definition);
  if (!definition.is_object()) return wrong(view, "must be an object");
  PH_TRY(check_members(view, {"when", "if", "cooldown_minutes", "priority", "last", "do"}));
  RuleDefinition rule;
  PH_TRY_ASSIGN(rule.trigger, parse_trigger(view["when"]));
  PH_TRY_ASSIGN(rule.conditions, parse_conditions(view["if"]));
  PH_TRY_ASSIGN(const std::int64_t cooldown,
                number_member(view, "cooldown_minutes", 0, 0, kMaxCooldownMinutes));
  rule.cooldown = std::chrono::minutes(cooldown);
  PH_TRY_ASSIGN(const std::int64_t priority, number_member(view, "priority", 100, 0, kMaxPriority));
  rule.priority = static_cast<int>(priority);
  PH_TRY_ASSIGN(rule.last, flag_member(view, "last"));
  PH_TRY_ASSIGN(rule.effects, parse_effects(view["do"]));
  for (std::size_t i = 0; i < rule.effects.size() && rule.conditions.groups == GroupsCondition::only; ++i) {
    if (!happens_in_groups(rule.effects[i].kind))
      return wrong(view["do"][i]["effect"],
                   "is nothing a group can get; groups take text, echo_media and forward");
  }
  return rule;
}

json::object to_json(const RuleDefinition& rule) {
  json::object out;
  if (json::object trigger = trigger_json(rule.trigger); !trigger.empty()) out["when"] = std::move(trigger);
  if (json::object conditions = conditions_json(rule.conditions); !conditions.empty())
    out["if"] = std::move(conditions);
  if (rule.cooldown > Duration::zero())
    out["cooldown_minutes"] = std::chrono::duration_cast<std::chrono::minutes>(rule.cooldown).count();
  out["priority"] = rule.priority;
  if (rule.last) out["last"] = true;
  json::array effects;
  for (const RuleEffect& effect : rule.effects) effects.emplace_back(effect_json(effect));
  out["do"] = std::move(effects);
  return out;
}

}  // namespace posthorn::automation
