#include "messaging/wakeup.h"

#include <functional>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/async_result.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/execution/context.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace posthorn {

using Waiter = std::move_only_function<void()>;

namespace {

// Knows all parked coroutines of one context, to let them end with it.
class ParkingService : public asio::execution_context::service {
 public:
  using key_type = ParkingService;
  static inline asio::execution_context::id id;

  explicit ParkingService(asio::execution_context& context) : service(context) {}
  void enter(ParkedState& state) { states_.insert(&state); }
  void leave(ParkedState& state) { states_.erase(&state); }

 private:
  void shutdown() noexcept override;
  std::set<ParkedState*> states_;  // the order is used for nothing but freeing memory
};

ParkingService& parking_of(const Executor& executor) {
  return asio::use_service<ParkingService>(asio::query(executor, asio::execution::context));
}

}  // namespace

struct ParkedState {
  explicit ParkedState(Executor e) : executor(std::move(e)), parking(&parking_of(executor)) {
    parking->enter(*this);
  }
  ~ParkedState() {
    if (parking != nullptr) parking->leave(*this);
  }
  ParkedState(const ParkedState&) = delete;
  ParkedState& operator=(const ParkedState&) = delete;

  void resume_all() {
    for (Waiter& waiter : std::exchange(waiters, {})) asio::post(executor, std::move(waiter));
  }
  // A single waiter, or a note for it.
  void signal() {
    if (parking == nullptr) return;
    if (waiters.empty()) signalled = true;
    resume_all();
  }

  Executor executor;
  ParkingService* parking;  // null once the context has ended
  std::vector<Waiter> waiters;
  bool signalled = false;
  MonotonicTime alarm = MonotonicTime::max();  // the earliest that is set
};

namespace {

// Destroying a waiter can destroy other states: first all are detached, then the waiters go.
void ParkingService::shutdown() noexcept {
  std::vector<Waiter> orphans;
  for (ParkedState* state : std::exchange(states_, {})) {
    state->parking = nullptr;
    for (Waiter& waiter : std::exchange(state->waiters, {})) orphans.push_back(std::move(waiter));
  }
}

Task<> park(ParkedState* state) {
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [state](auto handler) { state->waiters.emplace_back(std::move(handler)); }, asio::use_awaitable);
}

// Outlives the Wakeup harmlessly: it holds only a weak reference.
Task<> ring_at(std::weak_ptr<ParkedState> weak, Clock& clock, MonotonicTime deadline) {
  co_await clock.sleep_until(deadline);
  const std::shared_ptr<ParkedState> state = weak.lock();
  if (!state) co_return;
  if (state->alarm == deadline) state->alarm = MonotonicTime::max();
  state->signal();
}

}  // namespace

Wakeup::Wakeup(Executor executor, Clock& clock)
    : state_(std::make_shared<ParkedState>(std::move(executor))), clock_(clock) {}
Wakeup::~Wakeup() = default;

void Wakeup::notify() {
  state_->signal();
}

Task<> Wakeup::wait() {
  ParkedState* state = state_.get();
  if (std::exchange(state->signalled, false)) co_return;
  co_await park(state);
}

Task<> Wakeup::wait_until(MonotonicTime deadline) {
  if (deadline < state_->alarm) {
    state_->alarm = deadline;
    asio::co_spawn(state_->executor, ring_at(std::weak_ptr<ParkedState>(state_), clock_, deadline),
                   asio::detached);
  }
  co_await wait();
}

WaitList::WaitList(Executor executor) : state_(std::make_shared<ParkedState>(std::move(executor))) {}
WaitList::~WaitList() = default;

Task<> WaitList::wait() {
  co_await park(state_.get());
}

void WaitList::notify_all() {
  if (state_->parking != nullptr) state_->resume_all();
}

}  // namespace posthorn
