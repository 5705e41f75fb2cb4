// Helpers for tests that speak HTTP in raw bytes.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "platform/stream.h"

namespace posthorn::test {

inline Task<Result<>> write_everything(Stream& stream, std::string bytes) {
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const auto n = co_await stream.write_some(rest);
    if (!n) co_return std::unexpected(n.error());
    rest.remove_prefix(*n);
  }
  co_return Result<>();
}

// Everything until the peer closes; a reset ends it as well.
inline Task<std::string> read_to_end(Stream& stream) {
  std::string all;
  std::vector<char> buffer(4096);
  for (;;) {
    const auto n = co_await stream.read_some(buffer);
    if (!n || *n == 0) co_return all;
    all.append(buffer.data(), *n);
  }
}

}  // namespace posthorn::test
