#include "channels/parse_webhook.h"

#include <simdjson.h>

#include "channels/aws/eum_event.h"
#include "channels/meta_messaging/webhook.h"
#include "channels/whatsapp/webhook.h"

namespace posthorn::channels {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  return text;
}

bool take(std::string_view& text, std::string_view expected) {
  text = trim(text);
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(expected.size());
  return true;
}

// Meta names the object first as a rule: {"object":"instagram",…. Empty: it does not stand there.
std::string_view leading_object(std::string_view body) {
  std::string_view head = body.substr(0, 200);
  if (!take(head, "{") || !take(head, "\"object\"") || !take(head, ":") || !take(head, "\"")) return {};
  const std::size_t end = head.find('"');
  return end == std::string_view::npos ? std::string_view() : head.substr(0, end);
}

// Wherever it stands among the members of the body. Empty: nowhere, or no JSON.
std::string searched_object(std::string_view body) {
  namespace ondemand = simdjson::ondemand;
  const simdjson::padded_string copy(body);
  ondemand::parser parser;
  ondemand::document document;
  ondemand::object object;
  std::string_view name;
  if (parser.iterate(copy).get(document) || document.get_object().get(object)) return {};
  if (object["object"].get_string().get(name)) return {};
  return std::string(name);
}

std::vector<WebhookEvent> malformed(std::string_view body, std::string reason) {
  return {WebhookEvent{std::make_shared<const WebhookOrigin>(), body, MalformedEvent{std::move(reason)}}};
}

std::vector<WebhookEvent> parse_meta(std::string_view body) {
  std::string_view text = trim(body);
  if (text.starts_with('[') && text.ends_with(']')) text = trim(text.substr(1, text.size() - 2));
  if (!text.starts_with('{')) return whatsapp::parse_webhook(body);  // which says what is wrong
  std::string searched;
  std::string_view object = leading_object(text);
  if (object.empty() && text.size() <= whatsapp::kMaxWebhookBody) {
    searched = searched_object(text);
    object = searched;
  }
  if (object == "instagram" || object == "page")
    return meta_messaging::parse_webhook(body);  // may be several bodies
  if (object.empty() || object == "whatsapp_business_account") return whatsapp::parse_webhook(text);
  return malformed(body, "webhooks for the object \"" + std::string(object.substr(0, 100)) +
                             "\" are not understood here; unsubscribe it in the app's settings");
}

}  // namespace

std::vector<WebhookEvent> parse_webhook(std::string_view source, std::string_view body,
                                        std::deque<std::string>& unwrapped) {
  if (source != kFromSns && source != kFromSqs) return parse_meta(body);
  Result<std::string> inner = aws::unwrap_event(source, body);
  if (!inner) return malformed(body, inner.error().message);
  return parse_meta(unwrapped.emplace_back(std::move(*inner)));
}

}  // namespace posthorn::channels
