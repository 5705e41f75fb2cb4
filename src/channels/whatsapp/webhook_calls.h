// Calls and groups: items of calls[] and groups[].
#pragma once
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {

WebhookEventBody read_call(const boost::json::object& item, const ItemContext& context);
WebhookEventBody read_group(const boost::json::object& item, const ItemContext& context);

}  // namespace posthorn::whatsapp
