#include "app/progress.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

namespace posthorn {
namespace {

using namespace std::chrono_literals;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

json::value broadcast(int accepted, const char* state = "running") {
  return *parse_json(
      fmt::format(R"({{"state":"{}","state_reason":"","rate_per_second":998.4,"seconds_left":28,
    "counters":{{"total":1000,"accepted":{},"rejected":0,"delivered":3,"read":2,"failed":1}}}})",
                  state, accepted));
}

std::string shown(ProgressDisplay& display, const json::value& value, Duration at) {
  testing::internal::CaptureStdout();
  display.show(value, MonotonicTime(at));
  return testing::internal::GetCapturedStdout();
}

TEST(Progress, TheLineSaysShareCountsRateAndTimeLeft) {
  EXPECT_EQ(progress_line(broadcast(432), 10),
            "[####......]  43.2 %  sent 432 · delivered 3 · read 2 · failed 1 · 998/s · 28 s left");
  EXPECT_EQ(progress_line(broadcast(1000, "completed"), 0),
            "100.0 %  sent 1,000 · delivered 3 · read 2 · failed 1 · completed");
  EXPECT_EQ(progress_line(json::object(), 4), "[....]   0.0 %  sent 0 · delivered 0 · read 0 · failed 0 · ");
}

TEST(Progress, APauseShowsItsReason) {
  auto paused = broadcast(1, "paused");
  paused.as_object()["state_reason"] = "token lost";
  EXPECT_THAT(progress_line(paused, 0), EndsWith(" · paused: token lost"));
}

TEST(Progress, APipeGetsALineEveryFiveSecondsWithoutControlCharacters) {
  ProgressDisplay display(ProgressDisplay::Style::lines);
  EXPECT_THAT(shown(display, broadcast(1), 1s), EndsWith("\n"));
  EXPECT_EQ(shown(display, broadcast(2), 3s), "");
  const auto later = shown(display, broadcast(3), 6s);
  EXPECT_THAT(later, HasSubstr("sent 3"));
  EXPECT_THAT(later, testing::Not(HasSubstr("\033")));
  EXPECT_EQ(shown(display, broadcast(3), 60s), "") << "nothing new";
}

TEST(Progress, ATerminalGetsOneLineThatChanges) {
  ProgressDisplay display(ProgressDisplay::Style::bar);
  EXPECT_THAT(shown(display, broadcast(1), 0s), StartsWith("\r\033[K["));
  EXPECT_EQ(shown(display, broadcast(1), 1s), "");
  testing::internal::CaptureStdout();
  display.finish(broadcast(1000, "completed"));
  EXPECT_THAT(testing::internal::GetCapturedStdout(), EndsWith("completed\n"));
}

TEST(Progress, ProgramsGetALineForEachChange) {
  ProgressDisplay display(ProgressDisplay::Style::json);
  const auto first = shown(display, broadcast(1), 0s);
  EXPECT_TRUE(parse_json(first)) << first;
  EXPECT_EQ(shown(display, broadcast(1), 60s), "");
  EXPECT_TRUE(parse_json(shown(display, broadcast(2), 0s)));
}

}  // namespace
}  // namespace posthorn
