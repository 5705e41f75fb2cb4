#include "channels/aws/eum_event.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "core/json.h"

namespace posthorn::aws {
namespace {

std::unexpected<Error> refuse(std::string_view field, std::string_view what) {
  return fail(ErrorCode::invalid_argument, std::string(what), std::string(field));
}

// The text of one entry, whichever way it is given.
Result<std::string> entry_text(const json::value& entry) {
  if (entry.is_object()) return json::serialize(entry);
  if (!entry.is_string()) {
    return refuse("whatsAppWebhookEntry", "whatsAppWebhookEntry must be the JSON text of one webhook entry");
  }
  const std::string_view text = entry.get_string();
  const Result<json::value> parsed = parse_json(text);
  if (!parsed) {
    return refuse("whatsAppWebhookEntry",
                  fmt::format("whatsAppWebhookEntry is not JSON: {}", parsed.error().message));
  }
  if (!parsed->is_object())
    return refuse("whatsAppWebhookEntry", "whatsAppWebhookEntry must hold one object, an entry of a webhook");
  return std::string(text);
}

// The event itself, taken out of a Notification if there is one around it.
Result<json::value> event_in(bool may_be_raw, std::string_view body) {
  PH_TRY_ASSIGN(json::value outer, parse_json(body));
  const JsonView view(outer);
  if (!outer.is_object()) return refuse("", "the body must be a JSON object");
  if (may_be_raw && view["whatsAppWebhookEntry"].raw() != nullptr) return outer;
  const std::string_view type = view["Type"].string_or("");
  if (type != "Notification") {
    return refuse("Type", type.empty()
                              ? "there is neither an SNS envelope nor a WhatsApp event: Type is missing"
                              : fmt::format("an SNS message of Type {} carries no event", type));
  }
  const json::value* message = view["Message"].raw();
  if (message == nullptr || !message->is_string()) return refuse("Message", "Message must be a text");
  Result<json::value> event = parse_json(message->get_string());
  if (!event) return refuse("Message", fmt::format("Message is not JSON: {}", event.error().message));
  if (!event->is_object()) return refuse("Message", "Message must hold one JSON object, the event");
  return event;
}

}  // namespace

Result<std::string> unwrap_event(std::string_view source, std::string_view body) {
  PH_TRY_ASSIGN(const json::value event, event_in(source == "sqs", body));
  const json::value* entry = JsonView(event)["whatsAppWebhookEntry"].raw();
  if (entry == nullptr) {
    return refuse("whatsAppWebhookEntry",
                  "whatsAppWebhookEntry is missing: this is no event of End User Messaging Social");
  }
  PH_TRY_ASSIGN(const std::string text, entry_text(*entry));
  std::string out;
  out.reserve(text.size() + 64);
  out += R"({"object":"whatsapp_business_account","entry":[)";
  out += text;
  out += "]}";
  return out;
}

}  // namespace posthorn::aws
