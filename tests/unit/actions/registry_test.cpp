#include "actions/registry.h"

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Registry three() {
  return Registry({{.name = "start_broadcast", .category = "broadcasts"},
                   {.name = "pause_broadcast", .category = "broadcasts"},
                   {.name = "ping", .category = "system"}});
}

TEST(Registry, FindsByName) {
  const auto registry = three();
  ASSERT_NE(registry.find("ping"), nullptr);
  EXPECT_EQ(registry.find("ping")->category, "system");
  EXPECT_EQ(registry.find("pin"), nullptr);
  EXPECT_THAT(registry.names(), ElementsAre("pause_broadcast", "ping", "start_broadcast"));
  EXPECT_THAT(registry.categories(), ElementsAre("broadcasts", "system"));
}

TEST(Registry, AnUnknownActionIsNotASuccess) {
  const auto registry = three();
  const auto typo = registry.get("start_broadcat");
  ASSERT_FALSE(typo);
  EXPECT_EQ(typo.error().code, ErrorCode::not_found);
  EXPECT_THAT(typo.error().message, HasSubstr("did you mean 'start_broadcast'?"));
  EXPECT_THAT(registry.get("something_else").error().message, HasSubstr("list_actions"));
}

TEST(Roles, EachMayDoWhatTheOnesBeforeMay) {
  EXPECT_TRUE(allows(Role::admin, Role::viewer));
  EXPECT_TRUE(allows(Role::agent, Role::agent));
  EXPECT_FALSE(allows(Role::agent, Role::marketer));
  for (auto role : {Role::viewer, Role::agent, Role::marketer, Role::admin})
    EXPECT_EQ(role_from(to_string(role)), role);
  EXPECT_FALSE(role_from("Admin"));
  EXPECT_FALSE(role_from(""));
}

}  // namespace
}  // namespace posthorn
