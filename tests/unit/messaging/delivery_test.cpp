#include "messaging/delivery.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace posthorn {
namespace {

using enum DeliveryKind;

struct Status {
  DeliveryKind kind;
  std::int64_t at;
  int code = 0;
};

Delivery joined(const std::vector<Status>& statuses, const std::vector<std::size_t>& order) {
  Delivery d;
  for (const std::size_t i : order) join(d, statuses[i].kind, statuses[i].at, statuses[i].code);
  return d;
}

// I16: every permutation of every choice of up to six statuses gives the same state, and a repetition changes
// nothing.
TEST(Delivery, OrderAndRepetitionNeverMatter) {
  const std::vector<Status> pool = {{sent, 10},           {delivered, 20},      {read, 30},
                                    {failed, 15, 131026}, {failed, 15, 130472}, {delivered, 12},
                                    {played, 25},         {sent, 40},           {failed, 5, 131049}};
  for (unsigned chosen = 1; chosen < (1U << pool.size()); ++chosen) {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < pool.size(); ++i) {
      if ((chosen >> i & 1U) != 0) order.push_back(i);
    }
    if (order.size() > 6) continue;
    const Delivery expected = joined(pool, order);
    do {
      ASSERT_EQ(joined(pool, order), expected);
      std::vector<std::size_t> twice = order;
      twice.insert(twice.end(), order.begin(), order.end());
      ASSERT_EQ(joined(pool, twice), expected);
    } while (std::next_permutation(order.begin(), order.end()));
  }
}

TEST(Delivery, ReadImpliesDeliveredImpliesSent) {
  Delivery d;
  join(d, read, 30);
  EXPECT_EQ(counts(d.bits), (DeliveryCounts{1, 1, 1, 0, 0}));
  EXPECT_EQ(d.delivered_at, 0);  // but a time nobody told is not invented
  Delivery heard;
  join(heard, played, 30);
  EXPECT_EQ(counts(heard.bits), (DeliveryCounts{1, 1, 1, 0, 0}));
}

TEST(Delivery, FailedAndDeliveredKeepBothFacts) {
  Delivery d;
  join(d, failed, 5, 131026);
  join(d, delivered, 9);
  EXPECT_EQ(counts(d.bits), (DeliveryCounts{1, 1, 0, 1, 0}));
  EXPECT_EQ(delivery_word(d.bits), "delivered");
  EXPECT_EQ(d.failed_code, 131026);
}

TEST(Delivery, TheEarliestTimeOfEachKindStays) {
  Delivery d;
  join(d, sent, 40);
  join(d, sent, 10);
  join(d, sent, 20);
  EXPECT_EQ(d.sent_at, 10);
}

TEST(Delivery, HeldEndsWithAnyStatus) {
  using namespace delivery_bits;
  EXPECT_EQ(counts(kHeld).held, 1);
  for (const std::uint32_t bit : {kSent, kDelivered, kRead, kFailed}) EXPECT_EQ(counts(kHeld | bit).held, 0);
}

TEST(Delivery, OneWordForPeople) {
  using namespace delivery_bits;
  EXPECT_EQ(delivery_word(0), "");
  EXPECT_EQ(delivery_word(kResent), "");
  EXPECT_EQ(delivery_word(kHeld), "held");
  EXPECT_EQ(delivery_word(kSent), "sent");
  EXPECT_EQ(delivery_word(kSent | kFailed), "failed");
  EXPECT_EQ(delivery_word(kFailed | kRead), "read");
}

}  // namespace
}  // namespace posthorn
