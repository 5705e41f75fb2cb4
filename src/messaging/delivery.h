// The delivery lattice: what became of an accepted message. Statuses come late, twice and out of order;
// joining them in any order gives the same result (invariant I16). A pure value.
#pragma once
#include <cstdint>
#include <string_view>

namespace posthorn {

enum class DeliveryKind : std::uint8_t { sent, delivered, read, played, failed };

// Bits of sends.delivery. Facts as they were told; what follows from them (read implies delivered) is
// computed.
namespace delivery_bits {
inline constexpr std::uint32_t kSent = 1, kDelivered = 2, kRead = 4, kFailed = 8, kPlayed = 16;
inline constexpr std::uint32_t kHeld = 32;     // accepted but held for quality assessment by Meta
inline constexpr std::uint32_t kResent = 256;  // sent again after an unknown outcome (send_state.h)
}  // namespace delivery_bits

// Times are microseconds since the Unix epoch; 0: not known. Each is the earliest that was told for its kind.
struct Delivery {
  std::uint32_t bits = 0;
  std::int64_t sent_at = 0, delivered_at = 0, read_at = 0, failed_at = 0;
  int failed_code = 0;  // of the earliest failure
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// Joins one status into `d`. Commutative, associative and idempotent. `at` must be positive. `code` only for
// `failed`.
void join(Delivery& d, DeliveryKind kind, std::int64_t at, int code = 0);

// 0 or 1 each: how a row counts in its campaign. A row that failed after it was delivered counts in both.
struct DeliveryCounts {
  int sent = 0, delivered = 0, read = 0, failed = 0, held = 0;
  friend bool operator==(const DeliveryCounts&, const DeliveryCounts&) = default;
};
DeliveryCounts counts(std::uint32_t bits);

// The one word for people: "", "held", "sent", "delivered", "read" or "failed". Delivered and read win over
// failed.
std::string_view delivery_word(std::uint32_t bits);

}  // namespace posthorn
