// Port: randomness. Real: the operating system's generator. Simulated: one seeded stream per component.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

namespace posthorn {

class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::byte> out) = 0;  // suitable for keys and tokens on the real side
  std::uint64_t next();                             // 64 uniform bits
  std::uint64_t below(std::uint64_t bound);         // uniform in [0, bound); bound > 0
  double unit();                                    // uniform in [0, 1)
};

}  // namespace posthorn
