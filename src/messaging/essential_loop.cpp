#include "messaging/essential_loop.h"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include <boost/asio/co_spawn.hpp>
#include <fmt/format.h>

namespace posthorn {
namespace {

// The log is asynchronous and would not be written any more.
[[noreturn]] void give_up(std::string_view name, std::string_view why) {
  fmt::print(stderr, "posthorn: {} ended unexpectedly: {}. The process ends; start it again.\n", name, why);
  std::fflush(stderr);
  std::abort();
}

}  // namespace

void spawn_essential(const Executor& executor, std::string_view name, Task<> loop) {
  asio::co_spawn(executor, std::move(loop), [name](std::exception_ptr failure) {
    if (!failure) return;
    try {
      std::rethrow_exception(failure);
    } catch (const std::exception& error) {
      give_up(name, error.what());
    } catch (...) {
      give_up(name, "unknown exception");
    }
  });
}

}  // namespace posthorn
