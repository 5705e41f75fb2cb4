// Threads for blocking calls, and the way back to the coroutine that waits for one.
#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "platform/async.h"

namespace posthorn {

class WorkerPool {
 public:
  // Called exactly once: with true on a worker, or with false (do not work, only report) when the pool has
  // ended.
  using Job = std::move_only_function<void(bool run)>;

  explicit WorkerPool(unsigned threads);
  ~WorkerPool();
  void submit(Job job);
  void
  stop();  // waits for running jobs, reports the waiting ones as not run; later ones are reported at once

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> waiting_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

namespace detail {

// Everything a worker touches lives here, not in the coroutine's frame.
template <class T>
struct Offloaded {
  std::move_only_function<T()> work;
  std::optional<T> result;
  std::exception_ptr failure;

  void run() noexcept {
    try {
      result.emplace(work());
    } catch (...) {
      failure = std::current_exception();
    }
    work = nullptr;  // what it captured goes before the waiter goes on
  }
};

template <class T>
struct SubmitOffloaded {
  template <class Handler>
  void operator()(Handler&& handler, std::shared_ptr<WorkerPool> pool,
                  std::shared_ptr<Offloaded<T>> state) const {
    auto executor = asio::get_associated_executor(handler);
    auto guard = asio::make_work_guard(executor);  // the caller's run() must not end while this is under way
    pool->submit([handler = std::forward<Handler>(handler), executor, guard = std::move(guard),
                  state = std::move(state)](bool run) mutable {
      if (run) state->run();
      state.reset();
      asio::post(executor, std::move(handler));
    });
  }
};

}  // namespace detail

// Runs `work` on the pool and resumes on the caller's executor with what it returned, or `if_stopped` when
// the pool has ended. `work` must own what it uses.
template <class T>
Task<T> offload(std::shared_ptr<WorkerPool> pool, std::move_only_function<T()> work, T if_stopped) {
  auto state = std::make_shared<detail::Offloaded<T>>();
  state->work = std::move(work);
  detail::SubmitOffloaded<T> submit;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(submit, asio::use_awaitable, pool,
                                                                       state);
  if (state->failure) std::rethrow_exception(state->failure);
  co_return state->result ? std::move(*state->result) : std::move(if_stopped);
}

}  // namespace posthorn
