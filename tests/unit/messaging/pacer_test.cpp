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

// How many of a lane go at once to somebody who has been sent `before` messages just now, and when the next
// may follow.
TEST(PairLimiter, LanesBorrowWhatTheyMay) {
  struct Case {
    Lane lane;
    int before, at_once;
    Duration next;
  };
  for (const Case& c :
       {Case{Lane::reply, 0, 40, 6s}, Case{Lane::api, 0, 20, 6s}, Case{Lane::broadcast, 0, 1, 6s},
        Case{Lane::reply, 30, 10, 6s}, Case{Lane::api, 30, 0, 66s}, Case{Lane::broadcast, 3, 0, 18s},
        Case{Lane::reply, 40, 0, 6s}}) {
    PairLimiter pairs;
    for (int i = 0; i < c.before; ++i) pairs.sent(1, kStart);
    int sent = 0;
    for (; pairs.next(1, c.lane, kStart) <= kStart; ++sent) pairs.sent(1, kStart);
    EXPECT_EQ(sent, c.at_once) << c.before << " before in lane " << static_cast<int>(c.lane);
    EXPECT_EQ(pairs.next(1, c.lane, kStart), kStart + c.next)
        << c.before << " before in lane " << static_cast<int>(c.lane);
    EXPECT_LE(pairs.next(2, c.lane, kStart), kStart) << "others are not concerned";
  }
}

TEST(PairLimiter, WhatWasBorrowedIsPaidBack) {
  PairLimiter pairs;
  for (int i = 0; i < 40; ++i) pairs.sent(1, kStart);
  for (const auto& [after, free] : {std::pair{5s, 0}, {6s, 1}, {60s, 10}, {240s, 40}, {1000s, 40}}) {
    PairLimiter copy = pairs;
    int sent = 0;
    for (; copy.next(1, Lane::reply, kStart + after) <= kStart + after; ++sent) copy.sent(1, kStart + after);
    EXPECT_EQ(sent, free) << after.count();
  }
}

// Meta's bucket beside ours, for an hour of everything mixed, every message late on its way by up to two
// seconds: not one is refused.
TEST(PairLimiter, StaysWithinWhatMetaGrants) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 random(seed);
    PairLimiter pairs;
    std::vector<MonotonicTime> arrivals;
    MonotonicTime now = kStart;
    while (now < kStart + 1h) {
      now += Duration(random() % (random() % 8 == 0 ? 120'000'000 : 2'000'000));
      const auto lane = static_cast<Lane>(random() % 3);
      if (pairs.next(1, lane, now) > now) continue;
      pairs.sent(1, now);
      arrivals.push_back(now + Duration(random() % 2'000'000));
    }
    std::ranges::sort(arrivals);
    MonotonicTime paid = kStart;
    for (const MonotonicTime at : arrivals) {
      paid = std::max(paid, at);
      ASSERT_LE(paid - at, 6s * 44) << "seed " << seed;
      paid += 6s;
    }
    EXPECT_GT(arrivals.size(), 200U);
  }
}

TEST(PairLimiter, RefusalsWaitPowersOfFour) {
  PairLimiter pairs;
  EXPECT_EQ(pairs.refused(1, kStart), kStart + 1s);
  EXPECT_EQ(pairs.refused(1, kStart + 10s), kStart + 14s);
  EXPECT_EQ(pairs.refused(1, kStart + 20s), kStart + 36s);
  for (const Lane lane : {Lane::reply, Lane::api, Lane::broadcast})
    EXPECT_EQ(pairs.next(1, lane, kStart + 21s), kStart + 36s);
  EXPECT_EQ(pairs.refused(1, kStart + 30s), kStart + 36s) << "it had left before";
  MonotonicTime until = kStart + 36s;
  for (const Duration wait : {64s, 256s, 1024s, 4096s, 4096s, 4096s}) {
    const MonotonicTime again = until;
    until = pairs.refused(1, again);
    EXPECT_EQ(until, again + wait);
  }
  pairs.succeeded(1);
  EXPECT_EQ(pairs.refused(2, kStart), kStart + 1s);
}

TEST(PairLimiter, AfterARefusalNothingIsBorrowedForAWhile) {
  PairLimiter pairs;
  for (int i = 0; i < 10; ++i) pairs.sent(1, kStart);
  const MonotonicTime until = pairs.refused(1, kStart);
  EXPECT_EQ(pairs.next(1, Lane::reply, kStart), until);
  pairs.sent(1, until);
  pairs.succeeded(1);
  EXPECT_EQ(pairs.next(1, Lane::reply, until), until + 6s);
  pairs.sent(1, until + 6s);
  EXPECT_EQ(pairs.next(1, Lane::reply, until + 6s), until + 12s);
  EXPECT_LE(pairs.next(1, Lane::reply, until + 240s), until + 240s);
  pairs.sent(1, until + 240s);
  EXPECT_LE(pairs.next(1, Lane::reply, until + 240s), until + 240s) << "that was long ago";
}

TEST(PairLimiter, ForgetsWhatNoLongerLimits) {
  PairLimiter pairs;
  for (std::uint64_t phone = 1; phone <= 1000; ++phone) pairs.sent(phone, kStart + Duration(phone));
  for (int i = 0; i < 9; ++i) pairs.sent(7, kStart + 1ms);
  pairs.forget_before(kStart + 5s);
  EXPECT_EQ(pairs.size(), 1000U);
  pairs.forget_before(kStart + 7s);
  EXPECT_EQ(pairs.size(), 1U) << "ten messages take a minute";
  pairs.refused(7, kStart + 8s);
  pairs.forget_before(kStart + 100s);
  EXPECT_EQ(pairs.size(), 1U) << "a refusal is remembered for longer";
  pairs.forget_before(kStart + 500s);
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

TEST(Pacer, SaysHowManyMayLeaveSoon) {
  Pacer pacer({80, 1.0}, kStart);
  EXPECT_EQ(pacer.leave_within(900ms, kStart), 0) << "as if a second's worth had just left";
  EXPECT_EQ(pacer.leave_within(10s, kStart), 80) << "at most what is granted for a second";
  const MonotonicTime quiet = kStart + 10s;
  EXPECT_EQ(pacer.leave_within(100ms, quiet), 11);  // one in 11.25 ms, and 20 ms are caught up
  EXPECT_EQ(pacer.leave_within(0s, quiet), 2);
  pacer.pause_until(quiet + 8s);
  EXPECT_EQ(pacer.leave_within(7s, quiet), 0);
  EXPECT_GT(pacer.leave_within(9s, quiet), 0);
  EXPECT_GT(Pacer({0, 1.0}, kStart).leave_within(10s, kStart), 1'000'000'000);
}

// What opens() promises is what happens, at any moment of any traffic.
TEST(Pacer, KeepsWhatItPromises) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(seed);
    const int rate = 1 + static_cast<int>(random() % 200);
    Pacer pacer({rate}, kStart);
    const Duration before(random() % 5'000'000);
    run(pacer, kStart, before, random, 1ms, 30ms, 20);
    const MonotonicTime now = kStart + before + Duration(random() % 2'000'000);
    const int nth = 1 + static_cast<int>(random() % static_cast<std::uint64_t>(rate));
    const MonotonicTime promised = pacer.opens(nth, now);
    EXPECT_GE(pacer.leave_within(promised - now, now), nth) << "seed " << seed;
    if (promised > now) {
      EXPECT_LT(pacer.leave_within(promised - now - 1us, now), nth) << "seed " << seed;
    }
    MonotonicTime at = now;
    for (int i = 0; i < nth; ++i) {
      at = std::max(at, pacer.next(at));
      pacer.granted(at);
      pacer.written(at);
    }
    EXPECT_LE(at, promised) << "seed " << seed;
    EXPECT_GE(at, promised - 21ms) << "seed " << seed;
  }
}

TEST(Pacer, PromisesNothingForSlotsThatNobodyHasWritten) {
  Pacer pacer({3}, kStart);
  const MonotonicTime now = kStart + 5s;
  pacer.granted(now);
  EXPECT_LT(pacer.opens(2, now), MonotonicTime::max());
  EXPECT_EQ(pacer.opens(3, now), MonotonicTime::max());
  EXPECT_EQ(pacer.leave_within(1h, now), 2);
}

TEST(ErrorShare, AcceptedMessagesMayTurnOutUndelivered) {
  ErrorShare share(8);
  for (int i = 0; i < 8; ++i) share.add(0);
  for (int i = 0; i < 4; ++i) share.failed_later(131026, 1, 1);
  EXPECT_FALSE(share.above(0.5));
  share.failed_later(131026, 1, 1);
  EXPECT_TRUE(share.above(0.5));
  EXPECT_EQ(share.most_frequent_code(), 131026);
  for (int i = 0; i < 10; ++i) share.failed_later(131026, 1, 1);  // more than it remembers
  EXPECT_EQ(share.failures(), 8);
  EXPECT_TRUE(share.above(1));
  for (int i = 0; i < 8; ++i) share.add(0);
  EXPECT_EQ(share.failures(), 0);
}

// However many statuses are applied in one transaction.
TEST(ErrorShare, ManyFatesHeardAtOnceSpeakForTheirShareOnly) {
  const auto after = [](int rows, int judged) {
    ErrorShare share(200);
    for (int i = 0; i < 5000; ++i) share.add(0);
    share.failed_later(131026, rows, judged);
    return share.failures();
  };
  EXPECT_EQ(after(50, 1250), 8) << "4 % of the last 200";
  EXPECT_EQ(after(50, 200), 50);
  EXPECT_EQ(after(50, 50), 50);
  EXPECT_EQ(after(4000, 4000), 200);
  EXPECT_EQ(after(0, 4000), 0);
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
