// Contacts through the API.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "messaging/conversations.h"
#include "messaging/group_members.h"
#include "messaging/people.h"
#include "unit/api/api_house.h"

namespace posthorn::api_testing {
namespace {

class ContactActions : public ApiHouse {
 protected:
  ContactActions() {
    auto add = [now = process.clock().wall_now()](Transaction& tx) -> Result<> {
      NewAccount account;
      account.name = "shop";
      account.business_id = "102";
      account.sender_id = "106";
      account.sealed_token = "sealed";
      PH_TRY_ASSIGN(const Account shop, accounts::add(tx, account, now));
      for (const char* name : {"Anna", "Bert"}) {
        channels::Party party;
        party.addresses = {{channels::AddressKind::bsuid, fmt::format("DE.{}", name)}};
        party.name = name;
        PH_TRY(people::resolve(tx, shop, party, now));
      }
      return {};
    };
    EXPECT_TRUE(run(database->write(add)));
    agent = new_key(Role::agent);
    viewer = new_key(Role::viewer);
  }
  std::string agent, viewer;
};

TEST_F(ContactActions, ListShowSearchAndRename) {
  const auto list = call(viewer, "list_contacts", R"({"limit":1})").answer();
  EXPECT_EQ(JsonView(list)["contacts"][0]["display_name"].string_or(""), "Bert");
  EXPECT_EQ(JsonView(list)["next_before_id"].integer_or(0), 2);
  EXPECT_EQ(call(agent, "rename_contact", R"({"contact_id":1,"name":"Frau Schmidt"})").status(), 200);
  const auto found = call(viewer, "search_contacts", R"({"query":"schm"})").answer();
  EXPECT_EQ(JsonView(found)["contacts"].size(), 1U);
  const auto one = call(viewer, "get_contact", R"({"contact_id":1})").answer();
  EXPECT_EQ(JsonView(one)["display_name"].string_or(""), "Frau Schmidt");
  EXPECT_EQ(JsonView(one)["addresses"][0]["kind"].string_or(""), "user_id");
  EXPECT_EQ(JsonView(one)["addresses"][0]["value"].string_or(""), "DE.Anna");
}

TEST_F(ContactActions, AGroupShowsItsMembers) {
  auto fill = [now = process.clock().wall_now()](Transaction& tx) -> Result<std::int64_t> {
    PH_TRY_ASSIGN(const auto group, conversations::of_group(tx, AccountId{1}, "grp", now));
    PH_TRY(group_members::joined(tx, group, PersonId{1}, now));
    PH_TRY(group_members::joined(tx, group, PersonId{2}, now));
    PH_TRY(group_members::left(tx, group, PersonId{1}, now + std::chrono::seconds(5), "removed"));
    return group.value;
  };
  const auto id = run(database->write(fill)).value();
  const auto answer =
      call(viewer, "get_conversation", fmt::format(R"({{"conversation_id":{}}})", id)).answer();
  const auto members = JsonView(answer)["conversation"]["members"];
  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0]["name"].string_or(""), "Bert");
  EXPECT_TRUE(members[0]["present"].boolean_or(false));
  EXPECT_FALSE(members[0]["left_at"].exists());
  EXPECT_EQ(members[1]["name"].string_or(""), "Anna");
  EXPECT_FALSE(members[1]["present"].boolean_or(true));
  EXPECT_EQ(members[1]["how"].string_or(""), "removed");
  EXPECT_TRUE(members[1]["left_at"].exists());
}

TEST_F(ContactActions, ErrorsNameTheParameterAsTheCallerKnowsIt) {
  EXPECT_EQ(call(viewer, "get_conversation", R"({"conversation_id":99})").error_field(), "conversation_id");
  EXPECT_EQ(call(viewer, "get_contact", R"({"contact_id":99})").error_field(), "contact_id");
  EXPECT_EQ(call(viewer, "get_broadcast", R"({"id":99})").error_field(), "id");
}

TEST_F(ContactActions, MergeAndUndo) {
  const auto merged = call(agent, "merge_contacts", R"({"contact_id":1,"absorb_id":2})").answer();
  const auto id = JsonView(merged)["merge_id"].integer_or(0);
  EXPECT_EQ(JsonView(merged)["contact"]["addresses"].size(), 2U);
  EXPECT_EQ(JsonView(merged)["contact"]["merges"][0]["merge_id"].integer_or(0), id);
  EXPECT_EQ(call(agent, "unmerge_contacts", fmt::format(R"({{"merge_id":{}}})", id)).status(), 200);
  EXPECT_EQ(call(agent, "unmerge_contacts", fmt::format(R"({{"merge_id":{}}})", id)).status(), 409);
  const auto bert = call(viewer, "get_contact", R"({"contact_id":2})").answer();
  EXPECT_EQ(JsonView(bert)["id"].integer_or(0), 2);
}

TEST_F(ContactActions, WhatIsNotAllowedOrNotThereIsSaid) {
  EXPECT_EQ(call(viewer, "rename_contact", R"({"contact_id":1,"name":"x"})").status(), 403);
  EXPECT_EQ(call(viewer, "merge_contacts", R"({"contact_id":1,"absorb_id":2})").status(), 403);
  EXPECT_EQ(call(viewer, "get_contact", R"({"contact_id":9})").status(), 404);
  EXPECT_EQ(call(agent, "merge_contacts", R"({"contact_id":1,"absorb_id":1})").error_field(), "absorb_id");
  EXPECT_EQ(call(viewer, "search_contacts", R"({"query":""})").error_field(), "query");
}

}  // namespace
}  // namespace posthorn::api_testing
