#include "platform/simulated/process.h"

#include <algorithm>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>

#include "platform/simulated/wire.h"
#include "platform/waiter.h"

namespace posthorn::simulated {
namespace {

// Takes the event back when the sleeper goes away early.
struct ScheduledEvent {
  World& world;
  World::EventHandle handle;
  ~ScheduledEvent() { world.cancel(handle); }
};

void rethrow(std::exception_ptr failure) {
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

class Process::ProcessClock final : public Clock {
 public:
  ProcessClock(World& world, std::uint64_t owner) : world_(world), owner_(owner) {}
  WallTime wall_now() override { return world_.wall_now() + offset_; }
  MonotonicTime now() override {
    looked_ = std::max(looked_ + per_look_, world_.now());
    return looked_;
  }
  void jump(Duration by) { offset_ += by; }
  void pass(Duration per_look) { per_look_ = per_look; }

  Task<> sleep_until(MonotonicTime deadline) override {
    if (deadline <= world_.now()) co_return;
    auto waiter = std::make_shared<Waiter<bool>>();
    const auto handle = world_.schedule(deadline, owner_, [waiter] { waiter->complete(true); });
    const ScheduledEvent event{world_, handle};
    const bool slept = co_await Waiter<bool>::wait(std::move(waiter), false);
    if (!slept) throw boost::system::system_error(asio::error::operation_aborted);
  }

 private:
  World& world_;
  const std::uint64_t owner_;
  Duration offset_{};
  Duration per_look_{};
  MonotonicTime looked_ = world_.now();
};

Process::Process(World& world, std::string name)
    : world_(world),
      name_(std::move(name)),
      id_(world.enter(*this)),
      context_(std::make_unique<asio::io_context>(1)),
      clock_(std::make_unique<ProcessClock>(world, id_)),
      random_(world.random(name_)),
      network_(world.wire().attach(id_, name_, *clock_)) {
  context_->get_executor().on_work_started();  // poll() would stop an io_context without work
}

Process::~Process() {
  crash();
}

Clock& Process::clock() {
  return *clock_;
}

void Process::spawn(Task<> task) {
  asio::co_spawn(*context_, std::move(task), rethrow);
}

void Process::post_after(Duration delay, std::move_only_function<void()> action) {
  world_.schedule(world_.now() + delay, id_, [this, action = std::move(action)]() mutable {
    asio::post(*context_, [action = std::move(action)]() mutable { action(); });
  });
}

void Process::let_time_pass(Duration per_look) {
  clock_->pass(per_look);
}

void Process::jump_wall_clock(Duration by) {
  clock_->jump(by);
}

void Process::crash() {
  if (!alive()) return;
  world_.leave(*this);
  // First whatever could resume a coroutine, then the coroutines.
  world_.wire().cut_off(id_);
  world_.drop_events_of(id_);
  context_.reset();
}

}  // namespace posthorn::simulated
