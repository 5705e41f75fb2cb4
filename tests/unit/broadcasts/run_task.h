// Runs a coroutine to its end on an executor of its own.
#pragma once
#include <exception>
#include <optional>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "platform/async.h"

namespace posthorn {

template <class T>
T run_task(Task<T> task) {
  asio::io_context context;
  std::optional<T> out;
  asio::co_spawn(context, std::move(task), [&out](std::exception_ptr error, T value) {
    if (error) std::rethrow_exception(error);
    out.emplace(std::move(value));
  });
  context.run();
  return std::move(out).value();
}

}  // namespace posthorn
