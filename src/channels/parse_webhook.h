// Any journal body → events: chooses the parser by how the body came and by its "object".
#pragma once
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "channels/webhook_event.h"

namespace posthorn::channels {

// Names in journal.source: how a body came. The parser needs it, because Amazon's envelope wraps Meta's.
inline constexpr std::string_view kFromMeta =
    "whatsapp";  // POST by Meta, any object; the name is older than the others
inline constexpr std::string_view kFromSns = "sns";  // notification of Amazon SNS over HTTPS
inline constexpr std::string_view kFromSqs = "sqs";  // message of an Amazon SQS queue

// All events of one verified body, in order; never fails (see whatsapp::parse_webhook). Views in the events
// point into `body`, or, for wrapped bodies, into a text appended to `unwrapped`: both must stay where they
// are.
std::vector<WebhookEvent> parse_webhook(std::string_view source, std::string_view body,
                                        std::deque<std::string>& unwrapped);

}  // namespace posthorn::channels
