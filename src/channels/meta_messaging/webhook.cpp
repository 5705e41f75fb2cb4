#include "channels/meta_messaging/webhook.h"

#include <map>
#include <tuple>
#include <utility>

#include <boost/json/value.hpp>

#include "channels/canonical_json.h"
#include "channels/meta_messaging/json_slices.h"
#include "channels/meta_messaging/webhook_parts.h"

namespace posthorn::meta_messaging {
namespace {

using channels::Channel;
using channels::MalformedEvent;
using channels::UnknownEvent;
using channels::WebhookEvent;
using channels::WebhookEventBody;
using channels::WebhookOrigin;
using slices::trimmed;

// "text" → text, 123 → 123, null → nothing.
std::string scalar(std::string_view slice) {
  if (slice.starts_with('"')) return slices::unescaped(slice);
  return slice == "null" || slice.starts_with('{') || slice.starts_with('[') ? std::string()
                                                                             : std::string(slice);
}

bool is_present(std::string_view slice) {
  return !slice.empty() && slice != "null";
}

// Walks body × entry[] × (messaging[], standby[], changes[], the entry itself).
class Walk {
 public:
  void body(std::string_view raw);
  std::vector<WebhookEvent> take() { return std::move(events_); }

 private:
  // One entry's members, as they stand.
  struct EntryParts {
    std::string_view messaging, standby, changes, field, value;
    bool known() const {
      return !messaging.empty() || !standby.empty() || !changes.empty() || !field.empty();
    }
  };

  void one_body(std::string_view raw);
  void entry(std::string_view raw, Channel channel);
  void items(std::string_view raw, bool standby);
  void item(std::string_view raw, bool standby);
  void changes(std::string_view raw);
  void change(std::string_view raw);
  void value(std::string_view raw, std::string_view field, std::string_view raw_value);

  void begin_entry(EntryFacts facts);
  void add(std::string_view raw, const std::string& field, bool timed, WebhookEventBody event);
  void malformed(std::string_view raw, std::string_view field, std::string_view reason) {
    add(raw, std::string(field), false, MalformedEvent{std::string(reason)});
  }

  using OriginKey =
      std::tuple<std::string, std::string, bool>;  // account, field, whether items have their own time

  EntryFacts facts_;
  std::map<OriginKey, std::shared_ptr<const WebhookOrigin>> origins_;  // of this entry
  std::vector<WebhookEvent> events_;
};

void Walk::begin_entry(EntryFacts facts) {
  facts_ = std::move(facts);
  origins_.clear();
}

void Walk::add(std::string_view raw, const std::string& field, bool timed, WebhookEventBody event) {
  std::shared_ptr<const WebhookOrigin>& origin = origins_[{facts_.account, field, timed}];
  if (origin == nullptr) {
    WebhookOrigin fresh;
    fresh.channel = facts_.channel;
    fresh.field = field;
    fresh.business_id = facts_.account;
    // What carries its own time is the same event under whatever entry it comes again.
    if (!timed)
      fresh.entry_time =
          std::chrono::duration_cast<std::chrono::seconds>(facts_.time.time_since_epoch()).count();
    origin = std::make_shared<const WebhookOrigin>(std::move(fresh));
  }
  events_.push_back({origin, raw, std::move(event)});
}

void Walk::body(std::string_view raw) {
  if (!raw.starts_with('[')) return one_body(raw);
  const SliceProblem problem = for_each_element(raw, [&](std::string_view element) { one_body(element); });
  begin_entry({});
  if (problem) malformed(problem.rest, {}, problem.reason);
}

void Walk::one_body(std::string_view raw) {
  begin_entry({});
  if (!raw.starts_with('{')) return malformed(raw, {}, "the body is no JSON object");
  std::string object;
  std::vector<std::string_view> entries;
  const SliceProblem problem = for_each_member(raw, [&](std::string_view key, std::string_view slice) {
    if (key == "object") object = scalar(slice);
    if (key == "entry") entries.push_back(slice);
  });
  const bool instagram = object == "instagram";
  if (!instagram && object != "page")
    return malformed(raw, {},
                     "\"object\" must be \"instagram\" or \"page\"; the app is subscribed to something else");
  const Channel channel = instagram ? Channel::instagram : Channel::messenger;
  for (const std::string_view list : entries) {
    begin_entry({.channel = channel});
    if (!list.starts_with('[')) {
      malformed(list, {}, "\"entry\" is no array");
      continue;
    }
    const SliceProblem wrong =
        for_each_element(list, [&](std::string_view element) { entry(element, channel); });
    begin_entry({.channel = channel});
    if (wrong) malformed(wrong.rest, {}, wrong.reason);
  }
  if (problem) return malformed(problem.rest, {}, problem.reason);
  if (entries.empty()) malformed(raw, {}, "the body has no array \"entry\"");
}

void Walk::entry(std::string_view raw, Channel channel) {
  begin_entry({.channel = channel});
  if (!raw.starts_with('{')) return malformed(raw, {}, "an entry that is no object");
  EntryFacts facts{.channel = channel};
  EntryParts parts;
  const SliceProblem problem = for_each_member(raw, [&](std::string_view key, std::string_view slice) {
    if (key == "id") facts.account = scalar(slice);
    if (key == "time") facts.time = time_of_text(scalar(slice));
    if (!is_present(slice)) return;
    if (key == "messaging") parts.messaging = slice;
    if (key == "standby") parts.standby = slice;
    if (key == "changes") parts.changes = slice;
    if (key == "field") parts.field = slice;
    if (key == "value") parts.value = slice;
  });
  begin_entry(std::move(facts));
  if (!parts.messaging.empty()) items(parts.messaging, false);
  if (!parts.standby.empty()) items(parts.standby, true);
  if (!parts.changes.empty()) changes(parts.changes);
  if (!parts.field.empty()) value(raw, scalar(parts.field), parts.value);
  if (problem) return malformed(problem.rest, {}, problem.reason);
  if (!parts.known()) add(raw, {}, false, UnknownEvent{});
}

void Walk::items(std::string_view raw, bool standby) {
  const std::string_view field = standby ? "standby" : "messaging";
  if (!raw.starts_with('[')) return malformed(raw, field, "the list of messages is no array");
  const SliceProblem problem =
      for_each_element(raw, [&](std::string_view element) { item(element, standby); });
  if (problem) malformed(problem.rest, field, problem.reason);
}

void Walk::item(std::string_view raw, bool standby) {
  const std::string_view field = standby ? "standby" : "messaging";
  const Result<boost::json::value> parsed = channels::parse_item(raw);
  if (!parsed) return malformed(raw, field, parsed.error().message);
  const boost::json::object* object = parsed->if_object();
  if (object == nullptr) return malformed(raw, field, "a message that is no object");
  // Test deliveries of the dashboard name no account, or account 0.
  const std::string told = facts_.account;
  if (told.empty() || told == "0") facts_.account = account_of(*object);
  for (ReadItem& read : read_messaging_item(*object, facts_, standby)) {
    add(raw, standby || read.field.empty() ? std::string(field) : read.field, read.timed,
        std::move(read.body));
  }
  facts_.account = told;
}

void Walk::changes(std::string_view raw) {
  if (!raw.starts_with('[')) return malformed(raw, "changes", "\"changes\" is no array");
  const SliceProblem problem = for_each_element(raw, [&](std::string_view element) { change(element); });
  if (problem) malformed(problem.rest, "changes", problem.reason);
}

void Walk::change(std::string_view raw) {
  if (!raw.starts_with('{')) return malformed(raw, "changes", "a change that is no object");
  std::string field;
  std::string_view slice_of_value;
  const SliceProblem problem = for_each_member(raw, [&](std::string_view key, std::string_view slice) {
    if (key == "field") field = scalar(slice);
    if (key == "value") slice_of_value = slice;
  });
  if (problem) return malformed(raw, field, problem.reason);
  if (field.empty()) return malformed(raw, "changes", "a change without \"field\"");
  value(raw, field, slice_of_value);
}

void Walk::value(std::string_view raw, std::string_view field, std::string_view raw_value) {
  const std::string_view shown = raw_value.starts_with('{') ? raw_value : raw;
  for (ReadItem& read : read_change(field, raw_value, facts_)) {
    add(shown, read.field.empty() ? std::string(field) : read.field, read.timed, std::move(read.body));
  }
}

}  // namespace

std::vector<WebhookEvent> parse_webhook(std::string_view body) {
  std::string_view text = trimmed(body);
  if (text.starts_with("\xEF\xBB\xBF")) text = trimmed(text.substr(3));
  if (body.size() > kMaxWebhookBody || text.empty()) {
    WebhookEvent event{std::make_shared<const WebhookOrigin>(), body, {}};
    event.body = MalformedEvent{text.empty() ? "the body is empty" : "the body is larger than 3 MB"};
    return {std::move(event)};
  }
  Walk walk;
  const std::size_t end = slices::skip_value(text, 0);
  walk.body(text.substr(0, end));
  std::vector<WebhookEvent> events = walk.take();
  if (end < text.size()) {
    WebhookEvent event{std::make_shared<const WebhookOrigin>(), text.substr(end), {}};
    event.body = MalformedEvent{"something follows the end of the body"};
    events.push_back(std::move(event));
  }
  return events;
}

}  // namespace posthorn::meta_messaging
