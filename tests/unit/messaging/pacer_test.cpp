#include "messaging/pacer.h"

#include <algorithm>
#include <deque>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "messaging/lanes.h"
#include "messaging/pair_limiter.h"
#include "messaging/send_guards.h"

namespace posthorn {
namespace {

using namespace std::chrono_literals;

const MonotonicTime kStart{Duration(1'000'000'000)};

// The largest number of messages in any window of one second, half-open.
std::size_t busiest_second(const std::vector<MonotonicTime>& sends) {
  std::size_t most = 0;
  std::size_t first = 0;
  for (std::size_t last = 0; last < sends.size(); ++last) {
    while (sends[last] - sends[first] >= 1s) ++first;
    most = std::max(most, last - first + 1);
  }
  return most;
}

// Asks and sends for `span`, waking late by up to `lateness` each time and stalling now and then.
std::vector<MonotonicTime> run(Pacer& pacer, MonotonicTime from, Duration span, std::mt19937_64& random,
                               Duration lateness, Duration stall, int stall_one_in) {
  std::vector<MonotonicTime> sends;
  MonotonicTime now = from;
  while (now < from + span) {
    const MonotonicTime next = pacer.next(now);
    if (next > now) {
      now = next + Duration(random() % (static_cast<std::uint64_t>(lateness.count()) + 1));
      if (stall_one_in > 0 && random() % static_cast<std::uint64_t>(stall_one_in) == 0) now += stall;
      continue;
    }
    pacer.granted(now);
    pacer.written(now);
    sends.push_back(now);
  }
  return sends;
}

class PacerAtRate : public testing::TestWithParam<int> {};

TEST_P(PacerAtRate, NeverOverAnyWindowAndAtLeast98PercentUsed) {
  const int rate = GetParam();
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    std::mt19937_64 random(seed);
    Pacer pacer({rate}, kStart);
    const auto sends = run(pacer, kStart, 60s, random, 500us, 0us, 0);
    EXPECT_LE(busiest_second(sends), static_cast<std::size_t>(rate)) << "seed " << seed;
    const auto steady = std::count_if(sends.begin(), sends.end(),
                                      [](auto t) { return t >= kStart + 2s && t < kStart + 60s; });
    EXPECT_GE(static_cast<double>(steady), 0.98 * rate * 58) << "seed " << seed;
  }
}

TEST_P(PacerAtRate, HiccupsAreCaughtUpWithoutExceeding) {
  const int rate = GetParam();
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    Pacer pacer({rate}, kStart);
    const auto sends = run(pacer, kStart, 30s, random, 2ms, 15ms, std::max(2, rate));
    EXPECT_LE(busiest_second(sends), static_cast<std::size_t>(rate)) << "seed " << seed;
    const auto steady = std::count_if(sends.begin(), sends.end(),
                                      [](auto t) { return t >= kStart + 2s && t < kStart + 30s; });
    EXPECT_GE(static_cast<double>(steady), 0.98 * rate * 28 - 1) << "seed " << seed;
  }
}

// What the receiver sees when requests leave late: the window holds at the instants of writing.
TEST_P(PacerAtRate, SlowWritesCannotBunchUp) {
  const int rate = GetParam();
  std::mt19937_64 random(9);
  Pacer pacer({rate}, kStart);
  std::vector<MonotonicTime> sends;
  std::deque<MonotonicTime> leaving;
  MonotonicTime now = kStart;
  while (now < kStart + 20s) {
    std::sort(leaving.begin(), leaving.end());
    while (!leaving.empty() && leaving.front() <= now) {
      sends.push_back(leaving.front());
      pacer.written(leaving.front());
      leaving.pop_front();
    }
    if (pacer.next(now) <= now) {
      pacer.granted(now);
      leaving.push_back(now + Duration(random() % (random() % 10 == 0 ? 400'000 : 2'000)));
    } else {
      now += 200us;
    }
  }
  EXPECT_LE(busiest_second(sends), static_cast<std::size_t>(rate));
}

INSTANTIATE_TEST_SUITE_P(Rates, PacerAtRate, testing::Values(20, 80, 1000));

TEST(Pacer, StartsAsIfTheProcessBeforeItHadUsedEverything) {
  Pacer pacer({80}, kStart);
  EXPECT_GE(pacer.next(kStart), kStart + 1s);
  EXPECT_LE(pacer.next(kStart), kStart + 1100ms);
}

TEST(Pacer, WithoutLimitItNeverWaits) {
  Pacer pacer({0}, kStart);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_LE(pacer.next(kStart), kStart);
    pacer.granted(kStart);
  }
}

TEST(Pacer, ReturnedGrantsFreeTheirSlot) {
  Pacer pacer({1}, kStart);
  const MonotonicTime now = kStart + 2s;
  ASSERT_LE(pacer.next(now), now);
  pacer.granted(now);
  EXPECT_EQ(pacer.next(now + 5s), MonotonicTime::max());
  pacer.returned();
  EXPECT_LE(pacer.next(now + 5s), now + 5s);
}

TEST(Pacer, RefusalHalvesOnceASecondAndTheRateClimbsBack) {
  Pacer pacer({80}, kStart);
  pacer.refused(kStart + 10s);
  EXPECT_EQ(pacer.current_rate(kStart + 10s), 40);
  pacer.refused(kStart + 10s + 500ms);
  EXPECT_EQ(pacer.current_rate(kStart + 10s + 500ms), 40);
  pacer.refused(kStart + 11s + 100ms);
  EXPECT_EQ(pacer.current_rate(kStart + 11s + 100ms), 20);
  EXPECT_EQ(pacer.current_rate(kStart + 13s + 100ms), 28);
  EXPECT_EQ(pacer.current_rate(kStart + 40s), 80);
  for (int i = 0; i < 30; ++i) pacer.refused(kStart + 50s + i * 1100ms);
  EXPECT_GE(pacer.current_rate(kStart + 83s), 1);
}

// A receiver that counts for itself and grants less than we think: after the first refusals there are none in
// steady state.
TEST(Pacer, SettlesBelowAReceiverWithTheSameLimit) {
  std::mt19937_64 random(3);
  Pacer pacer({80}, kStart);
  pacer.refused(kStart + 1s);
  const auto sends = run(pacer, kStart + 1s, 60s, random, 1ms, 0us, 0);
  EXPECT_LE(busiest_second(sends), 80U);
  const auto late = std::count_if(sends.begin(), sends.end(), [](auto t) { return t >= kStart + 31s; });
  EXPECT_GE(static_cast<double>(late), 0.98 * 80 * 30);  // back at the granted rate
}

TEST(Pacer, PauseOnlyEverExtends) {
  Pacer pacer({80}, kStart);
  pacer.pause_until(kStart + 90s);
  pacer.pause_until(kStart + 60s);
  EXPECT_EQ(pacer.next(kStart + 30s), kStart + 90s);
  EXPECT_LE(pacer.next(kStart + 90s), kStart + 90s);
}

TEST(Pacer, RateChangesInTheMiddleOfTraffic) {
  std::mt19937_64 random(4);
  Pacer pacer({80}, kStart);
  auto before = run(pacer, kStart, 5s, random, 100us, 0us, 0);
  pacer.set_rate(1000, kStart + 5s);
  auto after = run(pacer, kStart + 5s, 5s, random, 100us, 0us, 0);
  EXPECT_LE(busiest_second(after), 1000U);
  EXPECT_GE(after.size(), 4700U);
  pacer.set_rate(20, kStart + 10s);
  auto slow = run(pacer, kStart + 10s, 10s, random, 100us, 0us, 0);
  EXPECT_LE(busiest_second(slow), 20U);
  EXPECT_LE(before.size() + slow.size(), 5U * 80 + 10U * 20);
  pacer.set_rate(0, kStart + 20s);
  EXPECT_LE(pacer.next(kStart + 20s), kStart + 20s);
  pacer.set_rate(80, kStart + 21s);
  EXPECT_GE(pacer.next(kStart + 21s), kStart + 22s);
}

TEST(PairLimiter, SixSecondsBetweenMessagesToOnePerson) {
  PairLimiter pairs;
  EXPECT_LE(pairs.next(491701, kStart), kStart);
  pairs.sent(491701, kStart);
  EXPECT_EQ(pairs.next(491701, kStart + 1s), kStart + 6s);
  EXPECT_LE(pairs.next(491702, kStart + 1s), kStart + 1s);
  EXPECT_LE(pairs.next(491701, kStart + 6s), kStart + 6s);
}

TEST(PairLimiter, RefusalsWaitPowersOfFour) {
  PairLimiter pairs;
  EXPECT_EQ(pairs.refused(1, kStart), kStart + 1s);
  EXPECT_EQ(pairs.refused(1, kStart + 10s), kStart + 14s);
  EXPECT_EQ(pairs.refused(1, kStart + 20s), kStart + 36s);
  for (int i = 0; i < 20; ++i) pairs.refused(1, kStart + 100s);
  EXPECT_EQ(pairs.next(1, kStart + 100s), kStart + 100s + 4096s);
  pairs.succeeded(1);
  EXPECT_EQ(pairs.refused(2, kStart), kStart + 1s);
}

TEST(PairLimiter, ForgetsWhatNoLongerLimits) {
  PairLimiter pairs;
  for (std::uint64_t phone = 1; phone <= 1000; ++phone) pairs.sent(phone, kStart + Duration(phone));
  pairs.refused(7, kStart + 1s);
  pairs.refused(7, kStart + 2s);  // until +6 s
  pairs.forget_before(kStart + 5s);
  EXPECT_EQ(pairs.size(), 1000U);
  pairs.forget_before(kStart + 7s);
  EXPECT_EQ(pairs.size(), 0U);
}

TEST(Lanes, RepliesFirstThenApiThenBroadcastsInTurn) {
  Lanes<int> lanes;
  for (int i = 0; i < 3; ++i) lanes.push(Lane::broadcast, CampaignId{1}, 100 + i);
  for (int i = 0; i < 2; ++i) lanes.push(Lane::broadcast, CampaignId{2}, 200 + i);
  lanes.push(Lane::api, {}, 10);
  lanes.push(Lane::reply, {}, 1);
  std::vector<int> order;
  while (auto item = lanes.pop()) order.push_back(*item);
  EXPECT_EQ(order, (std::vector<int>{1, 10, 100, 200, 101, 201, 102}));
  EXPECT_TRUE(lanes.empty());
}

TEST(Pacer, SaysHowManyCanLeaveSoon) {
  Pacer pacer({80, 1.0}, kStart);
  EXPECT_EQ(pacer.leave_within(10s, kStart), 800);
  pacer.set_rate(1, kStart);
  EXPECT_EQ(pacer.leave_within(10s, kStart), 10);
  EXPECT_EQ(pacer.leave_within(1ms, kStart), 1);
  pacer.pause_until(kStart + 8s);
  EXPECT_EQ(pacer.leave_within(10s, kStart), 2);
  EXPECT_EQ(pacer.leave_within(8s, kStart), 0);
  EXPECT_GT(Pacer({0, 1.0}, kStart).leave_within(10s, kStart), 1'000'000'000);
}

TEST(ErrorShare, AcceptedMessagesMayTurnOutUndelivered) {
  ErrorShare share(8);
  for (int i = 0; i < 8; ++i) share.add(0);
  for (int i = 0; i < 4; ++i) share.failed_later(131026);
  EXPECT_FALSE(share.above(0.5));
  share.failed_later(131026);
  EXPECT_TRUE(share.above(0.5));
  EXPECT_EQ(share.most_frequent_code(), 131026);
  for (int i = 0; i < 10; ++i) share.failed_later(131026);  // more than it remembers
  EXPECT_EQ(share.failures(), 8);
  EXPECT_TRUE(share.above(1));
  for (int i = 0; i < 8; ++i) share.add(0);
  EXPECT_EQ(share.failures(), 0);
}

TEST(ErrorShare, MetasOwnLimitsDoNotSpeakAgainstTheList) {
  EXPECT_TRUE(counts_for_error_share(131026));
  EXPECT_TRUE(counts_for_error_share(-1));
  for (const int code : {0, 131049, 130472}) EXPECT_FALSE(counts_for_error_share(code)) << code;
}

TEST(Lanes, TheLastInLineGivesWayFirst) {
  Lanes<int> lanes;
  lanes.push(Lane::reply, {}, 1);
  lanes.push(Lane::api, {}, 2);
  lanes.push(Lane::broadcast, CampaignId{1}, 3);
  lanes.push(Lane::broadcast, CampaignId{1}, 4);
  lanes.push(Lane::broadcast, CampaignId{2}, 5);
  for (const int expected : {5, 4, 3, 2, 1}) EXPECT_EQ(lanes.pop_last(), expected);
  EXPECT_EQ(lanes.pop_last(), std::nullopt);
  EXPECT_TRUE(lanes.empty());
}

TEST(Lanes, DrainsOneCampaignOrAll) {
  Lanes<int> lanes;
  lanes.push(Lane::broadcast, CampaignId{1}, 1);
  lanes.push(Lane::broadcast, CampaignId{2}, 2);
  lanes.push(Lane::reply, {}, 3);
  EXPECT_EQ(lanes.drain(CampaignId{1}), std::vector<int>{1});
  EXPECT_TRUE(lanes.drain(CampaignId{9}).empty());
  EXPECT_EQ(lanes.size(), 2U);
  EXPECT_EQ(lanes.drain_all(), (std::vector<int>{3, 2}));
  EXPECT_EQ(lanes.size(), 0U);
}

}  // namespace
}  // namespace posthorn
