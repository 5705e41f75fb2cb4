// What a person on WhatsApp sends, from the short forms of the control API to the members of Meta's message
// (Cloud API reference, webhooks: messages). docs/sandbox.md lists the forms.
#pragma once
#include <cstdint>
#include <string>

#include <boost/json/object.hpp>

#include "core/result.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

struct PhoneMessage {
  boost::json::object content;    // everything but sender, id and time
  std::string id;                 // empty: a new one
  std::string name, username;     // of the profile; empty name: the phone's usual one
  std::string sender_user_id;     // empty: that of the phone
  WallTime at{};                  // zero: now
  bool hide_phone = false;        // a person with a username
  bool anonymous_sender = false;  // no `from`
  bool with_contact = true;       // system messages carry no `contacts`
  bool opens_window = true;
};

// Media go into world.media, owned by the number at `number`. Errors name the member that was wrong.
Result<PhoneMessage> compose_phone_message(World& world, std::uint64_t phone, std::size_t number,
                                           boost::json::object given);

// {"profile":{…},"wa_id","user_id"} as an element of `contacts`.
std::string contact_of(const World& world, std::uint64_t phone, const PhoneMessage& message = {});

}  // namespace posthorn::sandbox
