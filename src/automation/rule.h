// A rule: when something arrives and conditions hold, do something. Data, kept as JSON in automation_rules.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "automation/business_hours.h"
#include "automation/rule_text.h"
#include "channels/conversation_events.h"
#include "core/ids.h"
#include "core/json.h"
#include "core/phone_number.h"
#include "core/result.h"
#include "core/time.h"

namespace posthorn::automation {

using RuleId = Id<struct RuleTag>;  // 0: choices from menus

// Everything that is given must hold.
struct Trigger {
  std::vector<std::string> types;     // message types; empty: all
  std::vector<std::string> keywords;  // empty: any text or none
  KeywordMatch match = KeywordMatch::whole;
  // One of the two is enough when both are given.
  bool first_contact = false;           // nothing came from this person in this conversation before
  std::optional<Duration> after_pause;  // the person's last message is at least so old
  std::vector<std::string> reply_ids;   // of buttons and list rows; a '*' at the end stands for any rest
  friend bool operator==(const Trigger&, const Trigger&) = default;
};

enum class HoursCondition { any, open, closed };
enum class GroupsCondition { no, also, only };

struct Conditions {
  HoursCondition hours = HoursCondition::any;
  BusinessHours business_hours;                  // unless hours is any
  std::vector<channels::Channel> channels;       // empty: all
  bool unless_assigned = false;                  // not where a person has taken the conversation
  GroupsCondition groups = GroupsCondition::no;  // messages from WhatsApp groups
  friend bool operator==(const Conditions&, const Conditions&) = default;
};

enum class EffectKind : std::uint8_t { text, menu, react, echo_media, forward, read, typing };
std::string_view to_string(EffectKind kind);

struct RuleEffect {
  EffectKind kind = EffectKind::text;
  std::string text;                          // text: with placeholders; echo_media: the caption
  bool quote = false;                        // text, menu, echo_media: as an answer to the message
  std::string menu;                          // menu: its name
  std::map<std::string, std::string> emoji;  // react: message type → emoji; "*": any other; "" for none
  PhoneNumber to;                            // forward: a number, or …
  ConversationId conversation;               // … a conversation of any account and channel
  bool media_only = false;                   // forward
  friend bool operator==(const RuleEffect&, const RuleEffect&) = default;
};

struct RuleDefinition {
  Trigger trigger;
  Conditions conditions;
  Duration cooldown{};              // 0: none; per conversation
  int priority = 100;               // lower goes first; 0 to 1000
  bool last = false;                // no later rule answers the same message
  std::vector<RuleEffect> effects;  // 1 to 5
  friend bool operator==(const RuleDefinition&, const RuleDefinition&) = default;
};

struct Rule {
  RuleId id;
  AccountId account;  // 0: every account
  std::string name;   // 1 to 60 characters
  bool enabled = false;
  RuleDefinition definition;
};

// Read receipts, typing and forwarding say nothing to the person; the others do and are bound by the limits
// on answers.
bool is_answer(EffectKind kind);

// Meta's groups guide: groups take texts and media, nothing interactive and no read receipts.
bool happens_in_groups(EffectKind kind);

// 👍 for texts and whatever has none of its own, ❤️ for images, …
const std::map<std::string, std::string>& default_reactions();

// docs/automation.md has the format. Unknown members are refused; every error names the field.
Result<RuleDefinition> parse_rule(const json::value& definition);
json::object to_json(const RuleDefinition& rule);

}  // namespace posthorn::automation
