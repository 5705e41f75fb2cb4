// Times and people as the three flavours spell them.
#include <charconv>

#include "channels/meta_messaging/webhook_parts.h"
#include "channels/whatsapp/json_fields.h"
#include "channels/whatsapp/webhook.h"
#include "core/time_text.h"

namespace posthorn::meta_messaging {

WallTime time_of_text(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size()) return whatsapp::webhook_time(number);
  // Meta writes the offset without a colon.
  std::string iso(text);
  const bool bare_offset = iso.size() > 5 && (iso[iso.size() - 5] == '+' || iso[iso.size() - 5] == '-');
  if (bare_offset) iso.insert(iso.size() - 2, ":");
  return parse_iso_time(iso).value_or(WallTime{});
}

WallTime time_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (value->is_double() && value->get_double() > 0 && value->get_double() < 1e15)
    return whatsapp::webhook_time(static_cast<std::int64_t>(value->get_double()));
  return time_of_text(whatsapp::text_in(object, key));
}

channels::Party party(channels::Channel channel, std::string id, const boost::json::object* from) {
  using channels::AddressKind;
  channels::Party person;
  const auto kind =
      channel == channels::Channel::instagram ? AddressKind::instagram_scoped : AddressKind::page_scoped;
  if (!id.empty()) person.addresses.push_back({kind, std::move(id)});
  if (from == nullptr) return person;
  person.name = whatsapp::string_in(*from, "name");
  person.username = whatsapp::string_in(*from, "username");
  return person;
}

}  // namespace posthorn::meta_messaging
