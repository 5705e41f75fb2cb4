// One operating-system process inside a World. crash() is kill -9: nothing of it runs afterwards, its peers
// see resets.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "platform/async.h"
#include "platform/clock.h"
#include "platform/simulated/world.h"
#include "platform/stream.h"

namespace posthorn::simulated {

class Process {
 public:
  // `name` is also the host name under which others reach it. A process of the same name may start after a
  // crash.
  Process(World& world, std::string name);
  ~Process();  // crashes if still alive
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  World& world() { return world_; }
  const std::string& name() const { return name_; }
  std::uint64_t id() const { return id_; }  // never used twice
  bool alive() const { return context_ != nullptr; }

  asio::io_context& context() { return *context_; }  // only while alive
  Executor executor() { return context_->get_executor(); }
  Clock& clock();
  Random& random() { return *random_; }
  Network& network() { return *network_; }

  void spawn(Task<> task);  // an exception that leaves it leaves World::run_until
  // Runs `action` on this process after `delay`, unless it has crashed by then. For simulated devices and
  // tests.
  void post_after(Duration delay, std::move_only_function<void()> action);
  void jump_wall_clock(Duration by);  // monotonic time is not affected
  // Each look at the monotonic clock takes this long, as on a real machine where time passes while code runs.
  // 0 at first.
  void let_time_pass(Duration per_look);

  // Not from a handler of this very process: use World::after or do it between two runs. Destroys every
  // suspended coroutine; objects that these coroutines' frames refer to must still be there.
  void crash();

 private:
  class ProcessClock;

  World& world_;
  const std::string name_;
  const std::uint64_t id_;
  std::unique_ptr<asio::io_context> context_;
  std::unique_ptr<ProcessClock> clock_;
  std::unique_ptr<Random> random_;
  std::unique_ptr<Network> network_;
};

}  // namespace posthorn::simulated
