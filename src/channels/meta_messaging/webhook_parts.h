// The pieces of the webhook parser: one item of JSON in, one event body out.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "channels/webhook_event.h"

namespace posthorn::meta_messaging {

// What the entry around an item says.
struct EntryFacts {
  channels::Channel channel = channels::Channel::instagram;
  std::string account;  // entry.id
  WallTime time{};      // entry.time; 0: absent
};

// What became of one item.
struct ReadItem {
  std::string field;   // what the subscription calls it; empty: the one that the item stood under
  bool timed = false;  // the same event in another entry: it carries its own time, or an id
  channels::WebhookEventBody body;
};

// One item of messaging[] or standby[], and what stands there under changes[].value in some deliveries.
struct MessagingItem {
  const boost::json::object& json;
  const EntryFacts& entry;
  bool standby = false;
  WallTime at{};  // its own time, else the entry's
  channels::Direction direction = channels::Direction::in;
  channels::Party person = {};  // the end that is not the account; may be nobody
};

// webhook_items.cpp: at least one; several where an item has several payloads.
std::vector<ReadItem> read_messaging_item(const boost::json::object& item, const EntryFacts& entry,
                                          bool standby);
std::string account_of(
    const boost::json::object& item);  // the end that received it, for entries that do not say
bool holds_messaging_item(const boost::json::object& value);  // a value that is such an item
std::string made_id(std::string_view kind, const MessagingItem& item, const boost::json::object& payload);

// webhook_message.cpp
channels::WebhookEventBody read_message(const MessagingItem& item, const boost::json::object& message);
// The name of what an advert or a link carried: ad id, ref, product or url.
std::string referral_ref(const boost::json::object& referral);

// webhook_changes.cpp: comments, mentions and everything else under changes[] or directly in the entry.
std::vector<ReadItem> read_change(std::string_view field, std::string_view raw_value,
                                  const EntryFacts& entry);

// webhook_values.cpp
// Seconds, milliseconds, digits as text, "2021-09-08T06:34:04+0000"; 0 if absent or unreadable.
WallTime time_in(const boost::json::object& object, std::string_view key);
WallTime time_of_text(std::string_view text);
channels::Party party(channels::Channel channel, std::string id, const boost::json::object* from);

}  // namespace posthorn::meta_messaging
