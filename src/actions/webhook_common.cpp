#include "actions/webhook_common.h"

#include <fmt/format.h>

#include "automation/webhook_dispatcher.h"
#include "messaging/event_kinds.h"

namespace posthorn {

Result<WebhooksOut*> webhooks_out(const ActionContext& c) {
  if (c.services->webhooks_out != nullptr) return c.services->webhooks_out;
  return fail(ErrorCode::unavailable, "webhooks out are not running on this server");
}

Result<std::vector<std::string>> event_kinds_from(const Params& p, std::string_view name) {
  auto kinds = p.texts(name);
  if (kinds.size() != p.list(name).size())
    return fail(ErrorCode::invalid_argument, fmt::format("{} must be texts such as message.*", name),
                std::string(name));
  PH_TRY_ASSIGN(const auto checked, EventKinds::parse(kinds));
  return kinds;
}

Parameter event_kinds_parameter(json::value fallback) {
  return {.name = "kinds",
          .type = ParameterType::list,
          .help = "kinds of events: message.received, message.*, or * for all; docs/events.md has them",
          .fallback = std::move(fallback),
          .max = 100,
          .aliases = {"event_types"}};
}

}  // namespace posthorn
