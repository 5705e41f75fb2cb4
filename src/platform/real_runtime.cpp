#include <csignal>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/runtime.h"

namespace posthorn {

struct Runtime::Signals {
  explicit Signals(asio::io_context& context) : set(context, SIGINT, SIGTERM, SIGHUP) {}
  asio::signal_set set;
};

Runtime::Runtime() : context_(1) {}

Runtime::~Runtime() = default;

void Runtime::run() {
  const auto work = asio::make_work_guard(context_);
  context_.restart();
  context_.run();
}

void Runtime::stop() {
  context_.stop();
}

Task<Signal> Runtime::next_signal() {
  if (!signals_) signals_ = std::make_unique<Signals>(context_);
  const int number = co_await signals_->set.async_wait(asio::use_awaitable);
  switch (number) {
    case SIGINT:
      co_return Signal::interrupt;
    case SIGHUP:
      co_return Signal::hangup;
    default:
      co_return Signal::terminate;
  }
}

}  // namespace posthorn
