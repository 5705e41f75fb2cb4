// Everything else that Meta tells a WhatsApp business: calls, groups, coexistence, flows, payments, account
// matters (Cloud API reference, webhooks: fields). Each event is one line of a table.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/value.hpp>

#include "core/result.h"
#include "sandbox/world.h"

namespace posthorn::sandbox {

// The `value` of a webhook for `field`. `given`: {"value":{…}} is taken as it is; otherwise {"event"} chooses
// the variant (the first of the field without it) and "phone", "name", "text", "group", "id", "message" fill
// it in.
Result<std::string> render_event(World& world, std::string_view field, const boost::json::value& given,
                                 std::size_t number);

struct EventName {
  std::string_view field, event;
};
std::vector<EventName> event_names();

}  // namespace posthorn::sandbox
