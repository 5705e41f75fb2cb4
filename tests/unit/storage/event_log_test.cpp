#include "storage/event_log.h"

#include <gmock/gmock.h>

#include "storage/sqlite_connection.h"
#include "storage/sqlite_statements.h"
#include "storage/sqlite_transaction.h"
#include "table_fixture.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;

class EventLogTest : public TableTest {
 protected:
  EventId append(std::string_view kind, std::int64_t at = 1) {
    return events::append(tx(), wall_from_micros(at), kind, "campaign:7", R"({"a":1})").value();
  }
  std::vector<std::int64_t> ids(EventId after, int limit, std::string_view prefix = {}) {
    std::vector<std::int64_t> result;
    for (const auto& e : events::read_after(tx(), after, limit, prefix).value()) result.push_back(e.id.value);
    return result;
  }
};

TEST_F(EventLogTest, ReadsInOrderAfterAPosition) {
  EXPECT_EQ(events::last_position(tx()).value(), EventId{0});
  append("campaign.started", 5);
  append("template.status");
  append("campaign.paused");
  EXPECT_THAT(ids(EventId{0}, 10), ElementsAre(1, 2, 3));
  EXPECT_THAT(ids(EventId{1}, 1), ElementsAre(2));
  EXPECT_THAT(ids(EventId{0}, 10, "campaign."), ElementsAre(1, 3));
  EXPECT_THAT(ids(EventId{0}, 10, "none."), ElementsAre());
  EXPECT_EQ(events::last_position(tx()).value(), EventId{3});
  const auto first = events::read_after(tx(), EventId{0}, 1).value().front();
  EXPECT_EQ(first.kind, "campaign.started");
  EXPECT_EQ(first.subject, "campaign:7");
  EXPECT_EQ(first.data, R"({"a":1})");
  EXPECT_EQ(first.at, wall_from_micros(5));
}

TEST_F(EventLogTest, CursorsMoveForwardOnly) {
  EXPECT_EQ(events::cursor(tx(), "console").value(), EventId{0});
  EXPECT_TRUE(events::move_cursor(tx(), "console", EventId{5}));
  EXPECT_TRUE(events::move_cursor(tx(), "console", EventId{5}));
  EXPECT_EQ(events::cursor(tx(), "console").value(), EventId{5});
  auto back = events::move_cursor(tx(), "console", EventId{4});
  ASSERT_FALSE(back);
  EXPECT_EQ(back.error().code, ErrorCode::conflict);
  EXPECT_EQ(events::cursor(tx(), "console").value(), EventId{5});
}

TEST_F(EventLogTest, NewConsumersBeginAtTheEndAndStayWhereTheyWere) {
  EXPECT_EQ(events::begin_at_end(tx(), "early").value(), EventId{0});
  append("campaign.started");
  append("campaign.paused");
  EXPECT_EQ(events::begin_at_end(tx(), "early").value(), EventId{0});
  EXPECT_EQ(events::begin_at_end(tx(), "late").value(), EventId{2});
  append("campaign.resumed");
  EXPECT_EQ(events::begin_at_end(tx(), "late").value(), EventId{2});
  EXPECT_EQ(events::cursor(tx(), "late").value(), EventId{2});
}

TEST_F(EventLogTest, PruningKeepsWhatSomeoneHasNotReadAndTheNewest) {
  for (int i = 0; i < 6; ++i) append("a.b", i);
  EXPECT_EQ(events::prune(tx(), wall_from_micros(100), 100).value(), 0) << "nobody has read anything";
  EXPECT_TRUE(events::move_cursor(tx(), "fast", EventId{6}));
  EXPECT_TRUE(events::move_cursor(tx(), "slow", EventId{4}));
  EXPECT_EQ(events::prune(tx(), wall_from_micros(2), 100).value(), 2)
      << "only those older than the given time";
  EXPECT_EQ(events::prune(tx(), wall_from_micros(100), 1).value(), 1) << "no more than asked for";
  EXPECT_EQ(events::prune(tx(), wall_from_micros(100), 100).value(), 1);
  EXPECT_THAT(ids(EventId{0}, 10), ElementsAre(5, 6));
  EXPECT_TRUE(events::move_cursor(tx(), "slow", EventId{6}));
  EXPECT_EQ(events::prune(tx(), wall_from_micros(100), 100).value(), 1);
  EXPECT_THAT(ids(EventId{0}, 10), ElementsAre(6));
  EXPECT_EQ(append("a.c"), EventId{7}) << "positions are never used twice";
}

}  // namespace
}  // namespace posthorn::test
