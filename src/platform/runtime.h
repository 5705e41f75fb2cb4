// The real process: event loop, signals, and the ports that live on it. Owned by the composition root.
#pragma once
#include <memory>

#include <boost/asio/io_context.hpp>

#include "platform/async.h"

namespace posthorn {

enum class Signal { interrupt, terminate, hangup };  // SIGINT, SIGTERM, SIGHUP

// Single-threaded: everything spawned on executor() runs inside run(). Destroying the Runtime destroys
// coroutines that are still suspended without resuming them, so whatever their frames point to must be
// destroyed after it.
class Runtime {
 public:
  Runtime();
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  Executor executor() { return context_.get_executor(); }
  asio::io_context& context() { return context_; }

  void run();   // until stop(); exceptions that leave a handler leave this call, too
  void stop();  // may be called from any thread
  // The next signal of the process. Catching starts with the first call; before that they end the process as
  // usual.
  Task<Signal> next_signal();

 private:
  struct Signals;
  asio::io_context context_;
  std::unique_ptr<Signals> signals_;
};

}  // namespace posthorn
