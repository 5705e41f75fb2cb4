#include "core/recent_map.h"

#include <string>

#include <gtest/gtest.h>

namespace posthorn {
namespace {

TEST(RecentMap, FindsWhatWasPutAndWhatReplacedIt) {
  RecentMap<int, std::string> map(4);
  EXPECT_EQ(map.find(1), nullptr);
  map.put(1, "one");
  map.put(1, "uno");
  ASSERT_NE(map.find(1), nullptr);
  EXPECT_EQ(*map.find(1), "uno");
  EXPECT_EQ(map.size(), 1U);
}

TEST(RecentMap, HoldsAtLeastItsCapacityAndAtMostTwice) {
  RecentMap<int, int> map(100);
  for (int i = 0; i < 10'000; ++i) {
    map.put(i, i);
    ASSERT_LE(map.size(), 200U);
  }
  for (int i = 9'900; i < 10'000; ++i) EXPECT_NE(map.find(i), nullptr) << i;
  EXPECT_EQ(map.find(0), nullptr);
}

TEST(RecentMap, WhatIsUsedStays) {
  RecentMap<int, int> map(10);
  map.put(-1, 7);
  for (int i = 0; i < 1000; ++i) {
    map.put(i, i);
    ASSERT_NE(map.find(-1), nullptr) << i;
  }
  EXPECT_EQ(*map.find(-1), 7);
}

TEST(RecentMap, AnOlderValueNeverComesBack) {
  RecentMap<int, int> map(2);
  map.put(1, 1);
  map.put(2, 2);
  map.put(3, 3);  // 1 and 2 are the older half now
  map.put(1, 100);
  for (int i = 4; i < 20; ++i) {
    const int* found = map.find(1);
    ASSERT_TRUE(found != nullptr && *found == 100);
    map.put(i, i);
  }
}

TEST(RecentMap, ClearForgetsBothHalves) {
  RecentMap<int, int> map(2);
  for (int i = 0; i < 4; ++i) map.put(i, i);
  map.clear();
  EXPECT_EQ(map.size(), 0U);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(map.find(i), nullptr);
}

}  // namespace
}  // namespace posthorn
