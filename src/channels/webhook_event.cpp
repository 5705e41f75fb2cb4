// What makes two deliveries the same event (invariant I14).
#include "channels/webhook_event.h"

#include <fmt/format.h>

#include "channels/canonical_json.h"
#include "platform/crypto.h"

namespace posthorn::channels {
namespace {

// The entry's time belongs to an event that has none of its own: a template may be paused twice in a week
// with otherwise equal words, and retries of one notification carry one time.
std::string hashed_key(const WebhookEvent& event, bool has_own_time) {
  const WebhookOrigin& origin = *event.origin;
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}\n{}", origin.field, origin.business_id, origin.phone_number_id,
                  has_own_time ? 0 : origin.entry_time, canonical_json(event.raw));
  return "x:" + to_hex(sha256(text));
}

struct KeyOf {
  const WebhookEvent& event;

  std::string operator()(const whatsapp::StatusEvent& e) const {
    const std::string_view word =
        e.status == whatsapp::MessageStatus::other ? std::string_view(e.status_text) : to_string(e.status);
    // Calls and payments have statuses of their own under the same id; a group message has one for each
    // member.
    return fmt::format("s:{}:{}:{}:{}", e.wamid, word, e.type, e.participant_id);
  }
  // WhatsApp's history tells of a picture first that there was one, and sends it under the same id later.
  std::string operator()(const MessageEvent& e) const {
    return fmt::format("{}:{}", e.type == "media_placeholder" ? "mp" : "m", e.id);
  }
  // A terminate may come without a status first, and with one when the channel knows it.
  std::string operator()(const CallEvent& e) const {
    return fmt::format("c:{}:{}:{}", e.id, e.event, e.status);
  }
  std::string operator()(const ReactionEvent& e) const {
    return e.id.empty() ? hashed_key(event, to_micros(e.at) > 0) : fmt::format("r:{}", e.id);
  }
  std::string operator()(const EditEvent& e) const {
    return fmt::format("e:{}:{}:{}", e.target_id, e.id, e.edit_number);
  }
  std::string operator()(const RevokeEvent& e) const { return fmt::format("d:{}", e.target_id); }
  std::string operator()(const IdentityEvent& e) const {
    return e.id.empty() ? hashed_key(event, to_micros(e.at) > 0) : fmt::format("i:{}", e.id);
  }
  std::string operator()(const whatsapp::UserPreferenceEvent& e) const {
    return fmt::format("p:{}:{}:{}:{}:{}:{}", event.origin->business_id, e.user_id, e.phone, e.category,
                       e.stop ? "stop" : "resume", to_micros(e.at));
  }
  std::string operator()(const auto& e) const {
    bool has_own_time = false;
    if constexpr (requires { e.at; }) has_own_time = to_micros(e.at) > 0;
    return hashed_key(event, has_own_time);
  }
};

}  // namespace

std::string_view to_string(Channel channel) {
  switch (channel) {
    case Channel::whatsapp:
      return "whatsapp";
    case Channel::instagram:
      return "instagram";
    case Channel::messenger:
      return "messenger";
  }
  return "unknown";
}

std::string WebhookEvent::natural_key() const {
  return std::visit(KeyOf{*this}, body);
}

}  // namespace posthorn::channels
