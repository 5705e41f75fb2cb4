#include "sandbox/wakeup.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/system/system_error.hpp>
#include <optional>
#include <utility>

namespace posthorn::sandbox {

struct Wakeup::State {
  Clock& clock;
  Executor executor;
  std::function<void()> fire;
  std::optional<MonotonicTime> armed = std::nullopt;
  bool stopped = false;
  std::shared_ptr<asio::cancellation_signal> sleeping = nullptr;

  static Task<> sleep(std::shared_ptr<State> self, std::shared_ptr<asio::cancellation_signal>, MonotonicTime when) {
    if (self->stopped || self->armed != when) co_return;
    try {
      co_await self->clock.sleep_until(when);
    } catch (const boost::system::system_error&) {
      co_return;  // cancelled: an earlier deadline took over, or stop()
    }
    if (self->stopped || self->armed != when) co_return;
    self->armed.reset();
    self->sleeping.reset();
    self->fire();
  }
};

Wakeup::Wakeup(Clock& clock, Executor executor, std::function<void()> fire)
    : state_(std::make_shared<State>(clock, std::move(executor), std::move(fire))) {}

void Wakeup::arm(MonotonicTime when) {
  State& s = *state_;
  if (s.stopped || (s.armed && *s.armed <= when)) return;
  s.armed = when;
  const auto previous = std::exchange(s.sleeping, std::make_shared<asio::cancellation_signal>());
  // The signal lives in the coroutine's frame as well: its slot must outlive the operation bound to it.
  asio::co_spawn(s.executor, State::sleep(state_, s.sleeping, when),
                 asio::bind_cancellation_slot(s.sleeping->slot(), asio::detached));
  if (previous) previous->emit(asio::cancellation_type::terminal);
}

void Wakeup::stop() {
  if (std::exchange(state_->stopped, true)) return;
  state_->armed.reset();
  if (const auto sleeping = std::exchange(state_->sleeping, nullptr)) sleeping->emit(asio::cancellation_type::terminal);
}

void Wakeup::abandon() {
  state_->stopped = true;
  state_->armed.reset();
}

}  // namespace posthorn::sandbox
