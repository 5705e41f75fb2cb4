#include "messaging/event_feed.h"

#include <algorithm>

#include "messaging/essential_loop.h"
#include "messaging/wakeup.h"
#include "storage/event_log.h"

namespace posthorn {

struct EventFeed::Impl : std::enable_shared_from_this<Impl> {
  Impl(EventFeedPorts p, Duration every)
      : ports(std::move(p)),
        poll(every),
        wake(ports.executor, ports.clock),
        stopped(ports.executor, ports.clock),
        waiting(ports.executor) {}

  Task<> loop() {
    while (!stopping) {
      if (listeners == 0) {
        co_await wake.wait();
        continue;
      }
      co_await look();
      if (stopping) break;
      co_await wake.wait_until(std::min(ports.clock.now() + poll, std::max(alarm, ports.clock.now())));
    }
    running = false;
    stopped.notify();
  }

  Task<> look() {
    auto read = [](Transaction& tx) { return events::last_position(tx); };
    const Result<EventId> last = co_await ports.database.read(std::move(read));
    const bool grown = last && *last > known;
    if (grown) known = *last;
    if (grown || ports.clock.now() >= alarm) let_go();
  }

  void let_go() {
    alarm = MonotonicTime::max();
    waiting.notify_all();
  }

  static Task<EventId> wait_beyond(std::shared_ptr<Impl> self, EventId position, MonotonicTime deadline) {
    ++self->listeners;
    const auto begun = self->releases;
    while (!self->stopping && self->releases == begun && self->known <= position &&
           self->ports.clock.now() < deadline) {
      self->alarm = std::min(self->alarm, deadline);
      if (self->listeners == 1) self->wake.notify();
      co_await self->waiting.wait();
    }
    --self->listeners;
    co_return self->known;
  }

  EventFeedPorts ports;
  Duration poll;
  Wakeup wake, stopped;
  WaitList waiting;
  EventId known;
  MonotonicTime alarm = MonotonicTime::max();  // the earliest deadline of those who wait
  int listeners = 0;
  std::uint64_t releases = 0;
  bool running = false, stopping = false;
};

EventFeed::EventFeed(EventFeedPorts ports, Duration poll)
    : impl_(std::make_shared<Impl>(std::move(ports), poll)) {}
EventFeed::~EventFeed() = default;

void EventFeed::start() {
  impl_->running = true;
  auto run = [](std::shared_ptr<Impl> self) -> Task<> { co_await self->loop(); };
  spawn_essential(impl_->ports.executor, "the event feed", run(impl_));
}

Task<> EventFeed::stop() {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  impl->wake.notify();
  impl->let_go();
  while (impl->running) co_await impl->stopped.wait();
}

void EventFeed::notify() {
  if (impl_->listeners > 0) impl_->wake.notify();
}

Task<EventId> EventFeed::wait_beyond(EventId position, MonotonicTime deadline) {
  return Impl::wait_beyond(impl_, position, deadline);
}

void EventFeed::release() {
  ++impl_->releases;
  impl_->let_go();
}

bool EventFeed::stopping() const {
  return impl_->stopping;
}

}  // namespace posthorn
