// One suspended operation of a coroutine, to be completed by somebody else: the building brick of queues,
// gates and simulated devices.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/async.h"

namespace posthorn {

// Not thread-safe. At most one coroutine waits at a time. `T` must be default-constructible and movable.
template <class T>
class Waiter {
 public:
  bool waiting() const { return static_cast<bool>(resume_); }

  // Resumes the waiting coroutine through its executor, never inside this call. Without one, nothing happens.
  void complete(T value) {
    if (auto resume = std::exchange(resume_, nullptr)) resume(std::move(value));
  }

  // Lets go of the coroutine without resuming it (a simulated crash).
  void drop() { resume_ = nullptr; }

  // Suspends the calling coroutine until complete(), or until it is cancelled: then the result is
  // `cancelled_value`. The wait itself does not keep `self` alive, whoever will complete it does. If that is
  // the waiting coroutine itself (a local variable), nothing frees the two when the executor goes away during
  // the wait: then drop() is needed.
  static Task<T> wait(std::shared_ptr<Waiter> self, T cancelled_value) {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(T)>(
        [held = std::move(self), cancelled_value = std::move(cancelled_value)](auto handler) mutable {
          const auto self = std::move(held);
          const auto wait_number = ++self->waits_;
          if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
            slot.assign([weak = std::weak_ptr<Waiter>(self), wait_number,
                         value = std::move(cancelled_value)](asio::cancellation_type) mutable {
              const auto waiter = weak.lock();
              if (waiter && waiter->waits_ == wait_number) waiter->complete(std::move(value));
            });
          }
          self->keep(std::move(handler));
        },
        asio::use_awaitable);
  }

 private:
  template <class Handler>
  void keep(Handler handler) {
    auto executor = asio::get_associated_executor(handler);
    resume_ = [h = std::move(handler), executor](T value) mutable {
      asio::post(executor,
                 [h = std::move(h), value = std::move(value)]() mutable { std::move(h)(std::move(value)); });
    };
  }

  std::move_only_function<void(T)> resume_;
  std::uint64_t waits_ = 0;  // tells a late cancellation of an earlier wait from one of the present
};

}  // namespace posthorn
