// What makes two deliveries the same event (invariant I14).
#include <algorithm>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace json = boost::json;

void append_canonical(std::string& out, const json::value& value) {
  if (const json::object* object = value.if_object()) {
    std::vector<const json::key_value_pair*> members;
    for (const json::key_value_pair& member : *object) members.push_back(&member);
    std::ranges::sort(members, {}, [](const auto* member) { return member->key(); });
    char separator = '{';
    for (const json::key_value_pair* member : members) {
      out += separator + json::serialize(member->key()) + ':';
      append_canonical(out, member->value());
      separator = ',';
    }
    out += members.empty() ? "{}" : "}";
  } else if (const json::array* array = value.if_array()) {
    out += '[';
    for (const json::value& element : *array) {
      if (out.back() != '[') out += ',';
      append_canonical(out, element);
    }
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

// The entry's time belongs to it: a template may be paused twice in a week with otherwise equal words, and
// retries of one notification carry one time.
std::string hashed_key(const WebhookOrigin& origin, std::string_view raw) {
  const Result<json::value> parsed = parse_item(raw);
  const std::string content = parsed ? canonical_json(*parsed) : std::string(raw);
  const std::string text =
      fmt::format("{}\n{}\n{}\n{}", origin.field, origin.business_id, origin.entry_time, content);
  return "x:" + to_hex(sha256(text));
}

struct KeyOf {
  const WebhookEvent& event;

  std::string operator()(const StatusEvent& e) const {
    const std::string_view word =
        e.status == MessageStatus::other ? std::string_view(e.status_text) : to_string(e.status);
    // Calls and payments have statuses of their own under the same id; a group message has one for each
    // member.
    return fmt::format("s:{}:{}:{}:{}", e.wamid, word, e.type, e.participant_id);
  }
  std::string operator()(const MessageEvent& e) const { return fmt::format("m:{}", e.id); }
  std::string operator()(const UserPreferenceEvent& e) const {
    return fmt::format("p:{}:{}:{}:{}:{}:{}", event.origin->business_id, e.user_id, e.phone, e.category,
                       e.stop ? "stop" : "resume", to_micros(e.at));
  }
  std::string operator()(const auto&) const { return hashed_key(*event.origin, event.raw); }
};

}  // namespace

std::string canonical_json(const json::value& value) {
  std::string out;
  append_canonical(out, value);
  return out;
}

std::string WebhookEvent::natural_key() const {
  return std::visit(KeyOf{*this}, body);
}

}  // namespace posthorn::whatsapp
