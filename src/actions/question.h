// A question that is asked now and read later: several run at the same time, and none is waited for longer
// than its limit.
#pragma once
#include <exception>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <fmt/format.h>

#include "core/result.h"
#include "platform/async.h"
#include "platform/clock.h"
#include "platform/waiter.h"

namespace posthorn {

// What the task refers to must live until the task has ended, which may be after answer() has returned: a
// question that is given up goes on unheard.
template <class T>
class Question {
 public:
  Question(Executor executor, Clock& clock, Duration limit, Task<Result<T>> task)
      : state_(std::make_shared<State>()) {
    asio::co_spawn(executor, ask(state_, std::move(task)), asio::detached);
    asio::co_spawn(executor, give_up(state_, clock, limit), asio::detached);
  }

  // At most once. deadline_exceeded: "no answer within 5 s".
  Task<Result<T>> answer() {
    if (!state_->answer) (void)co_await Waiter<bool>::wait(state_->waiter, false);
    if (state_->answer) co_return *std::move(state_->answer);
    co_return fail(ErrorCode::cancelled, "the question was given up");
  }

 private:
  struct State {
    std::optional<Result<T>> answer;
    std::shared_ptr<Waiter<bool>> waiter = std::make_shared<Waiter<bool>>();
    void settle(Result<T> given) {
      if (answer) return;
      answer = std::move(given);
      waiter->complete(true);
    }
  };
  static Task<> ask(std::shared_ptr<State> state, Task<Result<T>> task) {
    try {
      auto given = co_await std::move(task);
      state->settle(std::move(given));
    } catch (const std::exception& broken) {
      state->settle(fail(ErrorCode::internal, broken.what()));
    }
  }
  static Task<> give_up(std::shared_ptr<State> state, Clock& clock, Duration limit) {
    co_await clock.sleep_for(limit);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(limit).count();
    state->settle(fail(ErrorCode::deadline_exceeded, fmt::format("no answer within {} s", seconds)));
  }
  std::shared_ptr<State> state_;
};

}  // namespace posthorn
