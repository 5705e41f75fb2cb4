// What the actions on endpoints and on deliveries share.
#pragma once
#include <string>
#include <vector>

#include "actions/registry.h"
#include "actions/services.h"

namespace posthorn {

class WebhooksOut;

Result<WebhooksOut*> webhooks_out(const ActionContext& c);  // unavailable where none run

// Kinds of events as people write them, each checked.
Result<std::vector<std::string>> event_kinds_from(const Params& p, std::string_view name);
Parameter event_kinds_parameter(json::value fallback);

}  // namespace posthorn
