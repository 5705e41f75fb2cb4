// WhatsApp events of AWS End User Messaging Social: Meta's webhook entry inside Amazon's envelopes.
#pragma once
#include <string>
#include <string_view>

#include "core/result.h"

namespace posthorn::aws {

// Takes Meta's body out of what AWS delivered: {"object":"whatsapp_business_account","entry":[…]}, with the
// bytes of the entry as they came. `source` as in journal.source (channels/parse_webhook.h):
//   "sns": the verbatim SNS Notification whose Message is the event (SNS developer guide, "HTTP/HTTPS
//          notification JSON format");
//   "sqs": the body of an SQS message: the same Notification, or the bare event (raw message delivery).
// The event is {"context":…,"whatsAppWebhookEntry":"<JSON text of one entry>",…} (End User Messaging Social
// user guide, "WhatsApp message and event notification payloads"); an entry given as an object instead of a
// text is accepted, too.
// invalid_argument says what is wrong; the bytes then belong among the parked.
Result<std::string> unwrap_event(std::string_view source, std::string_view body);

}  // namespace posthorn::aws
