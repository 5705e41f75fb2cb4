#include "platform/random.h"

#include <bit>

namespace posthorn {

std::uint64_t Random::next() {
  std::array<std::byte, 8> bytes;
  fill(bytes);
  return std::bit_cast<std::uint64_t>(bytes);
}

std::uint64_t Random::below(std::uint64_t bound) {
  // Values under 2^64 mod bound would make small results more likely; they are drawn again.
  const std::uint64_t uneven = (0 - bound) % bound;
  for (;;) {
    const std::uint64_t drawn = next();
    if (drawn >= uneven) return drawn % bound;
  }
}

double Random::unit() {
  return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

}  // namespace posthorn
