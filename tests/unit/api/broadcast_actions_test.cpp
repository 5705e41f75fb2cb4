// Broadcast actions through the API: what reaches the campaign service.
#include <gmock/gmock.h>

#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

constexpr const char* kDraft = R"({"name":"n","account":"shop","upload_id":1,"template_name":"t")";

class BroadcastActions : public ApiHouse {
 protected:
  BroadcastActions() {
    auto add = [now = process.clock().wall_now()](Transaction& tx) -> Result<> {
      NewAccount account;
      account.name = "shop";
      account.business_id = "102";
      account.sender_id = "106";
      account.sealed_token = "sealed";
      PH_TRY(accounts::add(tx, account, now));
      return {};
    };
    EXPECT_TRUE(run(database->write(add)));
    key = new_key(Role::marketer);
  }
  FakeExchange create(const std::string& more) { return call(key, "create_broadcast", kDraft + more + "}"); }
  std::string key;
};

TEST_F(BroadcastActions, QuietHoursComeFromTheConfigurationUnlessGiven) {
  services.facts.quiet_from_minute = 22 * 60;
  services.facts.quiet_until_minute = 7 * 60;
  ASSERT_EQ(create("").status(), 200);
  EXPECT_EQ(campaigns.draft.quiet_from_minute, 22 * 60);
  EXPECT_EQ(campaigns.draft.quiet_until_minute, 7 * 60);
  ASSERT_EQ(create(R"(,"quiet_from":"20:15")").status(), 200);
  EXPECT_EQ(campaigns.draft.quiet_from_minute, 20 * 60 + 15);
  EXPECT_EQ(campaigns.draft.quiet_until_minute, 7 * 60);
}

TEST_F(BroadcastActions, BadChoicesNameTheirField) {
  struct Case {
    const char *more, *field;
  };
  for (const auto& [more, field] :
       {Case{R"(,"quiet_from":"24:00")", "quiet_from"}, Case{R"(,"quiet_until":"7:00")", "quiet_until"},
        Case{R"(,"quiet_until":"07:60")", "quiet_until"}, Case{R"(,"policy":"sometimes")", "policy"},
        Case{R"(,"error_share_pause":1.5)", "error_share_pause"}, Case{R"(,"mapping":[])", "mapping"},
        Case{R"(,"default_region":"DEU")", "default_region"}, Case{R"(,"local_time":"yes")", "local_time"},
        Case{R"(,"no_such":1)", "no_such"}}) {
    const auto answer = create(more);
    EXPECT_EQ(answer.status(), 400) << more;
    EXPECT_EQ(answer.error_field(), field) << answer.response->body;
  }
  EXPECT_EQ(campaigns.creations, 0);
  EXPECT_EQ(
      call(key, "create_broadcast", R"({"name":"n","upload_id":1,"template_name":"t","account":"other"})")
          .error_field(),
      "account");
  EXPECT_EQ(call(key, "create_broadcast", R"({"name":"n","upload_id":0,"template_name":"t"})").error_field(),
            "upload_id");
  EXPECT_EQ(call(key, "create_broadcast", R"({"name":"","upload_id":1,"template_name":"t"})").error_field(),
            "name");
}

TEST_F(BroadcastActions, TheOnlyNumberNeedsNoName) {
  EXPECT_EQ(call(key, "create_broadcast", R"({"name":"n","upload_id":1,"template_name":"t"})").status(), 200);
  EXPECT_EQ(campaigns.draft.template_language, "en_US");
  EXPECT_FALSE(campaigns.draft.at_least_once);
  EXPECT_EQ(create(R"(,"policy":"at_least_once")").status(), 200);
  EXPECT_TRUE(campaigns.draft.at_least_once);
}

TEST_F(BroadcastActions, NumbersThatAreNoIdsAreRefused) {
  for (const char* id :
       {"0", "-1", "1.5", "\"7x\"", "null", "[]", "{}", "true", "1e99", "99999999999999999999999"}) {
    const auto answer = call(key, "get_broadcast", std::string(R"({"id":)") + id + "}");
    EXPECT_EQ(answer.status(), 400) << id << answer.response->body;
  }
  EXPECT_EQ(call(key, "get_broadcast", R"({"id":9223372036854775807})").status(), 404);
}

TEST_F(BroadcastActions, PreviewLinesAreLineNumbers) {
  for (const char* lines : {"[0]", "[\"2\"]", "[-1]", "[1.5]", "2"})
    EXPECT_EQ(call(key, "preview_broadcast", std::string(R"({"id":7,"lines":)") + lines + "}").status(), 400)
        << lines;
  EXPECT_EQ(call(key, "preview_broadcast", R"({"id":7,"lines":[2,17]})").status(), 200);
  EXPECT_EQ(campaigns.lines, (std::vector<std::int64_t>{2, 17}));
}

TEST_F(BroadcastActions, OldSpellingsOfTemplateActionsWork) {
  const auto listed = call(key, "get_templates", R"({"metaWabaId":"102"})");
  EXPECT_EQ(listed.status(), 200) << listed.response->body;
  EXPECT_TRUE(listed.answer().as_object().contains("templates"));
  EXPECT_EQ(call(new_key(Role::viewer), "refresh_templates", R"({"metaWabaId":"102"})").status(), 403);
  EXPECT_EQ(call(key, "refresh_templates", R"({"metaWabaId":"999"})").status(), 404);
}

}  // namespace
}  // namespace posthorn::api_testing
