#include "automation/rule_decision.h"

#include <algorithm>
#include <array>
#include <string>

#include "messaging/opt_out_keywords.h"

namespace posthorn::automation {
namespace {

// Types that no machine answers: events rather than messages, and what nobody could read.
constexpr auto kNeverAnswered =
    std::to_array<std::string_view>({"reaction", "system", "unsupported", "unknown", "errors", "error",
                                     "receipt", "edit", "revoke", "ephemeral"});
// What people say. Everything else that a conversation holds (a call, a referral, an opt-in, a kind that Meta
// has come up with since) is only for rules that name its type.
constexpr auto kSaid = std::to_array<std::string_view>(
    {"text",        "image",    "video",         "audio",           "voice",     "document",
     "sticker",     "location", "contacts",      "order",           "product",   "button",
     "interactive", "postback", "share",         "request_welcome", "reel",      "fallback",
     "story",       "template", "story_mention", "story_reply",     "like_heart"});
constexpr auto kMediaTypes =
    std::to_array<std::string_view>({"image", "video", "audio", "voice", "document", "sticker"});

constexpr std::string_view kMenuAuthor = "automation:menu";
constexpr std::size_t kMaxName = 60;  // characters of a person's name in an answer

struct VerdictText {
  Verdict verdict;
  std::string_view name, words;
};
constexpr auto kVerdicts = std::to_array<VerdictText>({
    {Verdict::acts, "acts", "The rule acts."},
    {Verdict::disabled, "disabled", "The rule is switched off."},
    {Verdict::other_account, "other_account", "The rule is for another account."},
    {Verdict::other_channel, "other_channel", "The rule is for other channels."},
    {Verdict::type, "type",
     "The rule is for other types of messages; what nobody wrote, such as a call, is for rules that name "
     "it."},
    {Verdict::keyword, "keyword", "The text has none of the rule's keywords."},
    {Verdict::contact, "contact", "It is not the first contact, or the pause was too short."},
    {Verdict::reply_id, "reply_id", "The message chose nothing that the rule waits for."},
    {Verdict::hours, "hours", "The business hours do not fit."},
    {Verdict::assigned, "assigned", "A person has taken the conversation."},
    {Verdict::group, "group", "The message comes from a group, and the rule is not for groups (if.groups)."},
    {Verdict::no_group, "no_group", "The rule is for messages from groups only (if.groups)."},
    {Verdict::cooldown, "cooldown", "The rule acted in this conversation a short while ago."},
    {Verdict::done_already, "done_already", "The rule has acted on this message already."},
    {Verdict::after_last, "after_last", "An earlier rule was the last to answer."},
    {Verdict::menu_choice, "menu_choice", "The message is a choice from a menu, which answers it."},
    {Verdict::stop_word, "stop_word",
     "The person wants no more messages; only a rule that names the word answers."},
    {Verdict::too_old, "too_old",
     "The message is too old to be answered by itself (automation.answer_within)."},
    {Verdict::too_many, "too_many",
     "This conversation had too many automatic messages within an hour (automation.max_per_hour)."},
    {Verdict::window_closed, "window_closed", "The messaging window is closed."},
    {Verdict::account_blocked, "account_blocked", "The account may not send at the moment."},
    {Verdict::nothing_to_do, "nothing_to_do",
     "None of the rule's effects has anything to do for this message."},
    {Verdict::never_answered, "never_answered",
     "Echoes, reactions, history, system messages and threads of other apps are never answered."},
});
const VerdictText& text_of(Verdict verdict) {
  return *std::ranges::find(kVerdicts, verdict, &VerdictText::verdict);
}

template <class List, class T>
bool has(const List& list, const T& value) {
  return std::ranges::find(list, value) != std::ranges::end(list);
}

bool never_answered(const Situation& s) {
  constexpr int kOurs = message_flags::kHistory | message_flags::kStandby | message_flags::kEcho;
  return s.direction != MessageDirection::in || (s.flags & kOurs) != 0 || s.standby || s.deleted ||
         s.error_code != 0 || s.type.empty() || has(kNeverAnswered, s.type);
}

bool id_matches(const std::vector<std::string>& ids, std::string_view payload) {
  return !payload.empty() && std::ranges::any_of(ids, [&](const std::string& id) {
    return id.ends_with('*') ? payload.starts_with(std::string_view(id).substr(0, id.size() - 1))
                             : payload == id;
  });
}

// What can be told without knowing the conversation.
Verdict fits_statically(const Rule& rule, AccountId account, std::string_view type) {
  const Trigger& trigger = rule.definition.trigger;
  if (!rule.enabled) return Verdict::disabled;
  if (rule.account && rule.account != account) return Verdict::other_account;
  if (trigger.types.empty() ? !has(kSaid, type) : !has(trigger.types, type)) return Verdict::type;
  return Verdict::acts;
}

bool contact_fits(const Trigger& trigger, const Situation& s) {
  if (!trigger.first_contact && !trigger.after_pause) return true;
  if (!s.previous_inbound) return trigger.first_contact;
  return trigger.after_pause && s.at - *s.previous_inbound >= *trigger.after_pause;
}

std::string short_name(std::string_view name) {
  std::size_t end = 0, characters = 0;
  while (end < name.size()) {
    if ((static_cast<unsigned char>(name[end]) & 0xC0U) != 0x80U && ++characters > kMaxName) break;
    ++end;
  }
  return std::string(name.substr(0, end));
}

class Decider {
 public:
  Decider(const Situation& s, std::span<const RuleRun> runs, const MenuBook& menus,
          const DecisionLimits& limits, WallTime now)
      : s_(s), runs_(runs), menus_(menus), limits_(limits), now_(now), sent_(s.automatic_last_hour) {}

  Decision run(std::span<const Rule> rules) {
    std::vector<const Rule*> ordered;
    for (const Rule& rule : rules) ordered.push_back(&rule);
    std::ranges::sort(ordered, [](const Rule* a, const Rule* b) {
      return std::pair(a->definition.priority, a->id) < std::pair(b->definition.priority, b->id);
    });
    if (!never_answered(s_)) follow_choice();
    for (const Rule* rule : ordered) {
      const Verdict verdict = never_answered(s_) ? Verdict::never_answered : consider(*rule);
      decision_.judgements.push_back({rule->id, verdict});
    }
    return std::move(decision_);
  }

 private:
  // Why no answer may be given to this message at all; acts: it may.
  Verdict may_answer() const {
    if (now_ - s_.at > limits_.answer_within) return Verdict::too_old;
    if (s_.account_blocked) return Verdict::account_blocked;
    if (!messaging_window(s_.window).open(now_)) return Verdict::window_closed;
    if (sent_ >= limits_.max_per_hour) return Verdict::too_many;
    return Verdict::acts;
  }

  const RuleRun* last_run(RuleId rule) const {
    const auto found = std::ranges::find(runs_, rule, &RuleRun::rule);
    return found != runs_.end() ? &*found : nullptr;
  }

  bool done_already(RuleId rule) const {
    const RuleRun* run = last_run(rule);
    return run != nullptr && run->message >= s_.message;  // messages come in the order of their ids
  }

  // A tap on a row of one of our menus does what the row says.
  void follow_choice() {
    const auto choice = menus_.choice(s_.account, s_.payload);
    if (!choice || s_.group) return;
    chosen_ = true;
    if (choice->row->action == ChoiceAction::none || done_already(RuleId{}) || may_answer() != Verdict::acts)
      return;
    Effect effect;
    effect.author = std::string(kMenuAuthor);
    const MenuRow& row = *choice->row;
    const Placeholders values = placeholders();
    if (row.action == ChoiceAction::menu) {
      const Menu* next = menus_.find(s_.account, row.value);
      if (next == nullptr) return;
      add_menu(std::move(effect), *next);
    } else {
      effect.text = fill_in(row.text, values);
      if (row.action == ChoiceAction::url) {
        effect.text += (effect.text.empty() ? "" : "\n") + row.value;
        effect.preview = true;
      }
      add(std::move(effect));
    }
    decision_.acted.push_back(RuleId{});
  }

  Verdict consider(const Rule& rule) {
    if (const Verdict v = fits_statically(rule, s_.account, s_.type); v != Verdict::acts) return v;
    if (const Verdict v = conditions_fit(rule); v != Verdict::acts) return v;
    if (done_already(rule.id)) return Verdict::done_already;
    const RuleRun* run = last_run(rule.id);
    if (run != nullptr && now_ - run->at < rule.definition.cooldown && now_ >= run->at)
      return Verdict::cooldown;
    return act(rule);
  }

  Verdict conditions_fit(const Rule& rule) const {
    const Trigger& trigger = rule.definition.trigger;
    const Conditions& conditions = rule.definition.conditions;
    if (!conditions.channels.empty() && !has(conditions.channels, s_.channel)) return Verdict::other_channel;
    if (!trigger.reply_ids.empty() && !id_matches(trigger.reply_ids, s_.payload)) return Verdict::reply_id;
    if (!trigger.keywords.empty() && matching_keyword(trigger.keywords, trigger.match, s_.text) == nullptr)
      return Verdict::keyword;
    if (!contact_fits(trigger, s_)) return Verdict::contact;
    if (conditions.hours != HoursCondition::any &&
        is_open(conditions.business_hours, s_.at) != (conditions.hours == HoursCondition::open))
      return Verdict::hours;
    if (conditions.unless_assigned && s_.assigned) return Verdict::assigned;
    if (s_.group && conditions.groups == GroupsCondition::no) return Verdict::group;
    if (!s_.group && conditions.groups == GroupsCondition::only) return Verdict::no_group;
    return Verdict::acts;
  }

  // Why this rule may not answer; acts: it may.
  Verdict rule_may_answer(const Rule& rule) const {
    if (chosen_ && rule.definition.trigger.reply_ids.empty()) return Verdict::menu_choice;
    if (last_) return Verdict::after_last;
    const bool stop = s_.type == "text" && is_keyword(limits_.stop_keywords, s_.text);
    if (stop && rule.definition.trigger.keywords.empty()) return Verdict::stop_word;
    return may_answer();
  }

  Verdict act(const Rule& rule) {
    Verdict verdict = Verdict::nothing_to_do;
    bool answered = false, acted = false;
    for (const RuleEffect& effect : rule.definition.effects) {
      if (is_answer(effect.kind)) {
        const Verdict v = rule_may_answer(rule);
        if (v != Verdict::acts) {
          if (verdict == Verdict::nothing_to_do) verdict = v;
          continue;
        }
        if (!apply(rule, effect)) continue;
        answered = true;
      } else if (!apply(rule, effect)) {
        continue;
      }
      acted = true;
    }
    if (answered && rule.definition.last) last_ = true;
    if (!acted) return verdict;
    decision_.acted.push_back(rule.id);
    return Verdict::acts;
  }

  // Whether there was anything to do.
  bool apply(const Rule& rule, const RuleEffect& wanted) {
    if (s_.group && !happens_in_groups(wanted.kind)) return false;
    Effect effect;
    effect.kind = wanted.kind;
    effect.rule = rule.id;
    effect.author = "automation:" + rule.name;
    effect.quote = wanted.quote;
    switch (wanted.kind) {
      case EffectKind::text:
        effect.text = fill_in(wanted.text, placeholders());
        return add(std::move(effect));
      case EffectKind::menu: {
        const Menu* menu = menus_.find(s_.account, wanted.menu);
        return menu != nullptr && add_menu(std::move(effect), *menu);
      }
      case EffectKind::react:
        effect.emoji = emoji_for(wanted);
        return !effect.emoji.empty() && !s_.channel_id.empty() && add(std::move(effect));
      case EffectKind::echo_media:
        effect.text = fill_in(wanted.text, placeholders());
        return has(kMediaTypes, s_.type) && !s_.attachments.empty() && add(std::move(effect));
      case EffectKind::forward:
        effect.to = wanted.to;
        effect.conversation = wanted.conversation;
        effect.media_only = wanted.media_only;
        return forwardable(wanted) && add(std::move(effect));
      case EffectKind::read:
      case EffectKind::typing:
        return !s_.channel_id.empty() && add(std::move(effect));
    }
    return false;
  }

  bool forwardable(const RuleEffect& wanted) const {
    const bool anything = !s_.attachments.empty() || (!wanted.media_only && !s_.text.empty());
    if (wanted.conversation) return anything && wanted.conversation != s_.conversation;
    const bool own = !s_.group && !s_.person_number.empty() && s_.person_number == wanted.to.to_digits();
    return anything && !own && s_.channel == channels::Channel::whatsapp;
  }

  std::string emoji_for(const RuleEffect& wanted) const {
    auto found = wanted.emoji.find(s_.type);
    if (found == wanted.emoji.end()) found = wanted.emoji.find("*");
    return found == wanted.emoji.end() ? std::string() : found->second;
  }

  bool add_menu(Effect effect, const Menu& menu) {
    effect.kind = EffectKind::menu;
    effect.menu = menu;
    effect.menu.body = fill_in(menu.body, placeholders());
    effect.text = effect.menu.body;
    return add(std::move(effect));
  }

  // Nothing is said twice, whichever rules say it.
  bool add(Effect effect) {
    const bool repeated = std::ranges::any_of(decision_.effects, [&](const Effect& e) {
      return e.kind == effect.kind && e.text == effect.text && e.menu.name == effect.menu.name &&
             e.to == effect.to && e.conversation == effect.conversation && e.emoji == effect.emoji;
    });
    if (repeated) return false;
    if (is_answer(effect.kind)) ++sent_;
    decision_.effects.push_back(std::move(effect));
    return true;
  }

  Placeholders placeholders() const { return {short_name(s_.person_name), s_.account_name}; }

  const Situation& s_;
  std::span<const RuleRun> runs_;
  const MenuBook& menus_;
  const DecisionLimits& limits_;
  WallTime now_;
  int sent_;
  bool chosen_ = false, last_ = false;
  Decision decision_;
};

}  // namespace

std::string_view to_string(Verdict verdict) {
  return text_of(verdict).name;
}
std::string_view explain(Verdict verdict) {
  return text_of(verdict).words;
}

Decision decide(const Situation& situation, std::span<const Rule> rules, std::span<const RuleRun> runs,
                const MenuBook& menus, const DecisionLimits& limits, WallTime now) {
  return Decider(situation, runs, menus, limits, now).run(rules);
}

bool worth_a_look(std::span<const Rule> rules, const MenuBook& menus, AccountId account,
                  std::string_view type) {
  if (has(kNeverAnswered, type)) return false;
  return !menus.empty() || std::ranges::any_of(rules, [&](const Rule& rule) {
    return fits_statically(rule, account, type) == Verdict::acts;
  });
}

}  // namespace posthorn::automation
