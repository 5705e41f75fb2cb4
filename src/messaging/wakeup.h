// The two ways of waiting in this room. Both are for one executor: no locks. A wait belongs to the executor's
// context: when that ends (the process dies), the waiting coroutine is destroyed with it and later
// notifications do nothing.
#pragma once
#include <memory>

#include "platform/async.h"
#include "platform/clock.h"

namespace posthorn {

struct ParkedState;

// One loop waits, everybody may wake it. A wake-up without a waiter is kept for the next wait, so none is
// lost; waking early is harmless because the loop looks at everything again.
class Wakeup {
 public:
  Wakeup(Executor executor, Clock& clock);
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  void notify();
  Task<> wait();
  Task<> wait_until(MonotonicTime deadline);

 private:
  std::shared_ptr<ParkedState> state_;
  Clock& clock_;
};

// Many wait; each is resumed once, in the order of their waiting.
class WaitList {
 public:
  explicit WaitList(Executor executor);
  ~WaitList();
  WaitList(const WaitList&) = delete;
  WaitList& operator=(const WaitList&) = delete;

  Task<> wait();
  void notify_all();

 private:
  std::shared_ptr<ParkedState> state_;
};

}  // namespace posthorn
