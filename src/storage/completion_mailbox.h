// Brings results from database threads back to waiting coroutines: one wake-up of the core for a whole group.
//
// The waiting handlers belong to the execution context of their executor, not to the database: when an
// io_context is destroyed while calls are under way, their handlers go with it, and the late result is
// dropped.
#pragma once
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "core/result.h"
#include "platform/async.h"
#include "storage/database.h"

namespace posthorn {

class CompletionMailbox;
using SqlWork = std::move_only_function<Result<>(Transaction&)>;

// One call under way. The database side touches work, urgency and result; the mailbox touches the rest.
struct PendingCall {
  SqlWork work;
  Urgency urgency = Urgency::normal;
  Result<> result;

  std::shared_ptr<CompletionMailbox> mailbox;
  std::move_only_function<void(Result<>)> handler;
  PendingCall* previous = nullptr;
  PendingCall* next = nullptr;
};
using PendingCallPtr = std::shared_ptr<PendingCall>;

class CompletionMailbox : public std::enable_shared_from_this<CompletionMailbox> {
 public:
  // The mailbox of `executor`, owned by its execution context as long as calls are under way.
  static std::shared_ptr<CompletionMailbox> of(const Executor& executor);

  explicit CompletionMailbox(Executor executor) : executor_(std::move(executor)) {}
  ~CompletionMailbox();
  CompletionMailbox(const CompletionMailbox&) = delete;
  CompletionMailbox& operator=(const CompletionMailbox&) = delete;

  void add(PendingCall& call);  // its handler is set
  // From any thread: the handlers run on the executor, in this order.
  void complete(std::span<const PendingCallPtr> calls);
  // Destroys the handler without calling it. On the executor's thread only.
  void drop(PendingCall& call);
  // The execution context is going away: destroys every handler; nothing is posted any more.
  void shut_down();
  const Executor& executor() const { return executor_; }

 private:
  void deliver();
  void unlink(PendingCall& call);
  Executor executor_;
  std::mutex mutex_;
  PendingCall head_;  // of the list of calls whose handler is alive
  std::vector<PendingCallPtr> ready_;
  bool posted_ = false;
  bool closed_ = false;
};

// Completes calls that may wait on different executors: consecutive calls of one executor go together. Their
// work is destroyed before.
void complete_calls(std::span<const PendingCallPtr> calls);

// co_await wait_for(start, work, …): registers the coroutine and calls start(PendingCallPtr), which must see
// to it that the call is completed.
template <class Start>
Task<Result<>> wait_for(Start start, SqlWork work, Urgency urgency) {
  auto initiate = [](auto handler, Start begin, SqlWork todo, Urgency how) {
    auto call = std::make_shared<PendingCall>();
    call->work = std::move(todo);
    call->urgency = how;
    call->mailbox = CompletionMailbox::of(asio::get_associated_executor(handler));
    call->handler = std::move(handler);
    call->mailbox->add(*call);
    begin(std::move(call));
  };
  return asio::async_initiate<const asio::use_awaitable_t<>, void(Result<>)>(
      initiate, asio::use_awaitable, std::move(start), std::move(work), urgency);
}

}  // namespace posthorn
