// A fast generator seeded once from the Random port: the sandbox draws several times a message.
#pragma once
#include <cstdint>

#include "core/time.h"

namespace posthorn::sandbox {

// The finaliser of splitmix64 (Steele, Lea, Flood 2014): turns any two different inputs into unrelated
// outputs.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

constexpr double to_unit(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() { return mix(state_++); }
  double unit() { return to_unit(next()); }
  bool chance(double p) { return p > 0 && unit() < p; }
  Duration between(Duration low, Duration high) {
    if (high <= low) return low;
    const auto span = static_cast<std::uint64_t>((high - low).count()) + 1;
    return low + Duration(static_cast<std::int64_t>(next() % span));
  }

 private:
  std::uint64_t state_;
};

}  // namespace posthorn::sandbox
