// What the rules make of one message. Pure: the same facts always give the same decision.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "automation/menu.h"
#include "automation/rule.h"
#include "messaging/messages.h"
#include "messaging/messaging_window.h"

namespace posthorn::automation {

struct AttachmentFact {
  AttachmentId id;
  bool stored = false;  // else: waits to be fetched. Lost and refused ones are left out
};

// One message and all that decisions rest on.
struct Situation {
  MessageId message;
  ConversationId conversation;
  AccountId account;
  channels::Channel channel = channels::Channel::whatsapp;
  MessageDirection direction = MessageDirection::in;
  WallTime at{};
  std::string type, text, payload, channel_id;
  int flags = 0;  // messaging/messages.h
  int error_code = 0;
  bool standby = false, deleted = false, group = false;
  std::string person_name, person_number;  // who wrote. Number: digits; empty: not known
  std::string account_name;
  bool account_blocked = false, assigned = false;
  WindowFacts window;
  std::optional<WallTime> previous_inbound;  // nothing: this is the first contact
  int automatic_last_hour = 0;               // messages by automation in this conversation
  std::vector<AttachmentFact> attachments;
};

// When a rule last acted in this conversation.
struct RuleRun {
  RuleId rule;
  MessageId message;
  WallTime at{};
};

struct DecisionLimits {
  Duration answer_within = std::chrono::minutes(10);  // of the channel's time of the message
  int max_per_hour = 20;                              // automatic messages in one conversation
  std::vector<std::string> stop_keywords;             // answered only by rules that name the word themselves
};

// Why a rule does or does not act.
enum class Verdict {
  acts,
  disabled,
  other_account,
  other_channel,
  type,
  keyword,
  contact,
  reply_id,
  hours,
  assigned,
  group,     // from a group, and the rule is not for groups
  no_group,  // not from a group, and the rule is for groups only
  cooldown,
  done_already,
  after_last,   // an earlier rule was the last to answer
  menu_choice,  // the message chose from a menu, which answers it
  stop_word,
  too_old,
  too_many,
  window_closed,
  account_blocked,
  nothing_to_do,   // no emoji for the type, no attachment, its own number, …
  never_answered,  // an echo, a reaction, history, another app's thread, a system message
};
std::string_view to_string(Verdict verdict);
std::string_view explain(Verdict verdict);  // a sentence for people

struct Effect {
  EffectKind kind = EffectKind::text;
  RuleId rule;
  std::string author;  // "automation:<rule name>"
  std::string text;    // filled in; menu: its body
  bool quote = false;
  bool preview = false;  // show a preview of the link
  Menu menu;
  std::string emoji;
  PhoneNumber to;               // forward: to this number, or …
  ConversationId conversation;  // … into this conversation
  bool media_only = false;
};

struct Judgement {
  RuleId rule;
  Verdict verdict = Verdict::acts;
};

struct Decision {
  std::vector<Effect> effects;
  std::vector<Judgement> judgements;  // one for each rule, in the order they were looked at
  std::vector<RuleId> acted;
};

// Rules are looked at by priority, then id.
Decision decide(const Situation& situation, std::span<const Rule> rules, std::span<const RuleRun> runs,
                const MenuBook& menus, const DecisionLimits& limits, WallTime now);

// Whether anything could come of a message of this account and type: spares reading the rest.
bool worth_a_look(std::span<const Rule> rules, const MenuBook& menus, AccountId account,
                  std::string_view type);

}  // namespace posthorn::automation
