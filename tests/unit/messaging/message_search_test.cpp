// The indexer and the search together, on two real databases.
#include "messaging/message_search.h"

#include <filesystem>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <gmock/gmock.h>
#include <stdlib.h>

#include "messaging/message_rows.h"
#include "messaging/search_indexer.h"
#include "platform/metrics.h"
#include "platform/real_clock.h"
#include "platform/runtime.h"
#include "storage/sqlite_database.h"

namespace posthorn {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class MessageSearchTest : public ::testing::Test {
 protected:
  MessageSearchTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "posthorn-search-XXXXXX").string();
    folder_ = ::mkdtemp(folder.data());
    SqliteOptions options;
    options.reserve_bytes = 0;
    database_ = open_sqlite(folder_ + "/store.db", options).value();
    options.migrations = search_migrations();
    options.niceness = 15;
    options.durable = false;
    index_ = open_sqlite(folder_ + "/search.db", options).value();
    write(
        "INSERT INTO conversations (id, account_id, person_id, created_at) VALUES (1, 1, 1, 0), (2, 2, 2, 0)",
        {});
  }
  ~MessageSearchTest() override {
    index_.reset();
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  template <class T>
  Result<T> wait(Task<Result<T>> task) {
    std::optional<Result<T>> out;
    auto run = [](Task<Result<T>> inner, std::optional<Result<T>>& result, Runtime& runtime) -> Task<> {
      result = co_await std::move(inner);
      runtime.stop();
    };
    Runtime runtime;
    asio::co_spawn(runtime.executor(), run(std::move(task), out, runtime), asio::detached);
    runtime.run();
    return *std::move(out);
  }
  void write(std::string sql, std::vector<std::string> args) {
    auto work = [sql, args](Transaction& tx) -> Result<std::int64_t> {
      std::vector<SqlArg> list(args.begin(), args.end());
      return tx.execute(sql, list);
    };
    ASSERT_TRUE(wait(database_->write(std::move(work))));
  }
  void say(std::int64_t id, const std::string& text, int conversation = 1, const std::string& type = "text") {
    write(
        "INSERT INTO messages (id, conversation_id, direction, at, received_at, type, text) VALUES ($1, $2, "
        "0, $5, $5, $3, "
        "$4)",
        {std::to_string(id), std::to_string(conversation), type, text, std::to_string(now_)});
  }
  void index() {
    Runtime runtime;
    RealClock clock(runtime.executor());
    const auto metrics = make_metrics();
    EventFeed feed({*database_, clock, runtime.executor()});
    SearchIndexer indexer({*database_, *index_, feed, clock, null_log(), *metrics, runtime.executor()});
    ASSERT_TRUE(wait(indexer.catch_up()));
  }
  std::vector<std::int64_t> ids(MessageSearchQuery query) {
    const auto page = wait(search_messages(*database_, *index_, std::move(query)));
    std::vector<std::int64_t> found;
    if (!page) ADD_FAILURE() << page.error().message;
    if (page) {
      for (const Message& m : page->messages) found.push_back(m.id.value);
    }
    return found;
  }
  std::vector<std::int64_t> ids(std::string text) {
    MessageSearchQuery query;
    query.text = std::move(text);
    return ids(std::move(query));
  }

  std::string index_schema() {
    auto read = [](Transaction& tx) -> Result<std::string> {
      std::string all;
      PH_TRY_ASSIGN(SqlRows rows, tx.query("SELECT sql FROM sqlite_master WHERE sql <> '' ORDER BY name"));
      while (true) {
        PH_TRY_ASSIGN(const bool more, rows.next());
        if (!more) return all;
        all += std::string(rows.text(0)) + "\n";
      }
    };
    return wait(index_->read(std::move(read))).value();
  }
  void happen(const std::string& kind, std::int64_t at, const std::string& data) {
    write("INSERT INTO events (at, kind, subject, data) VALUES ($1, $2, '', $3)",
          {std::to_string(at), kind, data});
  }

  std::int64_t now_ = 1;  // when messages are stored
  std::string folder_;
  std::unique_ptr<SqliteDatabase> database_, index_;
};

TEST_F(MessageSearchTest, ABeginningStandsForTheWordsThatStartSo) {
  say(1, "my delivery is late");
  say(2, "a delicate matter");
  say(3, "deli");
  say(4, "Délivré hier");
  say(5, "nothing of it");
  index();
  struct Case {
    const char* typed;
    std::vector<std::int64_t> found;
  };
  const Case cases[] = {
      {"deli", {4, 3, 2, 1}}, {"DÉLI", {4, 3, 2, 1}}, {"delivery", {1}},  {"deliver", {1}},
      {"delic", {2}},         {"del", {4, 3, 2, 1}},  {"late deli", {1}}, {"de", {}},
      {"\"deli\"", {3}},      {"delix", {}},          {"my", {1}},        {"deli late", {}},
      {"délivré", {4}},       {"matter a", {2}},
  };
  for (const Case& c : cases) EXPECT_EQ(ids(c.typed), c.found) << c.typed;
}

TEST_F(MessageSearchTest, WhatNarrowsASearchIsNotFoundByIt) {
  say(1, "hello there");
  say(2, "hello again", 2, "image");
  index();
  for (const char* typed : {"text", "zqt", "1", "c1", "image"}) EXPECT_THAT(ids(typed), IsEmpty()) << typed;
  MessageSearchQuery query;
  query.text = "hello";
  query.conversation = ConversationId{2};
  EXPECT_THAT(ids(query), ElementsAre(2));
  query.conversation = {};
  query.type = "text";
  EXPECT_THAT(ids(query), ElementsAre(1));
  query.type = "";
  query.account = AccountId{1};
  EXPECT_THAT(ids(query), ElementsAre(1));
  query.account = {};
  query.direction = 1;
  EXPECT_THAT(ids(query), IsEmpty());
}

TEST_F(MessageSearchTest, PagesAreInOrderAndEnd) {
  for (int i = 1; i <= 7; ++i) say(i, "order number " + std::to_string(i));
  index();
  MessageSearchQuery query;
  query.text = "orde";
  query.limit = 5;
  const auto first = wait(search_messages(*database_, *index_, query)).value();
  EXPECT_THAT(first.messages, SizeIs(5));
  query.before = first.next;
  EXPECT_THAT(ids(query), ElementsAre(2, 1));
}

TEST_F(MessageSearchTest, ManyWordsOfOneBeginningAreBounded) {
  for (int i = 0; i < 100; ++i) say(i + 1, "code" + std::to_string(1000 + i));
  index();
  EXPECT_THAT(ids("code"), SizeIs(32));
  EXPECT_THAT(ids("code1099"), ElementsAre(100)) << "a whole word is always found";
}

// The index may be deleted: what is built anew is behind the cursor that kept the log for the old one.
TEST_F(MessageSearchTest, AnIndexBuiltAnewIsComplete) {
  say(1, "harbour");
  write("INSERT INTO events (at, kind, subject, data) VALUES (1, 'message.edited', '', '{\"message_id\":1}')",
        {});
  index();
  for (int i = 0; i < 12'000; i += 4'000)
    write(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) INSERT INTO events "
        "(at, kind, "
        "subject, data) SELECT 2, 'call.updated', '', '{}' FROM n",
        {});
  say(2, "lighthouse");
  index();
  index_.reset();
  for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(folder_ + "/search.db" + suffix);
  SqliteOptions options;
  options.reserve_bytes = 0;
  options.migrations = search_migrations();
  index_ = open_sqlite(folder_ + "/search.db", options).value();
  index();
  EXPECT_THAT(ids("harbour"), ElementsAre(1));
  EXPECT_THAT(ids("lighthouse"), ElementsAre(2));
}

// A backup was restored: the index has seen more than the store has now.
TEST_F(MessageSearchTest, AnIndexAheadOfItsStoreIsMadeAnew) {
  say(1, "harbour");
  say(2, "lighthouse");
  say(3, "seagull");
  index();
  const std::string schema = index_schema();
  write("DELETE FROM messages WHERE id >= 2", {});
  index();
  EXPECT_EQ(index_schema(), schema);
  EXPECT_THAT(ids("harbour"), ElementsAre(1));
  now_ = 2;
  say(2, "windmill");
  index();
  EXPECT_THAT(ids("windmill"), ElementsAre(2));
  EXPECT_THAT(ids("lighthouse"), IsEmpty());
}

// The restored store may have gone on before the index looks at it.
TEST_F(MessageSearchTest, AnIndexOfAnotherStoreIsMadeAnewEvenIfThatHasGrown) {
  say(1, "harbour");
  say(2, "lighthouse");
  index();
  write("DELETE FROM messages WHERE id >= 2", {});
  now_ = 2;
  for (int i = 2; i <= 5; ++i) say(i, "windmill " + std::to_string(i));
  index();
  EXPECT_THAT(ids("windmill"), ElementsAre(5, 4, 3, 2));
  EXPECT_THAT(ids("lighthouse"), IsEmpty());
}

TEST_F(MessageSearchTest, AnIndexThatHasSeenMoreEventsIsMadeAnew) {
  say(1, "harbour");
  happen("call.updated", 1, "{}");
  index();
  write("UPDATE messages SET text = 'lighthouse'", {});
  happen("message.edited", 2, R"({"message_id":1})");
  index();
  ASSERT_THAT(ids("lighthouse"), ElementsAre(1));
  write("UPDATE messages SET text = 'harbour'", {});
  write("DELETE FROM events WHERE at = 2", {});
  index();
  EXPECT_THAT(ids("harbour"), ElementsAre(1));
  happen("call.updated", 3, "{}");
  index();
  write("UPDATE messages SET text = 'windmill'", {});
  write("DELETE FROM events WHERE at = 3", {});
  happen("call.updated", 4, "{}");
  happen("call.updated", 5, "{}");
  index();
  EXPECT_THAT(ids("windmill"), ElementsAre(1)) << "another event in place of the last one";
}

// Messages are removed, too: the newest one being gone does not make it another store.
TEST_F(MessageSearchTest, ARemovedMessageDoesNotEmptyTheIndex) {
  say(1, "harbour");
  say(2, "lighthouse");
  index();
  auto remove = [](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY(message_rows::remove(tx, MessageId{2}));
    return 0;
  };
  ASSERT_TRUE(wait(database_->write(std::move(remove))));
  write("UPDATE messages SET text = 'changed behind the back of the index'", {});
  index();
  EXPECT_THAT(ids("harbour"), ElementsAre(1));
}

TEST_F(MessageSearchTest, AnEventThatCannotBeHandledIsPassedOver) {
  say(1, "harbour");
  index();
  write("UPDATE messages SET text = 'lighthouse'", {});
  happen("message.edited", 1, "{broken");
  happen("message.edited", 2, R"({"message_id":1})");
  Runtime runtime;
  RealClock clock(runtime.executor());
  const auto metrics = make_metrics();
  EventFeed feed({*database_, clock, runtime.executor()});
  SearchIndexer indexer({*database_, *index_, feed, clock, null_log(), *metrics, runtime.executor()});
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(wait(indexer.catch_up()));
  EXPECT_TRUE(wait(indexer.catch_up()));
  EXPECT_THAT(ids("lighthouse"), ElementsAre(1));
  EXPECT_THAT(metrics->prometheus_text(),
              testing::HasSubstr(R"(posthorn_events_passed_over_total{consumer="search"} 1)"));
}

TEST_F(MessageSearchTest, RefusesWhatItCannotAnswer) {
  struct Case {
    MessageSearchQuery query;
    const char* field;
  };
  const Case cases[] = {{{.text = " - "}, "text"},
                        {{.text = "a", .limit = 0}, "limit"},
                        {{.text = "a", .limit = 201}, "limit"},
                        {{.text = "a", .type = "te\"xt"}, "type"}};
  for (const Case& c : cases) {
    const auto page = wait(search_messages(*database_, *index_, c.query));
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().field, c.field);
  }
}

}  // namespace
}  // namespace posthorn
