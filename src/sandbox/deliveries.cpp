#include "sandbox/deliveries.h"

#include <tuple>
#include <utility>

#include <boost/json.hpp>

#include "sandbox/json_text.h"
#include "sandbox/json_values.h"
#include "sandbox/phone_message.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr int kOptedOut = 131050, kDropped = 132015;

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
  if (on_delivered_) on_delivered_(message);
}

Result<std::string> Deliveries::inbound(std::uint64_t phone, std::size_t number, std::string_view text) {
  js::error_code ec;
  js::value parsed = js::parse(text, ec);
  if (ec || !parsed.is_object())
    return fail(ErrorCode::invalid_argument, "the message must be a JSON object with \"type\"");
  PH_TRY_ASSIGN(const PhoneMessage message,
                compose_phone_message(world_, phone, number, std::move(parsed.get_object())));
  std::string name = message.id.empty() ? world_.inbound_name(phone) : message.id;
  const bool hidden = world_.config.webhooks.hide_phone_numbers || message.hide_phone;
  std::string value = R"({"messaging_product":"whatsapp",)" + world_.numbers.at(number).metadata;
  if (message.with_contact) value += R"(,"contacts":[)" + contact_of(world_, phone, message) + ']';
  value += R"(,"messages":[{)";
  if (!hidden && !message.anonymous_sender) value += R"("from":")" + std::to_string(phone) + "\",";
  value +=
      R"("from_user_id":)" +
      meta_string(message.sender_user_id.empty() ? world_.phones.user_id(phone) : message.sender_user_id) +
      R"(,"id":)" + meta_string(name) + R"(,"timestamp":")" +
      world_.timestamp(message.at == WallTime{} ? world_.clock.wall_now() : message.at) + '"';
  for (const auto& [key, member] : message.content) value += ',' + meta_string(key) + ':' + meta_json(member);
  value += "}]}";
  if (message.opens_window) world_.open_window(phone, number);
  world_.limits.inbound(number, world_.clock.now());
  webhooks_.change("messages", value);
  return name;
}

void Deliveries::preference(std::uint64_t phone, std::size_t number, bool stopped) {
  world_.phones.set_opted_out(phone, stopped);
  std::string value = R"({"messaging_product":"whatsapp",)" + world_.numbers.at(number).metadata +
                      R"(,"contacts":[)" + contact_of(world_, phone) + R"(],"user_preferences":[{)";
  if (!world_.config.webhooks.hide_phone_numbers) value += R"("wa_id":")" + std::to_string(phone) + "\",";
  value += R"("user_id":")" + world_.phones.user_id(phone) + R"(","detail":")" +
           (stopped ? "User requested to stop marketing messages"
                    : "User requested to resume marketing messages") +
           R"(","category":"marketing_messages","value":")" + (stopped ? "stop" : "resume") +
           R"(","timestamp":)" + world_.timestamp(world_.clock.wall_now()) + "}]}";
  webhooks_.change("user_preferences", value);
}

}  // namespace posthorn::sandbox
