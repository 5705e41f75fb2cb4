// What a person on Instagram or Messenger does, from the short forms of the control API (docs/sandbox.md
// lists them) to Meta's webhooks (Instagram and Messenger Platform references).
#pragma once
#include <string>

#include <boost/json/object.hpp>

#include "core/result.h"
#include "sandbox/messaging.h"

namespace posthorn::sandbox {

// Returns the id of what was made (message, comment), or that of the message it is about; may be empty.
Result<std::string> user_does(Messaging& messaging, std::size_t account, const std::string& user,
                              boost::json::object given);

}  // namespace posthorn::sandbox
