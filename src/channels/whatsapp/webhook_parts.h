// The pieces of the webhook parser: one item of JSON in, one event body out. Each item is parsed on its own,
// so that a bad one cannot touch its neighbours.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "channels/canonical_json.h"
#include "channels/whatsapp/webhook.h"

namespace posthorn::whatsapp {

// Receives events in order.
class EventSink {
 public:
  EventSink(std::string_view body, std::string_view copy) : body_(body), copy_(copy) {}

  void set_origin(std::shared_ptr<const WebhookOrigin> origin) { origin_ = std::move(origin); }
  const WebhookOrigin& origin() const { return *origin_; }
  // `raw` points into the padded copy; the event gets the same bytes of the caller's body.
  void add(std::string_view raw, WebhookEventBody event);
  void malformed(std::string_view raw, std::string reason) { add(raw, MalformedEvent{std::move(reason)}); }
  std::vector<WebhookEvent> take() { return std::move(events_); }
  void reserve(std::size_t count) { events_.reserve(count); }

 private:
  std::string_view body_, copy_;
  std::shared_ptr<const WebhookOrigin> origin_;
  std::vector<WebhookEvent> events_;
};

using channels::canonical_json;
using channels::kMaxWebhookDepth;
using channels::parse_item;

// statuses[] of a value. Items are slices of a buffer with at least 64 readable bytes behind each.
class StatusReader {
 public:
  StatusReader();
  ~StatusReader();
  // `contacts` is the value's contacts array as JSON, or empty.
  WebhookEventBody read(std::string_view raw, std::string_view contacts);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// messages[] of a value.
WebhookEventBody read_message(std::string_view raw, const boost::json::array* contacts);

// The value of any other field; may add several events.
void read_field(std::string_view raw_value, EventSink& sink);

// "+49 170…" → digits; a business-scoped user id ("DE.123…") moves to `user_id` instead.
void assign_address(std::string_view text, std::string& digits, std::string& user_id);

}  // namespace posthorn::whatsapp
