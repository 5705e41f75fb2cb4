// The kernel's random number generator. Not thread-safe: one object for each thread.
#pragma once
#include <array>

#include "platform/random.h"

namespace posthorn {

class RealRandom final : public Random {
 public:
  ~RealRandom() override;
  void fill(std::span<std::byte> out) override;

 private:
  std::array<std::byte, 512> pool_;  // small requests share one system call; used bytes are wiped
  std::size_t used_ = sizeof(pool_);
};

}  // namespace posthorn
