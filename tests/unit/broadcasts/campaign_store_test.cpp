// What a repeated pre-flight leaves behind.
#include "broadcasts/campaign_store.h"

#include <gmock/gmock.h>

#include "../storage/table_fixture.h"
#include "messaging/accounts.h"
#include "messaging/media_rows.h"

namespace posthorn::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const WallTime kNow = wall_from_micros(1'000'000);

class CampaignStoreTest : public TableTest {
 protected:
  CampaignStoreTest() {
    EXPECT_TRUE(accounts::add(
        tx(), {.name = "shop", .business_id = "waba", .sender_id = "1", .sealed_token = "x"}, kNow));
    EXPECT_TRUE(tx().execute(
        "INSERT INTO campaigns (id, account_id, name, state, template_name, template_language, created_by, "
        "created_at, updated_at) VALUES (1, 1, 'c', 'ready', 'offer', 'en', 't', 0, 0)"));
  }
  void preflight(const std::string& list, const std::string& problems) {
    StoredCampaign campaign = campaigns::get(tx(), CampaignId{1}).value();
    campaign.list_blob = list;
    campaign.problems_blob = problems;
    ASSERT_TRUE(campaigns::save_preflight(tx(), campaign, {}, kNow));
  }
  // What the media fetcher would delete.
  std::vector<std::string> deleted() {
    std::vector<std::string> out;
    const auto unused = attachments::unused_blobs(tx(), kNow, 100).value();
    for (const std::string& blob : unused) {
      if (attachments::claim_unused(tx(), blob, kNow).value()) out.push_back(blob);
    }
    return out;
  }
};

TEST_F(CampaignStoreTest, TheListsOfTheFirstPreflightStay) {
  preflight("list1", "problems1");
  EXPECT_THAT(deleted(), IsEmpty());
}

TEST_F(CampaignStoreTest, ARepeatedPreflightLetsTheOldListsGo) {
  preflight("list1", "problems1");
  preflight("list2", "problems1");
  EXPECT_THAT(deleted(), ElementsAre("list1"));
}

TEST_F(CampaignStoreTest, AnEditedDraftLetsItsListsGo) {
  preflight("list1", "problems1");
  ASSERT_TRUE(campaigns::save_draft(tx(), campaigns::get(tx(), CampaignId{1}).value(), kNow));
  EXPECT_THAT(deleted(), ElementsAre("list1", "problems1"));
}

TEST_F(CampaignStoreTest, WhatAnotherBroadcastHasToo) {
  preflight("list1", "problems1");
  ASSERT_TRUE(tx().execute(
      "INSERT INTO campaigns (id, account_id, name, state, template_name, template_language, created_by, "
      "created_at, updated_at, list_blob) VALUES (2, 1, 'd', 'ready', 'offer', 'en', 't', 0, 0, 'list1')"));
  preflight("list2", "problems2");
  EXPECT_THAT(deleted(), ElementsAre("problems1"));
}

}  // namespace
}  // namespace posthorn::test
