#include "messaging/delivery.h"

namespace posthorn {
namespace {

using namespace delivery_bits;

void earliest(std::int64_t& known, std::int64_t at) {
  if (known == 0 || at < known) known = at;
}

// Of several failures the earliest counts; at the same instant the smaller code, so that order never matters.
void join_failure(Delivery& d, std::int64_t at, int code) {
  const bool first = (d.bits & kFailed) == 0;
  if (first || at < d.failed_at || (at == d.failed_at && code < d.failed_code)) {
    d.failed_at = at;
    d.failed_code = code;
  }
  d.bits |= kFailed;
}

}  // namespace

void join(Delivery& d, DeliveryKind kind, std::int64_t at, int code) {
  switch (kind) {
    case DeliveryKind::sent:
      d.bits |= kSent;
      return earliest(d.sent_at, at);
    case DeliveryKind::delivered:
      d.bits |= kDelivered;
      return earliest(d.delivered_at, at);
    case DeliveryKind::read:
      d.bits |= kRead;
      return earliest(d.read_at, at);
    case DeliveryKind::played:  // a voice note was listened to: it was read as well
      d.bits |= kPlayed | kRead;
      return earliest(d.read_at, at);
    case DeliveryKind::failed:
      return join_failure(d, at, code);
  }
}

DeliveryCounts counts(std::uint32_t bits) {
  DeliveryCounts c;
  c.read = (bits & kRead) != 0;
  c.delivered = c.read != 0 || (bits & kDelivered) != 0;
  c.sent = c.delivered != 0 || (bits & kSent) != 0;
  c.failed = (bits & kFailed) != 0;
  c.held = (bits & kHeld) != 0 && c.sent == 0 && c.failed == 0;
  return c;
}

std::string_view delivery_word(std::uint32_t bits) {
  const DeliveryCounts c = counts(bits);
  if (c.read != 0) return "read";
  if (c.delivered != 0) return "delivered";
  if (c.failed != 0) return "failed";
  if (c.sent != 0) return "sent";
  return c.held != 0 ? "held" : "";
}

}  // namespace posthorn
