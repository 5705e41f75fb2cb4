#include <set>

#include "conversation_fixture.h"

namespace posthorn::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class MediaHostTest : public ConversationTest {
 protected:
  void SetUp() override {
    ConversationTest::SetUp();
    const js::value message = from_phone(R"({"type":"image","size":3000})");
    id = message.at("image").at("id").as_string();
  }
  Reply fetch() {
    const std::string url(call("GET", "/" + id).body.at("url").as_string());
    return call("GET", url.substr(std::string("http://meta.test").size()));
  }
  std::string id;
};

TEST_F(MediaHostTest, an_hour_of_outage_ends_by_itself) {
  control("POST", "chaos", R"({"media":{"down":true,"for_ms":3600000}})");
  EXPECT_TRUE(fetch().reset);
  world.run_for(std::chrono::minutes(59));
  EXPECT_TRUE(fetch().reset);
  world.run_for(std::chrono::minutes(2));
  EXPECT_EQ(fetch().text.size(), 3000U);
  EXPECT_EQ(control("GET", "chaos").at("media").at("met").as_int64(), 2);
}

TEST_F(MediaHostTest, answers_with_any_status_so_many_times) {
  control("POST", "chaos", R"({"media":{"error":503,"remaining":1}})");
  EXPECT_EQ(fetch().status, 503);
  EXPECT_EQ(fetch().status, 200);
}

TEST_F(MediaHostTest, lies_about_the_length) {
  control("POST", "chaos", R"({"media":{"lying_length":true}})");
  const Reply reply = fetch();
  EXPECT_EQ(reply.headers.get("Content-Length"), "6001");
  EXPECT_EQ(reply.text.size(), 3000U);
}

TEST_F(MediaHostTest, never_ends) {
  control("POST", "chaos", R"({"media":{"endless":true}})");
  EXPECT_GT(fetch().text.size(), FakeExchange::kPatience);
}

TEST_F(MediaHostTest, gives_a_page_for_a_picture) {
  control("POST", "chaos", R"({"media":{"html":true}})");
  const Reply reply = fetch();
  EXPECT_EQ(reply.headers.get("Content-Type"), "image/jpeg");
  EXPECT_THAT(reply.text, StartsWith("<!doctype html>"));
  control("POST", "chaos", R"({"media":{}})");
  EXPECT_EQ(fetch().text.size(), 3000U);
}

TEST_F(MediaHostTest, drips) {
  control("POST", "chaos", R"({"media":{"slow":2000}})");
  const MonotonicTime before = world.now();
  EXPECT_EQ(fetch().text.size(), 3000U);
  EXPECT_GE(world.now() - before, std::chrono::seconds(6));
}

TEST_F(MediaHostTest, the_hosts_of_instagram_have_the_same_faults) {
  const js::value item = from_user("instagram", R"({"type":"image"})");
  const std::string url(item.at("message").at("attachments").at(0).at("payload").at("url").as_string());
  const std::string path = url.substr(std::string("http://meta.test").size());
  EXPECT_EQ(call("GET", path, {}, "").status, 200);
  control("POST", "chaos", R"({"media":{"down":true}})");
  EXPECT_TRUE(call("GET", path, {}, "").reset);
}

TEST_F(MediaHostTest, unknown_faults_are_refused) {
  control("POST", "chaos", R"({"media":{"sleepy":true}})", 400);
  control("POST", "chaos", R"({"media":{"error":5}})", 400);
}

class LoadTest : public ConversationTest {
 protected:
  std::set<std::string> ids() const {
    std::set<std::string> out;
    for (const js::value& value : values("messages"))
      for (const js::value& message : value.at("messages").as_array())
        out.insert(std::string(message.at("id").as_string()));
    return out;
  }
};

TEST_F(LoadTest, posts_what_was_planned_at_the_pace_that_was_asked) {
  const MonotonicTime before = world.now();
  control("POST", "load", R"({"messages_per_second":200,"seconds":3,"phones":7,"kind":"mixed"})");
  control("POST", "load", R"({"messages_per_second":1})", 400);
  ASSERT_TRUE(run_until_idle());
  EXPECT_GE(world.now() - before, std::chrono::milliseconds(2900));
  const js::value report = control("GET", "load");
  EXPECT_EQ(report.at("sent").as_int64(), 600);
  EXPECT_EQ(report.at("acknowledged").as_int64(), 600);
  EXPECT_EQ(report.at("unacknowledged").as_array().size(), 0U);
  EXPECT_GT(report.at("p99_ms").as_double(), 0);
  EXPECT_GE(report.at("p99_ms").as_double(), report.at("p50_ms").as_double());
  EXPECT_EQ(ids().size(), 600U);
  EXPECT_EQ(*ids().begin(), "wamid.LOAD0001-0000000000");
  EXPECT_EQ(webhooks.size(), 600U);
}

TEST_F(LoadTest, batches_and_counts_what_was_refused) {
  answer_with = 503;
  control("POST", "load", R"({"messages_per_second":1000,"seconds":1,"phones":10,"batch":100})");
  ASSERT_TRUE(run_until_idle());
  const js::value report = control("GET", "load");
  EXPECT_EQ(report.at("refused").as_int64(), 1000);
  EXPECT_EQ(report.at("acknowledged").as_int64(), 0);
  EXPECT_EQ(report.at("unacknowledged").as_array().size(), 100U);
  EXPECT_EQ(webhooks.size(), 10U);
}

// An open loop: what one POST at a time cannot carry is late, and is timed from when it was due.
TEST_F(LoadTest, what_waits_for_a_slow_server_is_late_and_timed_from_when_it_was_due) {
  answer_after = std::chrono::milliseconds(20);
  control("POST", "load", R"({"messages_per_second":100,"seconds":2,"max_in_flight":1})");
  ASSERT_TRUE(run_until_idle());
  const js::value narrow = control("GET", "load");
  EXPECT_EQ(narrow.at("acknowledged").as_int64(), 200);
  EXPECT_GT(narrow.at("late").as_int64(), 190);
  EXPECT_GT(narrow.at("behind").as_int64(), 90);
  EXPECT_GT(narrow.at("p99_ms").as_double(), 1900) << "the last was due after 2 s and left after 4";
  control("POST", "load", R"({"messages_per_second":100,"seconds":2})");
  ASSERT_TRUE(run_until_idle());
  const js::value wide = control("GET", "load");
  EXPECT_EQ(wide.at("late").as_int64(), 0);
  EXPECT_LT(wide.at("p99_ms").as_double(), 40);
}

TEST_F(LoadTest, can_be_stopped) {
  control("POST", "load", R"({"messages_per_second":100,"seconds":100})");
  world.run_for(std::chrono::seconds(1));
  control("DELETE", "load");
  ASSERT_TRUE(run_until_idle());
  EXPECT_LT(control("GET", "load").at("sent").as_int64(), 200);
}

TEST_F(LoadTest, is_bounded) {
  for (const std::string bad :
       {R"({"messages_per_second":0})", R"({"messages_per_second":1000000})", R"({"seconds":86400})",
        R"({"batch":5000})", R"({"phones":0})", R"({"kind":"opera"})", R"({"max_in_flight":100000})"})
    control("POST", "load", bad, 400);
  control("POST", "load", R"({"number":"1"})", 404);
}

}  // namespace
}  // namespace posthorn::sandbox
