// The pieces of the webhook parser: one item of JSON in, one event body out. Each item is parsed on its own,
// so that a bad one cannot touch its neighbours.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "channels/canonical_json.h"
#include "channels/whatsapp/webhook.h"
#include "channels/whatsapp/webhook_people.h"

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
  std::size_t size() const { return events_.size(); }
  void reserve(std::size_t count) { events_.reserve(count); }

 private:
  std::string_view body_, copy_;
  std::shared_ptr<const WebhookOrigin> origin_;
  std::vector<WebhookEvent> events_;
};

using channels::canonical_json;
using channels::kMaxWebhookDepth;
using channels::parse_item;

// What an item's surroundings say about it.
struct ItemContext {
  ContactBook& contacts;
  bool lone = false;                           // the value has this one item only
  std::string own_number;                      // digits of the receiving number; empty: not told
  std::string_view conversation_context = {};  // what an agent of Meta tells of the conversation; JSON
};

// statuses[] of a value. Items are slices of a buffer with at least 64 readable bytes behind each. Payments
// and calls have statuses too, which become notices and calls.
class StatusReader {
 public:
  StatusReader();
  ~StatusReader();
  WebhookEventBody read(std::string_view raw, const ItemContext& context);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// How a message came: written to us, echoed, or out of a number's history.
struct MessageSource {
  channels::Direction direction = channels::Direction::in;  // history: found out for each message
  bool from_history = false;
  bool standby = false;
  PersonIds thread = {};  // history: the other side
  channels::Party thread_person = {};
};

// messages[] and message_echoes[] of a value, messages[] of a thread.
WebhookEventBody read_message(std::string_view raw, const ItemContext& context, const MessageSource& source);

// A type's own part of a message: words, payload, attachments, content. Also for the new text of an edit.
void read_message_content(const boost::json::object& message, channels::MessageEvent& event);

// Items of the other lists: calls, groups, state_sync, user_preferences, user_id_update, automatic_events,
// user_actions, tracking_events. nullptr: none of these.
using ItemReader = WebhookEventBody (*)(const boost::json::object& item, const ItemContext& context);
ItemReader item_reader(std::string_view list);

// Statuses whose type is "payment" or "call".
WebhookEventBody payment_status(const boost::json::object& status, const ItemContext& context);
WebhookEventBody call_status(const boost::json::object& status, const ItemContext& context);

// history[].metadata and history[].errors.
WebhookEventBody history_progress(std::string_view raw);
WebhookEventBody history_declined(std::string_view raw);

// Fields whose value is a bag of lists beside metadata and contacts; the value of any other field is one
// event.
bool is_list_field(std::string_view field);
bool is_known_list(std::string_view list);              // "messages", "statuses", "calls", …
std::string_view field_of_list(std::string_view list);  // of whose values such a list is the mark; or empty
void read_field(std::string_view raw_value, EventSink& sink);

// "+49 170…" → digits; a business-scoped user id ("DE.123…") moves to `user_id` instead.
void assign_address(std::string_view text, std::string& digits, std::string& user_id);

}  // namespace posthorn::whatsapp
