#include "sandbox/deliveries.h"

#include <tuple>
#include <utility>

#include <boost/json.hpp>

#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr int kOptedOut = 131050, kDropped = 132015;

void append_meta_value(std::string& out, const js::value& value) {
  if (const js::string* text = value.if_string()) return append_meta_string(out, *text);
  const char* separator = "";
  if (const js::array* list = value.if_array()) {
    out += '[';
    for (const js::value& item : *list) {
      out += std::exchange(separator, ",");
      append_meta_value(out, item);
    }
    out += ']';
  } else if (const js::object* object = value.if_object()) {
    out += '{';
    for (const auto& [key, member] : *object) {
      out += std::exchange(separator, ",");
      append_meta_string(out, key);
      out += ':';
      append_meta_value(out, member);
    }
    out += '}';
  } else {
    out += js::serialize(value);
  }
}

// {"type":"text","text":"STOP"} → {"type":"text","text":{"body":"STOP"}}
Result<js::object> read_content(std::string_view text) {
  js::error_code ec;
  js::value parsed = js::parse(text, ec);
  if (ec || !parsed.is_object())
    return fail(ErrorCode::invalid_argument, "the message must be a JSON object with \"type\"");
  js::object content = std::move(parsed.get_object());
  const js::value* type = content.if_contains("type");
  if (type == nullptr || !type->is_string())
    return fail(ErrorCode::invalid_argument, "\"type\" is required, for example \"text\"", "type");
  const std::string kind(type->get_string());
  if (js::value* short_text = content.if_contains("text"); short_text != nullptr && short_text->is_string()) {
    js::object body;
    body["body"] = short_text->get_string();
    *short_text = std::move(body);
  }
  if (!content.contains(kind))
    return fail(ErrorCode::invalid_argument, "the member \"" + kind + "\" is required for this type", "type");
  return content;
}

std::string contact_of(const World& world, std::uint64_t phone, bool with_profile) {
  std::string out = "{";
  if (with_profile) out += R"("profile":{"name":)" + meta_string(profile_name_of(phone)) + "},";
  if (!world.config.webhooks.hide_phone_numbers) out += R"("wa_id":")" + std::to_string(phone) + "\",";
  return out + R"("user_id":")" + user_id_of(phone) + "\"}";
}

}  // namespace

Deliveries::Deliveries(World& world, Webhooks& webhooks, Executor executor)
    : world_(world), webhooks_(webhooks), wakeup_(world.clock, std::move(executor), [this] { wake(); }) {}

void Deliveries::start() {
  started_ = true;
  if (!calendar_.empty()) wakeup_.arm(calendar_.next());
}

void Deliveries::schedule(MonotonicTime when, MessageId message, Step step) {
  calendar_.push(when, Event{message, step});
  if (started_) wakeup_.arm(calendar_.next());
}

int Deliveries::error_for(const Message& message, const Journey& journey) const {
  if (journey.error != 0) return journey.error;
  const bool marketing = world_.categories[message.subject] == "marketing";
  return marketing && world_.phones.opted_out(message.phone) ? kOptedOut : 0;
}

void Deliveries::begin(MessageId id) {
  const Message message = world_.ledger.at(id);
  const Journey journey = world_.phones.journey(message.phone, id);
  schedule(world_.clock.now() + journey.sent_after, id,
           error_for(message, journey) != 0 ? Step::fail : Step::send);
}

void Deliveries::release_held(bool deliver) {
  for (const MessageId id : std::exchange(world_.held, {})) {
    world_.ledger.set_fate(id, Fate::accepted);
    if (deliver) {
      begin(id);
    } else {
      world_.ledger.set_fate(id, Fate::failed, kDropped);
      webhooks_.status(id, UpdateKind::failed, kDropped);
    }
  }
  webhooks_.pump();
}

void Deliveries::wake() {
  const MonotonicTime now = world_.clock.now();
  for (auto due = calendar_.pop_due(now); !due.empty(); due = calendar_.pop_due(now))
    for (const Event& event : due) run(event, now);
  if (!calendar_.empty()) wakeup_.arm(calendar_.next());
  webhooks_.pump();
}

void Deliveries::run(const Event& event, MonotonicTime now) {
  const Message message = world_.ledger.at(event.message);
  const Journey journey = world_.phones.journey(message.phone, event.message);
  switch (event.step) {
    case Step::fail: {
      const int error = error_for(message, journey);
      world_.ledger.set_fate(event.message, Fate::failed, error == 0 ? 131000 : error);
      return webhooks_.status(event.message, UpdateKind::failed, error == 0 ? 131000 : error);
    }
    case Step::send:
      world_.ledger.set_fate(event.message, Fate::sent);
      webhooks_.status(event.message, UpdateKind::sent);
      if (journey.delivered) schedule(now + journey.delivered_after, event.message, Step::deliver);
      return;
    case Step::deliver:
      return deliver(message, journey, now);
    case Step::read:
      world_.ledger.set_fate(event.message, Fate::read);
      return webhooks_.status(event.message, UpdateKind::read);
    case Step::reply: {
      js::object body, content;
      body["body"] = js::string(journey.reply);
      content["type"] = "text";
      content["text"] = std::move(body);
      std::ignore = inbound(message.phone, message.number, js::serialize(content));
      return;
    }
    case Step::opt_out:
      return preference(message.phone, message.number, true);
  }
}

void Deliveries::deliver(const Message& message, const Journey& journey, MonotonicTime now) {
  world_.ledger.set_fate(message.id, Fate::received);
  webhooks_.status(message.id, UpdateKind::delivered);
  if (journey.read) schedule(now + journey.read_after, message.id, Step::read);
  if (!journey.reply.empty()) schedule(now + journey.reply_after, message.id, Step::reply);
  if (journey.opts_out) schedule(now + journey.reply_after, message.id, Step::opt_out);
}

Result<std::string> Deliveries::inbound(std::uint64_t phone, std::size_t number, std::string_view text) {
  PH_TRY_ASSIGN(const js::object content, read_content(text));
  std::string name = world_.inbound_name(phone);
  std::string value = R"({"messaging_product":"whatsapp",)" + world_.numbers.at(number).metadata +
                      R"(,"contacts":[)" + contact_of(world_, phone, true) + R"(],"messages":[{)";
  if (!world_.config.webhooks.hide_phone_numbers) value += R"("from":")" + std::to_string(phone) + "\",";
  value += R"("from_user_id":")" + user_id_of(phone) + R"(","id":")" + name + R"(","timestamp":")" +
           world_.timestamp(world_.clock.wall_now()) + '"';
  for (const auto& [key, member] : content) {
    value += ',' + meta_string(key) + ':';
    append_meta_value(value, member);
  }
  value += "}]}";
  world_.open_window(phone, number);
  world_.limits.inbound(number, world_.clock.now());
  webhooks_.change("messages", value);
  return name;
}

void Deliveries::preference(std::uint64_t phone, std::size_t number, bool stopped) {
  world_.phones.set_opted_out(phone, stopped);
  std::string value = R"({"messaging_product":"whatsapp",)" + world_.numbers.at(number).metadata +
                      R"(,"contacts":[)" + contact_of(world_, phone, true) + R"(],"user_preferences":[{)";
  if (!world_.config.webhooks.hide_phone_numbers) value += R"("wa_id":")" + std::to_string(phone) + "\",";
  value += R"("user_id":")" + user_id_of(phone) + R"(","detail":")" +
           (stopped ? "User requested to stop marketing messages"
                    : "User requested to resume marketing messages") +
           R"(","category":"marketing_messages","value":")" + (stopped ? "stop" : "resume") +
           R"(","timestamp":)" + world_.timestamp(world_.clock.wall_now()) + "}]}";
  webhooks_.change("user_preferences", value);
}

}  // namespace posthorn::sandbox
