#include "sandbox/wakeup.h"

#include <optional>
#include <set>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

namespace posthorn::sandbox {

// A new sleep begins only when it ends before all others, so there are hardly ever more than two or three.
struct Wakeup::State {
  Clock& clock;
  Executor executor;
  std::function<void()> fire;
  std::optional<MonotonicTime> armed = std::nullopt;
  std::set<MonotonicTime> sleeping = {};
  bool stopped = false;

  static void sleep_if_needed(const std::shared_ptr<State>& self) {
    if (!self->armed || (!self->sleeping.empty() && *self->sleeping.begin() <= *self->armed)) return;
    self->sleeping.insert(*self->armed);
    asio::co_spawn(self->executor, sleep(self, *self->armed), asio::detached);
  }

  static Task<> sleep(std::shared_ptr<State> self, MonotonicTime until) {
    if (self->stopped) co_return;
    co_await self->clock.sleep_until(until);
    if (self->stopped) co_return;
    self->sleeping.erase(until);
    if (self->armed && *self->armed <= self->clock.now()) {
      self->armed.reset();
      self->fire();
    }
    sleep_if_needed(self);
  }
};

Wakeup::Wakeup(Clock& clock, Executor executor, std::function<void()> fire)
    : state_(std::make_shared<State>(clock, std::move(executor), std::move(fire))) {}

void Wakeup::arm(MonotonicTime when) {
  State& s = *state_;
  if (s.stopped || (s.armed && *s.armed <= when)) return;
  s.armed = when;
  State::sleep_if_needed(state_);
}

void Wakeup::stop() {
  state_->stopped = true;
  state_->armed.reset();
}

}  // namespace posthorn::sandbox
