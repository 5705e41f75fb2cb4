// Everyday shapes of coroutines, each counting live objects: a compiler that miscompiles one of them shows
// here first.
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <gmock/gmock.h>

#include "platform/simulated/process.h"
#include "platform/waiter.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using namespace asio::experimental::awaitable_operators;

int g_alive = 0;

// A value with identity: every construction must be met by one destruction.
struct Tracked {
  explicit Tracked(int v = 0) : value(v) { ++g_alive; }
  Tracked(const Tracked& o) : value(o.value) { ++g_alive; }
  Tracked(Tracked&& o) noexcept : value(std::exchange(o.value, -1)) { ++g_alive; }
  Tracked& operator=(const Tracked&) = default;
  Tracked& operator=(Tracked&& o) noexcept {
    value = std::exchange(o.value, -1);
    return *this;
  }
  ~Tracked() { --g_alive; }
  int value;
};

Task<Tracked> make(Clock& clock, int value) {
  Tracked made(value);
  co_await clock.sleep_for(1ms);
  co_return made;
}

Task<int> consume(Clock& clock, Tracked by_value) {
  co_await clock.sleep_for(1ms);
  co_return by_value.value;
}

Task<Result<Tracked>> may_fail(Clock& clock, bool good) {
  co_await clock.sleep_for(1ms);
  if (!good) co_return fail(ErrorCode::unavailable, "asked to fail");
  co_return Tracked(7);
}

Task<int> throws(Clock& clock) {
  Tracked local(1);
  co_await clock.sleep_for(1ms);
  throw std::runtime_error("thrown");
}

Task<int> shape_value(Clock& clock) {
  co_return (co_await make(clock, 5)).value;
}

Task<int> shape_argument_moved(Clock& clock) {
  Tracked own(5);
  co_return co_await consume(clock, std::move(own));
}

Task<int> shape_argument_copied(Clock& clock) {
  const Tracked own(5);
  const int seen = co_await consume(clock, own);
  co_return seen == own.value ? 5 : 0;
}

Task<int> shape_awaited_argument(Clock& clock) {
  co_return co_await consume(clock, co_await make(clock, 5));
}

Task<int> shape_temporary(Clock& clock) {
  co_return co_await consume(clock, Tracked(5));
}

Task<int> shape_loop(Clock& clock) {
  int sum = 0;
  for (int i = 0; i < 5; ++i) {
    const Tracked one = co_await make(clock, 1);
    sum += one.value;
  }
  co_return sum;
}

Task<Result<int>> try_both(Clock& clock, bool good) {
  PH_CO_TRY_ASSIGN(const Tracked value, co_await may_fail(clock, good));
  co_return value.value;
}

Task<int> shape_result(Clock& clock) {
  const auto good = co_await try_both(clock, true);
  const auto bad = co_await try_both(clock, false);
  co_return good && *good == 7 && !bad ? 5 : 0;
}

Task<int> shape_catch(Clock& clock) {
  const Tracked outer(1);
  int seen = 0;
  try {
    seen = co_await throws(clock);
  } catch (const std::runtime_error&) {
    seen = 4;
  }
  co_return seen + outer.value;
}

Task<int> shape_await_after_catch(Clock& clock) {
  std::optional<Tracked> kept;
  try {
    co_await throws(clock);
  } catch (const std::exception&) {
    kept.emplace(5);
  }
  co_await clock.sleep_for(1ms);
  co_return kept->value;
}

Task<int> shape_condition(Clock& clock) {
  if (const Tracked made = co_await make(clock, 2); made.value == 2) co_return 5;
  co_return 0;
}

Task<int> shape_switch(Clock& clock) {
  switch ((co_await make(clock, 3)).value) {
    case 3: {
      const Tracked inner = co_await make(clock, 5);
      co_return inner.value;
    }
    default:
      co_return 0;
  }
}

Task<int> shape_unique_pointer(Clock& clock) {
  auto owned = std::make_unique<Tracked>(5);
  co_await clock.sleep_for(1ms);
  auto moved = std::move(owned);
  co_await clock.sleep_for(1ms);
  co_return owned ? 0 : moved->value;
}

Task<int> shape_both(Clock& clock) {
  const auto [a, b] = co_await (consume(clock, Tracked(2)) && consume(clock, Tracked(3)));
  co_return a + b;
}

Task<int> shape_either(Clock& clock) {
  const auto first = co_await (make(clock, 5) || clock.sleep_for(1h));
  co_return std::get<0>(first).value;
}

Task<int> shape_vector(Clock& clock) {
  std::vector<Tracked> all;
  for (int i = 0; i < 5; ++i) all.push_back(co_await make(clock, 1));
  int sum = 0;
  for (const Tracked& one : all) sum += one.value;
  co_return sum;
}

Task<int> recurse(Clock& clock, int depth, Tracked carried) {
  if (depth == 0) co_return carried.value;
  co_return co_await recurse(clock, depth - 1, std::move(carried));
}

Task<int> shape_recursion(Clock& clock) {
  co_return co_await recurse(clock, 100, Tracked(5));
}

Task<int> shape_waiter(Clock& clock) {
  auto waiter = std::make_shared<Waiter<std::shared_ptr<Tracked>>>();
  asio::post(co_await asio::this_coro::executor,
             [waiter] { waiter->complete(std::make_shared<Tracked>(5)); });
  const auto value = co_await Waiter<std::shared_ptr<Tracked>>::wait(waiter, nullptr);
  co_await clock.sleep_for(1ms);
  co_return value->value;
}

struct Shape {
  const char* name;
  Task<int> (*run)(Clock&);
};

constexpr Shape kShapes[] = {
    {"value", shape_value},
    {"argument_moved", shape_argument_moved},
    {"argument_copied", shape_argument_copied},
    {"awaited_argument", shape_awaited_argument},
    {"temporary", shape_temporary},
    {"loop", shape_loop},
    {"result", shape_result},
    {"catch", shape_catch},
    {"await_after_catch", shape_await_after_catch},
    {"condition", shape_condition},
    {"switch", shape_switch},
    {"unique_pointer", shape_unique_pointer},
    {"both", shape_both},
    {"either", shape_either},
    {"vector", shape_vector},
    {"recursion", shape_recursion},
    {"waiter", shape_waiter},
};

Task<> keep_result(Task<int> shape, int& result) {
  result = co_await std::move(shape);
}

class CoroutineShape : public testing::TestWithParam<Shape> {};
INSTANTIATE_TEST_SUITE_P(All, CoroutineShape, testing::ValuesIn(kShapes),
                         [](const auto& shape) { return shape.param.name; });

TEST_P(CoroutineShape, YieldsItsValueAndLeavesNothing) {
  g_alive = 0;
  {
    simulated::World world(1);
    simulated::Process process(world, "p");
    int result = -1;
    process.spawn(keep_result(GetParam().run(process.clock()), result));
    EXPECT_TRUE(world.run_until([&] { return result != -1; }, 1min));
    EXPECT_EQ(result, 5);
  }
  EXPECT_EQ(g_alive, 0);
}

TEST_P(CoroutineShape, LeavesNothingWhenDestroyedInTheMiddle) {
  for (int half_milliseconds = 0; half_milliseconds < 12; ++half_milliseconds) {
    g_alive = 0;
    simulated::World world(1);
    simulated::Process process(world, "p");
    int result = -1;
    process.spawn(keep_result(GetParam().run(process.clock()), result));
    world.run_for(half_milliseconds * 500us);
    process.crash();
    EXPECT_EQ(g_alive, 0) << half_milliseconds;
  }
}

}  // namespace
}  // namespace posthorn
