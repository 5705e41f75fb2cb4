// Loops the process cannot do without. One that ended by an exception would leave a server that looks alive
// and does nothing: the process ends instead, and its next start recovers as after a crash.
//
// Single jobs are no loops: what one of them throws is a failure of that job, see contained().
#pragma once
#include <exception>
#include <string_view>
#include <utility>

#include "core/result.h"
#include "platform/async.h"

namespace posthorn {

// `name` must be a literal. An exception that leaves the loop is told on standard error, then the process
// aborts.
void spawn_essential(const Executor& executor, std::string_view name, Task<> loop);

// What an exception says, as an error (internal).
Error error_of(const std::exception_ptr& thrown);

// Runs one job; an exception that leaves it becomes its error (internal).
Task<Result<>> contained(Task<> job);

template <class T>
Task<Result<T>> contained(Task<Result<T>> job) {
  std::exception_ptr thrown;
  try {
    co_return co_await std::move(job);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_return std::unexpected(error_of(thrown));
}

// For jobs whose value is no Result.
template <class T>
Task<Result<T>> contained_value(Task<T> job) {
  std::exception_ptr thrown;
  try {
    co_return co_await std::move(job);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_return std::unexpected(error_of(thrown));
}

}  // namespace posthorn
