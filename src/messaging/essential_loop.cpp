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

Error error_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& error) {
    return {ErrorCode::internal, fmt::format("an unexpected failure: {}", error.what())};
  } catch (...) {
    return {ErrorCode::internal, "an unexpected failure of unknown kind"};
  }
}

Task<Result<>> contained(Task<> job) {
  std::exception_ptr thrown;
  try {
    co_await std::move(job);
    co_return Result<>();
  } catch (...) {
    thrown = std::current_exception();
  }
  co_return std::unexpected(error_of(thrown));
}

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
