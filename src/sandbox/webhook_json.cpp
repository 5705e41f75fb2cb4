#include <array>

#include "sandbox/json_text.h"
#include "sandbox/webhooks.h"

namespace posthorn::sandbox {
namespace {

constexpr std::array<std::string_view, 4> kStatusNames = {"sent", "delivered", "read", "failed"};

// A failed message may have reached nobody: there the phone number stands alone (as seen in the wild; Meta's
// reference leaves `contacts` out).
void append_contact(std::string& out, std::uint64_t phone, const World& world, std::string_view user,
                    bool failed) {
  const bool named = failed || !world.config.webhooks.hide_phone_numbers;
  out += '{';
  if (named) {
    out += R"("wa_id":")";
    append_number(out, phone);
    out += '"';
  }
  if (!failed) {
    out += named ? R"(,"user_id":")" : R"("user_id":")";
    out += user;
    out += '"';
  }
  out += '}';
}

// Version 24 of the Graph API and later: no conversation outside free entry points.
void append_pricing(std::string& out, const World& world, const Message& message) {
  const std::string& category = world.categories[message.subject];
  const bool service = category == "service";
  out +=
      service
          ? R"(,"pricing":{"billable":false,"pricing_model":"PMP","type":"free_customer_service","category":")"
          : R"(,"pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":")";
  out += category;
  out += "\"}";
}

void append_status(std::string& out, const World& world, const Update& update, const Message& message,
                   std::string_view user) {
  const bool failed = update.kind == UpdateKind::failed;
  out += R"({"id":")";
  out += world.message_name(update.message);
  out += R"(","status":")";
  out += kStatusNames[static_cast<std::size_t>(update.kind)];
  out += R"(","timestamp":")";
  out += world.timestamp(update.at);
  out += '"';
  if (!world.config.webhooks.hide_phone_numbers || failed) {
    out += R"(,"recipient_id":")";
    append_number(out, message.phone);
    out += '"';
  }
  if (!failed) {
    out += R"(,"recipient_user_id":")";
    out += user;
    out += '"';
  }
  if (!message.token.empty()) {
    out += R"(,"biz_opaque_callback_data":)";
    append_meta_string(out, message.token);
  }
  if (world.config.webhooks.pricing &&
      (update.kind == UpdateKind::sent || update.kind == UpdateKind::delivered))
    append_pricing(out, world, message);
  if (failed) {
    out += R"(,"errors":[)";
    append_webhook_error(out, update.error);
    out += ']';
  }
  out += '}';
}

// Collects statuses of one number into one `value`.
struct OpenChange {
  std::size_t number = 0, count = 0;
  std::string contacts, statuses;

  void close(std::string& out, const World& world) {
    if (count == 0) return;
    out += R"({"value":{"messaging_product":"whatsapp",)";
    out += world.numbers[number].metadata;
    if (!contacts.empty()) out += R"(,"contacts":[)" + contacts + "]";
    out += R"(,"statuses":[)";
    out += statuses;
    out += R"(]},"field":"messages"},)";
    contacts.clear();
    statuses.clear();
    count = 0;
  }

  void add(const World& world, const Update& update, const Message& message) {
    const std::string user = world.phones.user_id(message.phone);
    if (count++ != 0) statuses += ',';
    number = message.number;
    append_status(statuses, world, update, message, user);
    if (!contacts.empty()) contacts += ',';
    append_contact(contacts, message.phone, world, user, update.kind == UpdateKind::failed);
  }
};

// One element of `entry`. What concerns the account and not a conversation carries the time of the event
// there.
class OpenEntry {
 public:
  OpenEntry(std::string& out, const World& world) : out_(out), world_(world) {}

  void begin(std::string_view time) {
    if (open_ && time == time_) return;
    close();
    open_ = true;
    time_ = time;
    out_ += R"({"id":")" + world_.config.waba_id + '"';
    if (!time_.empty()) out_ += R"(,"time":)" + time_;
    out_ += R"(,"changes":[)";
  }

  void close() {
    if (!open_) return;
    if (out_.ends_with(',')) out_.pop_back();
    out_ += "]},";
    open_ = false;
  }

 private:
  std::string& out_;
  const World& world_;
  std::string time_;
  bool open_ = false;
};

std::string time_of_entry(const Update& update) {
  if (update.change->starts_with(R"({"value":{"messaging_product")")) return {};
  return std::to_string(to_micros(update.at) / 1'000'000);
}

}  // namespace

std::string render_webhook(const World& world, const std::vector<Update>& updates) {
  std::string out;
  out.reserve(200 + updates.size() * 640);
  out += R"({"object":"whatsapp_business_account","entry":[)";
  OpenEntry entry(out, world);
  OpenChange open;
  for (const Update& update : updates) {
    if (update.kind == UpdateKind::change) {
      open.close(out, world);
      entry.begin(time_of_entry(update));
      out += *update.change;
      out += ',';
      continue;
    }
    const Message message = world.ledger.at(update.message);
    if (open.count >= world.config.webhooks.updates_per_change || message.number != open.number)
      open.close(out, world);
    entry.begin({});
    open.add(world, update, message);
  }
  open.close(out, world);
  entry.close();
  if (out.ends_with(',')) out.pop_back();
  out += "]}";
  return out;
}

}  // namespace posthorn::sandbox
