#include "messaging/template_store.h"

#include <gmock/gmock.h>

#include "../storage/table_fixture.h"

namespace posthorn::test {
namespace {

using templates::UpsertOutcome;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TemplateStoreTest : public TableTest {
 protected:
  static StoredTemplate make(std::string name, std::string language = "en_US", std::int64_t synced = 100) {
    StoredTemplate t;
    t.business_id = "waba";
    t.meta_id = "id-" + name + "-" + language;
    t.name = std::move(name);
    t.language = std::move(language);
    t.status = "APPROVED";
    t.category = "MARKETING";
    t.quality = "UNKNOWN";
    t.parameter_format = "POSITIONAL";
    t.components = R"([{"type":"BODY"}])";
    t.synced_at = wall_from_micros(synced);
    return t;
  }
  std::vector<std::string> names(const TemplateFilter& filter) {
    std::vector<std::string> result;
    for (const auto& t : templates::list(tx(), filter).value()) result.push_back(t.name + "/" + t.language);
    return result;
  }
};

TEST_F(TemplateStoreTest, UpsertSaysWhatHappened) {
  StoredTemplate t = make("hello");
  EXPECT_EQ(templates::upsert(tx(), t).value(), UpsertOutcome::added);
  t.synced_at = wall_from_micros(200);
  EXPECT_EQ(templates::upsert(tx(), t).value(), UpsertOutcome::same);
  t.components = "[]";
  EXPECT_EQ(templates::upsert(tx(), t).value(), UpsertOutcome::changed);
  const auto stored = templates::get(tx(), "waba", "hello", "en_US").value();
  EXPECT_EQ(stored.components, "[]");
  EXPECT_EQ(stored.synced_at, wall_from_micros(200));
  t.name.clear();
  EXPECT_EQ(templates::upsert(tx(), t).error().field, "name");
}

TEST_F(TemplateStoreTest, AMissingTemplateIsExplained) {
  ASSERT_TRUE(templates::upsert(tx(), make("hello", "de")));
  ASSERT_TRUE(templates::upsert(tx(), make("hello", "fr")));
  const auto language = templates::get(tx(), "waba", "hello", "en").error();
  EXPECT_EQ(language.code, ErrorCode::not_found);
  EXPECT_THAT(language.message, HasSubstr("exists in de, fr, but not in 'en'"));
  EXPECT_THAT(templates::get(tx(), "waba", "helo", "de").error().message, HasSubstr("no template 'helo'"));
  EXPECT_THAT(templates::get(tx(), "other", "hello", "de").error().message, HasSubstr("no template"));
}

TEST_F(TemplateStoreTest, ListsByFilter) {
  for (const char* name : {"b_promo", "a_code", "c%x"}) ASSERT_TRUE(templates::upsert(tx(), make(name)));
  StoredTemplate utility = make("a_code", "de");
  utility.category = "UTILITY";
  utility.status = "PAUSED";
  ASSERT_TRUE(templates::upsert(tx(), utility));
  EXPECT_THAT(names({}), ElementsAre("a_code/de", "a_code/en_US", "b_promo/en_US", "c%x/en_US"));
  EXPECT_THAT(names({.status = "PAUSED"}), ElementsAre("a_code/de"));
  EXPECT_THAT(names({.category = "UTILITY"}), ElementsAre("a_code/de"));
  EXPECT_THAT(names({.language = "de"}), ElementsAre("a_code/de"));
  EXPECT_THAT(names({.name_contains = "promo"}), ElementsAre("b_promo/en_US"));
  EXPECT_THAT(names({.name_contains = "%"}), ElementsAre("c%x/en_US")) << "a percent sign is not a wildcard";
  EXPECT_THAT(names({.name_contains = "_"}), ElementsAre("a_code/de", "a_code/en_US", "b_promo/en_US"));
  EXPECT_THAT(names({.limit = 1, .offset = 1}), ElementsAre("a_code/en_US"));
  EXPECT_THAT(names({.business_id = "other"}), ElementsAre());
}

TEST_F(TemplateStoreTest, WebhooksUpdateByIdOrByNameAndLanguage) {
  ASSERT_TRUE(templates::upsert(tx(), make("hello")));
  auto by_id =
      templates::apply(
          tx(), {.business_id = "waba", .meta_id = "id-hello-en_US", .status = "PAUSED", .reason = "LOW"})
          .value();
  ASSERT_TRUE(by_id);
  EXPECT_EQ(by_id->before.status, "APPROVED");
  EXPECT_EQ(by_id->after.status, "PAUSED");
  auto by_name = templates::apply(tx(), {.business_id = "waba",
                                         .name = "hello",
                                         .language = "en_US",
                                         .quality = "RED",
                                         .category = "UTILITY"})
                     .value();
  ASSERT_TRUE(by_name);
  const auto stored = templates::get(tx(), "waba", "hello", "en_US").value();
  EXPECT_EQ(stored.status, "PAUSED");
  EXPECT_EQ(stored.reason, "LOW");
  EXPECT_EQ(stored.quality, "RED");
  EXPECT_EQ(stored.category, "UTILITY");
  EXPECT_FALSE(templates::apply(tx(), {.business_id = "waba", .meta_id = "none", .status = "X"}).value());
  EXPECT_FALSE(
      templates::apply(tx(), {.business_id = "other", .meta_id = "id-hello-en_US", .status = "X"}).value());
}

TEST_F(TemplateStoreTest, MarksWhatACompleteSyncNoLongerShows) {
  ASSERT_TRUE(templates::upsert(tx(), make("old", "en_US", 100)));
  ASSERT_TRUE(templates::upsert(tx(), make("new", "en_US", 200)));
  const auto missing = templates::mark_missing(tx(), "waba", wall_from_micros(150)).value();
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(missing.front().name, "old");
  EXPECT_EQ(templates::get(tx(), "waba", "old", "en_US").value().status, kTemplateMissing);
  EXPECT_EQ(templates::get(tx(), "waba", "new", "en_US").value().status, "APPROVED");
  EXPECT_TRUE(templates::mark_missing(tx(), "waba", wall_from_micros(150)).value().empty())
      << "only newly missing ones";
  ASSERT_TRUE(templates::upsert(tx(), make("old", "en_US", 300)));
  EXPECT_EQ(templates::find_by_meta_id(tx(), "id-old-en_US").value()->status, "APPROVED");
}

}  // namespace
}  // namespace posthorn::test
