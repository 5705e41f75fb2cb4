#include "sandbox/account_events.h"

#include "conversation_fixture.h"

namespace posthorn::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ConversationTest, every_event_of_the_table_is_json_without_unfilled_names) {
  for (const EventName& name : event_names()) {
    webhooks.clear();
    control("POST", "events/" + std::string(name.field),
            R"({"event":")" + std::string(name.event) +
                R"(","phone":"4915112345678","text":"A \"quoted\" text"})");
    ASSERT_TRUE(run_until_idle());
    ASSERT_EQ(webhooks.size(), 1U) << name.field << " " << name.event;
    EXPECT_THAT(webhooks[0].body, Not(HasSubstr("$"))) << webhooks[0].body;
    EXPECT_EQ(values(name.field).size(), 1U) << webhooks[0].body;
  }
}

TEST_F(ConversationTest, a_call_names_its_person_and_its_number) {
  control("POST", "events/calls?number=" + std::string(kDefaultFastNumber),
          R"({"event":"terminate","phone":"4915112345678","id":"wacid.X"})");
  ASSERT_TRUE(run_until_idle());
  const js::value value = values("calls").at(0);
  EXPECT_EQ(value.at("metadata").at("phone_number_id").as_string(), kDefaultFastNumber);
  EXPECT_EQ(value.at("calls").at(0).at("from").as_string(), "4915112345678");
  EXPECT_EQ(value.at("calls").at(0).at("id").as_string(), "wacid.X");
  EXPECT_EQ(value.at("contacts").at(0).at("user_id").as_string(), user_id_of(4915112345678));
}

TEST_F(ConversationTest, an_echo_of_the_phone_app_carries_any_message) {
  control("POST", "events/smb_message_echoes",
          R"({"phone":"4915112345678","message":{"type":"image","caption":"as promised"}})");
  ASSERT_TRUE(run_until_idle());
  const js::value echo = values("smb_message_echoes").at(0).at("message_echoes").at(0);
  EXPECT_EQ(echo.at("to").as_string(), "4915112345678");
  EXPECT_EQ(echo.at("image").at("caption").as_string(), "as promised");
  EXPECT_EQ(call("GET", "/" + std::string(echo.at("image").at("id").as_string())).status, 200);
}

TEST_F(ConversationTest, a_raw_value_goes_out_as_it_is) {
  control("POST", "events/brand_new_field", R"({"value":{"x":[1,{"y":"ä/b"}]}})");
  ASSERT_TRUE(run_until_idle());
  EXPECT_EQ(values("brand_new_field").at(0).at("x").at(1).at("y").as_string(), "ä/b");
  EXPECT_THAT(webhooks.at(0).body, HasSubstr("\\u00e4\\/b"));
}

TEST_F(ConversationTest, unknown_events_name_the_known_ones) {
  const js::value answer = control("POST", "events/flows", R"({"event":"nothing"})", 400);
  EXPECT_THAT(std::string(answer.at("error").at("message").as_string()), HasSubstr("latency"));
  control("POST", "events/unheard_of", "{}", 400);
  control("POST", "events/flows", R"({"value":5})", 400);
  control("POST", "events/calls?number=1", "{}", 404);
  control("POST", "events/calls", R"({"phone":"x"})", 400);
  EXPECT_GT(control("GET", "events").at("events").as_array().size(), 40U);
}

}  // namespace
}  // namespace posthorn::sandbox
