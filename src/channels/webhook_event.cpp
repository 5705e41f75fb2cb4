// What makes two deliveries the same event (invariant I14).
#include "channels/webhook_event.h"

#include <fmt/format.h>

#include "channels/canonical_json.h"
#include "platform/crypto.h"

namespace posthorn::channels {
namespace {

// The entry's time belongs to it: a template may be paused twice in a week with otherwise equal words, and
// retries of one notification carry one time.
std::string hashed_key(const WebhookOrigin& origin, std::string_view raw) {
  const std::string content = canonical_json(raw);
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}", origin.field, origin.business_id, origin.entry_time, content);
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
  std::string operator()(const MessageEvent& e) const { return fmt::format("m:{}", e.id); }
  std::string operator()(const ReactionEvent& e) const {
    return e.id.empty() ? hashed_key(*event.origin, event.raw) : fmt::format("r:{}", e.id);
  }
  std::string operator()(const EditEvent& e) const {
    return fmt::format("e:{}:{}:{}", e.target_id, e.id, e.edit_number);
  }
  std::string operator()(const RevokeEvent& e) const { return fmt::format("d:{}", e.target_id); }
  std::string operator()(const IdentityEvent& e) const {
    return e.id.empty() ? hashed_key(*event.origin, event.raw) : fmt::format("i:{}", e.id);
  }
  std::string operator()(const whatsapp::UserPreferenceEvent& e) const {
    return fmt::format("p:{}:{}:{}:{}:{}:{}", event.origin->business_id, e.user_id, e.phone, e.category,
                       e.stop ? "stop" : "resume", to_micros(e.at));
  }
  std::string operator()(const auto&) const { return hashed_key(*event.origin, event.raw); }
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
