#include "channels/whatsapp/webhook.h"

#include <boost/container/small_vector.hpp>
#include <fmt/format.h>
#include <simdjson.h>

#include "channels/whatsapp/graph_error.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook_parts.h"

namespace posthorn::whatsapp {
namespace {

namespace ondemand = simdjson::ondemand;

// A slice of the padded copy as a document of its own: at least SIMDJSON_PADDING bytes follow it in memory.
simdjson::padded_string_view padded(std::string_view slice) {
  return simdjson::padded_string_view(slice.data(), slice.size(), slice.size() + simdjson::SIMDJSON_PADDING);
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  return text;
}

// The JSON text of any value, which is passed over without being looked at.
simdjson::error_code slice_of(ondemand::value value, std::string_view& out) {
  ondemand::json_type type{};
  if (const auto error = value.type().get(type)) return error;
  if (type == ondemand::json_type::array) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    if (const auto error = array.raw_json().get(out)) return error;
  } else if (type == ondemand::json_type::object) {
    ondemand::object object;
    if (const auto error = value.get_object().get(object)) return error;
    if (const auto error = object.raw_json().get(out)) return error;
  } else {
    out = value.raw_json_token();
  }
  out = trim(out);
  return simdjson::SUCCESS;
}

bool is_array(std::string_view slice) {
  return slice.starts_with('[');
}
bool is_object(std::string_view slice) {
  return slice.starts_with('{');
}

// The members of an object, or the elements of an array, as slices. Reusable: keeps the parser's buffers.
class Slicer {
 public:
  // Calls f(key, slice) for each member; returns what is wrong, or an empty text. Keys are compared without
  // unescaping.
  template <class F>
  std::string_view members(std::string_view object_slice, F f) {
    ondemand::document document;
    ondemand::object object;
    if (const auto error = parser_.iterate(padded(object_slice)).get(document))
      return simdjson::error_message(error);
    if (const auto error = document.get_object().get(object)) return simdjson::error_message(error);
    for (auto member : object) {
      ondemand::field field;
      if (const auto error = std::move(member).get(field)) return simdjson::error_message(error);
      std::string_view key;
      if (const auto error = field.unescaped_key().get(key)) return simdjson::error_message(error);
      std::string_view slice;
      if (const auto error = slice_of(field.value(), slice)) return simdjson::error_message(error);
      f(key, slice);
    }
    const bool at_end = document.current_location().error() == simdjson::OUT_OF_BOUNDS;
    return at_end ? std::string_view() : "something follows the end of the object";
  }

  template <class F>
  std::string_view elements(std::string_view array_slice, F f) {
    ondemand::document document;
    ondemand::array array;
    if (const auto error = parser_.iterate(padded(array_slice)).get(document))
      return simdjson::error_message(error);
    if (const auto error = document.get_array().get(array)) return simdjson::error_message(error);
    for (auto element : array) {
      ondemand::value value;
      if (const auto error = std::move(element).get(value)) return simdjson::error_message(error);
      std::string_view slice;
      if (const auto error = slice_of(value, slice)) return simdjson::error_message(error);
      f(slice);
    }
    return {};
  }

 private:
  ondemand::parser parser_;
};

// "text" → text, 123 → "123". Escapes do not occur in the ids that this is used for; text with them stays as
// it is.
std::string plain_text(std::string_view slice) {
  if (slice.size() >= 2 && slice.front() == '"' && slice.back() == '"')
    slice = slice.substr(1, slice.size() - 2);
  return std::string(slice == "null" ? std::string_view() : slice);
}

std::int64_t plain_number(std::string_view slice) {
  std::int64_t number = 0;
  std::from_chars(slice.data(), slice.data() + slice.size(), number);
  return number;
}

// Walks entry[] × changes[] × items[]. A level of JSON is a parser of its own, because each is in use while
// the next is read.
class WebhookWalk {
 public:
  explicit WebhookWalk(EventSink& sink) : sink_(sink) {}

  void body(std::string_view raw);

 private:
  void entry(std::string_view raw);
  void change(std::string_view raw, const WebhookOrigin& entry_origin);
  // The members of a value, sorted by what they are.
  struct ValueParts {
    std::string_view contacts, standby, conversation_context;
    boost::container::small_vector<std::pair<std::string, std::string_view>, 4> lists;
  };
  void lists_value(std::string_view raw, WebhookOrigin origin);
  std::string_view collect(std::string_view raw, ValueParts& parts, WebhookOrigin& origin);
  std::string_view told_field(std::string_view raw_value);
  void read_metadata(std::string_view raw, WebhookOrigin& origin);
  void read_list(std::string_view key, std::string_view raw, ItemContext& context);
  void read_messages(std::string_view raw, ItemContext& context, const MessageSource& source);
  void read_history(std::string_view raw, ItemContext& context);
  void read_history_part(std::string_view raw, ItemContext& context);
  void read_thread(std::string_view raw, ItemContext& context);
  void read_errors(std::string_view raw);
  // Calls f(slice) for each item of a list, after counting them.
  template <class F>
  void each_item(std::string_view list, ItemContext& context, F f);

  EventSink& sink_;
  StatusReader statuses_;
  Slicer body_, entries_, entry_, changes_, change_, value_, metadata_, items_;
  Slicer history_parts_, history_part_, threads_, thread_;
  std::vector<std::string_view> slices_;  // of the list that is being read
};

void WebhookWalk::body(std::string_view raw) {
  sink_.set_origin(std::make_shared<const WebhookOrigin>());
  bool found = false;
  const std::string_view problem = body_.members(raw, [&](std::string_view key, std::string_view slice) {
    if (key != "entry" || !is_array(slice)) return;
    found = true;
    const std::string_view wrong =
        entries_.elements(slice, [&](std::string_view element) { entry(element); });
    if (!wrong.empty()) sink_.malformed(slice, std::string(wrong));
  });
  if (!problem.empty()) {
    sink_.malformed(raw, std::string(problem));
  } else if (!found) {
    sink_.malformed(raw, "the body has no array \"entry\"");
  }
}

void WebhookWalk::entry(std::string_view raw) {
  if (!is_object(raw)) return sink_.malformed(raw, "an entry that is no object");
  WebhookOrigin origin;
  std::string_view changes;
  const std::string_view problem = entry_.members(raw, [&](std::string_view key, std::string_view slice) {
    if (key == "id") origin.business_id = plain_text(slice);
    if (key == "time") origin.entry_time = plain_number(slice);
    if (key == "changes") changes = slice;
  });
  sink_.set_origin(std::make_shared<const WebhookOrigin>(origin));
  if (!problem.empty()) return sink_.malformed(raw, std::string(problem));
  if (!is_array(changes)) return sink_.malformed(raw, "an entry without an array \"changes\"");
  const std::string_view wrong =
      changes_.elements(changes, [&](std::string_view element) { change(element, origin); });
  if (!wrong.empty()) sink_.malformed(changes, std::string(wrong));
}

void WebhookWalk::change(std::string_view raw, const WebhookOrigin& entry_origin) {
  WebhookOrigin origin = entry_origin;
  if (!is_object(raw)) return sink_.malformed(raw, "a change that is no object");
  std::string_view value;
  const std::string_view problem = change_.members(raw, [&](std::string_view key, std::string_view slice) {
    if (key == "field") origin.field = plain_text(slice);
    if (key == "value") value = slice;
  });
  if (problem.empty() && origin.field.empty() && is_object(value)) origin.field = told_field(value);
  if (problem.empty() && is_list_field(origin.field) && is_object(value))
    return lists_value(value, std::move(origin));
  sink_.set_origin(std::make_shared<const WebhookOrigin>(std::move(origin)));
  if (!problem.empty()) return sink_.malformed(raw, std::string(problem));
  if (sink_.origin().field.empty()) return sink_.malformed(raw, "a change without \"field\"");
  if (!is_object(value)) return sink_.malformed(raw, "a change whose \"value\" is no object");
  read_field(value, sink_);
}

// Deliveries always name the field; what partners pass on may not. The value's lists tell it as well.
std::string_view WebhookWalk::told_field(std::string_view raw_value) {
  std::string_view field;
  value_.members(raw_value, [&](std::string_view key, std::string_view slice) {
    if (field.empty() && (is_array(slice) || key == "standby")) field = field_of_list(key);
  });
  return field;
}

std::string_view WebhookWalk::collect(std::string_view raw, ValueParts& parts, WebhookOrigin& origin) {
  return value_.members(raw, [&](std::string_view key, std::string_view slice) {
    if (key == "metadata" && is_object(slice)) return read_metadata(slice, origin);
    if (key == "contacts") {
      parts.contacts = slice;
    } else if (key == "standby" && is_object(slice)) {
      parts.standby = slice;
    } else if (key == "conversation_context" && is_object(slice)) {
      parts.conversation_context = slice;
    } else if (is_array(slice) || is_object(slice)) {
      parts.lists.emplace_back(key, slice);
    }
  });
}

// Source of "standby" inside the value and of "conversation_context": Meta's standby webhooks and
// conversation context references (August 2026).
void WebhookWalk::lists_value(std::string_view raw, WebhookOrigin origin) {
  ValueParts parts;
  std::string_view problem = collect(raw, parts, origin);
  if (problem.empty() && !parts.standby.empty()) problem = collect(parts.standby, parts, origin);
  ContactBook book(parts.contacts);
  PersonIds own;
  own.take(origin.display_phone_number);
  ItemContext context{book, false, std::move(own.phone), parts.conversation_context};
  sink_.set_origin(std::make_shared<const WebhookOrigin>(std::move(origin)));
  const std::size_t before = sink_.size();
  if (!problem.empty()) sink_.malformed(raw, std::string(problem));
  for (const auto& [key, slice] : parts.lists) {
    if (is_known_list(key) && is_array(slice)) read_list(key, slice, context);
  }
  if (sink_.size() == before) return read_field(raw, sink_);  // none of the lists that are known here
  for (const auto& [key, slice] : parts.lists) {
    const bool is_read = is_known_list(key) && is_array(slice);
    if (!is_read && slice.size() > 2) sink_.add(slice, UnknownEvent{});
  }
}

void WebhookWalk::read_list(std::string_view key, std::string_view raw, ItemContext& context) {
  const std::string& field = sink_.origin().field;
  if (key == "statuses") {
    return each_item(raw, context,
                     [&](std::string_view item) { sink_.add(item, statuses_.read(item, context)); });
  }
  MessageSource source;
  source.from_history = field == "history";
  source.standby = field == "standby";
  if (key == "message_echoes" || (key == "messages" && field.ends_with("message_echoes"))) {
    source.direction = channels::Direction::out;
    return read_messages(raw, context, source);
  }
  if (key == "messages") return read_messages(raw, context, source);
  if (key == "history") return read_history(raw, context);
  if (key == "errors") return read_errors(raw);
  const ItemReader reader = item_reader(key);
  each_item(raw, context, [&](std::string_view item) {
    const Result<boost::json::value> parsed = parse_item(item);
    if (!parsed) return sink_.malformed(item, parsed.error().message);
    const boost::json::object* object = parsed->if_object();
    if (object == nullptr)
      return sink_.malformed(item, fmt::format("an item of \"{}\" that is no object", key));
    sink_.add(item, reader(*object, context));
  });
}

template <class F>
void WebhookWalk::each_item(std::string_view list, ItemContext& context, F f) {
  slices_.clear();
  const std::string_view wrong =
      items_.elements(list, [&](std::string_view item) { slices_.push_back(item); });
  context.lone = slices_.size() == 1;
  for (const std::string_view item : slices_) f(item);
  if (!wrong.empty()) sink_.malformed(list, std::string(wrong));
}

void WebhookWalk::read_messages(std::string_view raw, ItemContext& context, const MessageSource& source) {
  each_item(raw, context,
            [&](std::string_view item) { sink_.add(item, read_message(item, context, source)); });
}

void WebhookWalk::read_history(std::string_view raw, ItemContext& context) {
  const std::string_view wrong =
      history_parts_.elements(raw, [&](std::string_view part) { read_history_part(part, context); });
  if (!wrong.empty()) sink_.malformed(raw, std::string(wrong));
}

void WebhookWalk::read_history_part(std::string_view raw, ItemContext& context) {
  if (!is_object(raw)) return sink_.malformed(raw, "a part of the history that is no object");
  std::string_view metadata, threads, errors;
  const std::string_view problem =
      history_part_.members(raw, [&](std::string_view key, std::string_view slice) {
        if (key == "metadata") metadata = slice;
        if (key == "threads") threads = slice;
        if (key == "errors") errors = slice;
      });
  if (!problem.empty()) sink_.malformed(raw, std::string(problem));
  if (is_array(errors)) sink_.add(errors, history_declined(errors));
  if (is_array(threads)) {
    const std::string_view wrong =
        threads_.elements(threads, [&](std::string_view thread) { read_thread(thread, context); });
    if (!wrong.empty()) sink_.malformed(threads, std::string(wrong));
  }
  // After its messages: whoever sees 100 % has seen them all.
  if (!metadata.empty()) sink_.add(metadata, history_progress(metadata));
}

void WebhookWalk::read_thread(std::string_view raw, ItemContext& context) {
  if (!is_object(raw)) return sink_.malformed(raw, "a thread that is no object");
  std::string_view messages, about;
  MessageSource source;
  source.from_history = true;
  std::string id;
  const std::string_view problem = thread_.members(raw, [&](std::string_view key, std::string_view slice) {
    if (key == "id") id = plain_text(slice);
    if (key == "context") about = slice;
    if (key == "messages") messages = slice;
  });
  if (!problem.empty()) sink_.malformed(raw, std::string(problem));
  if (is_object(about)) {
    const Result<boost::json::value> parsed = parse_item(about);
    if (parsed && parsed->is_object()) {
      const Contact contact = read_contact(parsed->get_object());
      source.thread = contact.ids;
      source.thread_person = contact.party();
    }
  }
  source.thread.take(id);
  if (is_array(messages)) return read_messages(messages, context, source);
  if (problem.empty()) sink_.malformed(raw, "a thread without an array \"messages\"");
}

void WebhookWalk::read_metadata(std::string_view raw, WebhookOrigin& origin) {
  metadata_.members(raw, [&](std::string_view key, std::string_view slice) {
    if (key == "phone_number_id") origin.phone_number_id = plain_text(slice);
    if (key == "display_phone_number") origin.display_phone_number = plain_text(slice);
  });
}

void WebhookWalk::read_errors(std::string_view raw) {
  Result<boost::json::value> errors = parse_item(raw);
  if (!errors) return sink_.malformed(raw, errors.error().message);
  boost::json::object item;
  item["errors"] = std::move(*errors);
  sink_.add(raw, ValueErrorEvent{read_graph_errors(item)});
}

}  // namespace

void EventSink::add(std::string_view raw, WebhookEventBody event) {
  const auto offset = static_cast<std::size_t>(raw.data() - copy_.data());
  events_.push_back({origin_, body_.substr(offset, raw.size()), std::move(event)});
}

std::vector<WebhookEvent> parse_webhook(std::string_view body) {
  if (body.size() > kMaxWebhookBody || trim(body).empty()) {
    WebhookEvent event{std::make_shared<const WebhookOrigin>(), body, {}};
    event.body = MalformedEvent{body.empty()         ? "the body is empty"
                                : trim(body).empty() ? "the body is blank"
                                                     : "the body is larger than 3 MB"};
    return {std::move(event)};
  }
  const simdjson::padded_string copy(body);
  const std::string_view text(copy.data(), copy.size());
  EventSink sink(body, text);
  sink.reserve(1 + body.size() / 700);
  WebhookWalk(sink).body(trim(text));
  return sink.take();
}

WallTime webhook_time(std::int64_t value) {
  constexpr std::int64_t kLatest = 253402300799;  // the year 9999, in seconds
  if (value >= 1'000'000'000'000) {
    value = std::min(value, kLatest * 1000);
    return WallTime(std::chrono::milliseconds(value));
  }
  return WallTime(std::chrono::seconds(std::clamp<std::int64_t>(value, 0, kLatest)));
}

}  // namespace posthorn::whatsapp
