#include "automation/automation_requests.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "automation/automation_compose.h"
#include "automation/rule_defaults.h"
#include "messaging/conversations.h"
#include "messaging/people.h"

namespace posthorn::automation {
namespace {

Result<std::set<channels::Channel>> channels_of(Transaction& tx, AccountId account) {
  std::set<channels::Channel> found;
  PH_TRY_ASSIGN(const auto all, accounts::list(tx));
  for (const Account& one : all) {
    if (!account || one.id == account) found.insert(channel_of(one));
  }
  return found;
}

Result<QueuedReply> queue(Transaction& tx, const Situation& to, std::string_view type, std::string_view text,
                          std::string content, std::string_view author, WallTime now) {
  NewReply reply;
  reply.conversation = to.conversation;
  reply.type = std::string(type);
  reply.text = std::string(text);
  reply.content = std::move(content);
  reply.author = std::string(author);
  reply.purpose = std::string(author);
  return outgoing_messages::queue_reply(tx, reply, now);
}

Placeholders placeholders(const Situation& to) {
  return {to.person_name, to.account_name};
}

std::unexpected<Error> at_field(Error error, std::string field) {
  error.field = std::move(field);
  return std::unexpected(std::move(error));
}

}  // namespace

Result<Situation> open_conversation(Transaction& tx, const Account& account, PhoneNumber to, WallTime now) {
  PH_TRY_ASSIGN(const auto person,
                people::find(tx, account, {{channels::AddressKind::phone, to.to_digits()}}));
  std::optional<ConversationId> conversation;
  if (person) {
    PH_TRY_ASSIGN(conversation, conversations::find(tx, account.id, *person));
  }
  if (!conversation) {
    return fail(
        ErrorCode::not_found,
        fmt::format("{} has never written to {}; only a template may begin a conversation (send_template)",
                    to.to_string(), account.name),
        "to");
  }
  PH_TRY_ASSIGN(Situation situation, conversation_situation(tx, *conversation, now));
  if (situation.account_blocked)
    return fail(ErrorCode::conflict, fmt::format("{} may not send: {}", account.name, account.blocked_reason),
                "account");
  if (!messaging_window(situation.window).open(now)) {
    return fail(
        ErrorCode::conflict,
        fmt::format("the messaging window with {} is closed; only a template may be sent (send_template)",
                    to.to_string()),
        "to");
  }
  return situation;
}

Result<FoundMenu> get_menu(Transaction& tx, AccountId account, std::string_view name) {
  PH_TRY_ASSIGN(const auto menus, list_menus(tx));
  const StoredMenu* found = nullptr;
  std::set<std::string> names;
  for (const StoredMenu& stored : menus) {
    if (stored.account && stored.account != account) continue;
    names.insert(stored.menu.name);
    if (stored.menu.name == name && (found == nullptr || stored.account)) found = &stored;
  }
  if (found != nullptr) return FoundMenu{*found, false};
  if (const Menu* menu = default_menu(name)) return FoundMenu{{AccountId{}, false, *menu}, true};
  for (const Menu& menu : default_menus()) names.insert(menu.name);
  return fail(ErrorCode::not_found,
              fmt::format("there is no menu '{}'; there are {}", name, fmt::join(names, ", ")), "menu_id");
}

Result<QueuedReply> send_text(Transaction& tx, const Situation& to, std::string_view text,
                              std::string_view author, WallTime now) {
  const std::string words = fill_in(text, placeholders(to));
  PH_TRY_ASSIGN(std::string content, compose_text(to.channel, words));
  return queue(tx, to, "text", words, std::move(content), author, now);
}

Result<QueuedReply> send_menu(Transaction& tx, const Situation& to, const Menu& menu, std::string_view author,
                              WallTime now) {
  Menu filled = menu;
  filled.body = fill_in(menu.body, placeholders(to));
  PH_TRY_ASSIGN(std::string content, compose_menu(to.channel, filled));
  return queue(tx, to, "interactive", filled.body, std::move(content), author, now);
}

Result<bool> cooling_down(Transaction& tx, ConversationId conversation, RuleId what, Duration cooldown,
                          WallTime now) {
  PH_TRY_ASSIGN(const auto runs, list_runs(tx, conversation));
  const auto run = std::ranges::find(runs, what, &RuleRun::rule);
  return run != runs.end() && now >= run->at && now - run->at < cooldown;
}

Result<> check_menu_for(Transaction& tx, AccountId account, const Menu& menu) {
  PH_TRY_ASSIGN(const auto channels, channels_of(tx, account));
  for (const channels::Channel channel : channels) {
    PH_TRY(check_menu(menu, channel));
  }
  return {};
}

Result<> check_rule(Transaction& tx, AccountId account, const RuleDefinition& rule) {
  PH_TRY_ASSIGN(auto channels, channels_of(tx, account));
  const auto& only = rule.conditions.channels;
  if (!only.empty())
    std::erase_if(channels, [&](auto c) { return std::ranges::find(only, c) == only.end(); });
  for (std::size_t i = 0; i < rule.effects.size(); ++i) {
    const RuleEffect& effect = rule.effects[i];
    if (effect.conversation) {
      if (const auto there = conversations::get(tx, effect.conversation); !there)
        return at_field(there.error(), fmt::format("rule.do[{}].conversation", i));
    }
    for (const channels::Channel channel : channels) {
      if (effect.kind == EffectKind::text) {
        if (const auto text = compose_text(channel, effect.text); !text)
          return at_field(text.error(), fmt::format("rule.do[{}].text", i));
      } else if (effect.kind == EffectKind::menu) {
        const Result<FoundMenu> menu = get_menu(tx, account, effect.menu);
        if (!menu) return at_field(menu.error(), fmt::format("rule.do[{}].menu", i));
        if (menu->is_default) {
          return fail(
              ErrorCode::not_found,
              fmt::format("the menu '{}' is not stored yet; seed_menu_configs or save_menu_config does that",
                          effect.menu),
              fmt::format("rule.do[{}].menu", i));
        }
        if (const auto fits = check_menu(menu->stored.menu, channel); !fits)
          return at_field(fits.error(), fmt::format("rule.do[{}].menu", i));
      } else if (effect.to && account && channel != channels::Channel::whatsapp) {
        return fail(ErrorCode::invalid_argument,
                    "only WhatsApp messages can be forwarded to a number; name a conversation instead",
                    fmt::format("rule.do[{}].to", i));
      }
    }
  }
  return {};
}

}  // namespace posthorn::automation
