// Ranges of the journal by id and time, and everything that is parked, applied again.
#include <gtest/gtest.h>

#include "api/parked_desk.h"
#include "unit/messaging/messaging_house.h"

namespace posthorn::testing_house {
namespace {

class JournalReplay : public testing::Test {
 protected:
  JournalReplay() {
    house.open();
    house.add_account();
    house.start();
    desk = std::make_unique<ParkedDesk>(*house.life->database, *house.life->intake);
    for (int hour = 0; hour < 5; ++hour) {  // bodies 1 … 5, an hour apart
      times.push_back(house.life->process.clock().wall_now());
      accept(R"({"object":"whatsapp_business_account","entry":[]})");
      house.world.run_for(1h);
    }
  }

  template <class T>
  T run(Task<T> task) {
    auto out = std::make_shared<std::optional<T>>();
    house.life->process.spawn(keep(std::move(task), out));
    EXPECT_TRUE(house.world.run_until([out] { return out->has_value(); }, 1h));
    return std::move(**out);
  }
  template <class T>
  static Task<> keep(Task<T> task, std::shared_ptr<std::optional<T>> out) {
    out->emplace(co_await std::move(task));
  }
  void accept(const std::string& body) { ASSERT_TRUE(run(house.life->intake->accept(body, "whatsapp"))); }

  House house{3};
  std::unique_ptr<ParkedDesk> desk;
  std::vector<WallTime> times;
};

TEST_F(JournalReplay, FindsTimesInTheJournal) {
  EXPECT_EQ(run(house.life->intake->journal_at(times[0] - 1h))->value, 1);
  EXPECT_EQ(run(house.life->intake->journal_at(times[2] + 1min))->value, 4);
  EXPECT_EQ(run(house.life->intake->journal_at(times[4] + 1h))->value, 6);
}

TEST_F(JournalReplay, TakesRangesByIdAndTime) {
  struct Case {
    JournalRange range;
    std::int64_t bodies;
  };
  const std::vector<Case> cases = {
      {{.from_id = 1}, 5},
      {{.from_id = 2, .to_id = 3}, 2},
      {{.from_id = 4, .to_id = 99}, 2},
      {{.from_id = 6}, 0},
      {{.from_id = 3, .to_id = 2}, 0},
      {{.since = times[1] - 1min}, 4},
      {{.since = times[1] - 1min, .until = times[2] + 1min}, 2},
      {{.from_id = 3, .since = times[0], .until = times[3] + 1min}, 2},
      {{.since = times[4] + 1h}, 0},
      {{.from_id = 1, .until = times[0] - 1h}, 0},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    const auto replayed = run(desk->replay_journal(cases[i].range));
    ASSERT_TRUE(replayed) << i;
    EXPECT_EQ(replayed->bodies, cases[i].bodies) << i;
  }
}

// Bytes that are no text would make the whole answer unreadable.
TEST_F(JournalReplay, ShowsWhatIsParkedAsText) {
  accept("{\"object\":\"whatsapp_business_account\",\"entry\":[\"\xc3\x28\xff\"]}");
  house.world.run_for(1min);
  const auto parked = run(desk->list_parked(0, 10));
  ASSERT_TRUE(parked);
  ASSERT_EQ(parked->size(), 1U);
  EXPECT_NE(parked->front().body.find("\xEF\xBF\xBD("), std::string::npos) << parked->front().body;
  EXPECT_EQ(parked->front().body.find('\xc3'), std::string::npos);
}

TEST_F(JournalReplay, TriesEverythingThatIsParked) {
  const int many = 1203;  // more than are read at once
  for (int i = 0; i < many; ++i)
    house.execute(
        fmt::format("INSERT INTO parked_events (journal_id, position, reason, body, parked_at) VALUES (1, 0, "
                    "'because', '{{}}', {})",
                    to_micros(house.world.wall_now()) + i));
  const auto outcome = run(desk->replay_parked({}));
  ASSERT_TRUE(outcome);
  EXPECT_EQ(outcome->applied + outcome->parked_again, many);
  EXPECT_EQ(run(desk->replay_parked({999'999})).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace posthorn::testing_house
