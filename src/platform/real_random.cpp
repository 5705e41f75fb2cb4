#include "platform/real_random.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <string.h>
#include <sys/random.h>

namespace posthorn {
namespace {

void from_kernel(std::span<std::byte> out) {
  while (!out.empty()) {
    const auto got = ::getrandom(out.data(), out.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "getrandom");
    out = out.subspan(static_cast<std::size_t>(got));
  }
}

}  // namespace

RealRandom::~RealRandom() {
  ::explicit_bzero(pool_.data(), pool_.size());
}

void RealRandom::fill(std::span<std::byte> out) {
  if (out.size() > pool_.size() / 4) return from_kernel(out);
  if (pool_.size() - used_ < out.size()) {
    from_kernel(pool_);
    used_ = 0;
  }
  std::memcpy(out.data(), pool_.data() + used_, out.size());
  ::explicit_bzero(pool_.data() + used_, out.size());
  used_ += out.size();
}

}  // namespace posthorn
