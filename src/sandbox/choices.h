// What a person can tap in a message they were sent.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "sandbox/world.h"

namespace posthorn::sandbox {

struct Choice {
  enum class Kind { button_reply, list_reply, template_button, quick_reply, postback };
  Kind kind = Kind::button_reply;
  std::string id, title, description;  // id: the payload, where the choice has one
};

// Of a WhatsApp message in the ledger: reply buttons, list rows, quick replies of a template.
std::vector<Choice> choices_of(const World& world, const Message& message);
// Of the `message` member of an Instagram or Messenger send: quick replies, buttons of templates.
std::vector<Choice> choices_of(const boost::json::value& message);

// `wanted`: null for the first, a position from 1, or an id or title. nullptr when there is none such.
const Choice* pick(const std::vector<Choice>& choices, const boost::json::value& wanted);

// The newest message to this phone.
std::optional<Message> last_sent(const World& world, std::uint64_t phone);

}  // namespace posthorn::sandbox
