#include "channels/whatsapp/template.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "unit/whatsapp/template_samples.h"

namespace posthorn::whatsapp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const TemplateSample& sample(std::string_view name) {
  static const std::vector<TemplateSample> all = template_samples();
  return *std::ranges::find(all, name, &TemplateSample::name);
}

std::vector<std::string> slot_names(std::string_view name) {
  std::vector<std::string> names;
  for (const Slot& slot : variables(parse_sample(sample(name)).value()))
    names.push_back(slot.name + (slot.required ? "" : "?"));
  return names;
}

TEST(TemplateSlots, StableNamesInReadingOrder) {
  EXPECT_TRUE(slot_names("plain").empty());
  EXPECT_THAT(slot_names("positional"), ElementsAre("header.text", "body.1", "body.2", "body.3"));
  EXPECT_THAT(slot_names("named"), ElementsAre("header.text", "body.first_name", "body.item"));
  EXPECT_THAT(slot_names("document"), ElementsAre("header.media", "header.filename?"));
  EXPECT_THAT(slot_names("location"), ElementsAre("header.location.latitude", "header.location.longitude",
                                                  "header.location.name?", "header.location.address?"));
  EXPECT_THAT(slot_names("buttons"), ElementsAre("button.0.payload?", "button.1.payload?", "button.2.url"));
  EXPECT_THAT(slot_names("coupon"), ElementsAre("button.0.copy_code"));
  EXPECT_THAT(slot_names("flow"), ElementsAre("button.0.flow_token?", "button.0.flow_data?"));
  EXPECT_THAT(slot_names("catalog"), ElementsAre("button.0.thumbnail?"));
  EXPECT_THAT(slot_names("multi_product"), ElementsAre("button.0.thumbnail", "button.0.sections"));
  EXPECT_THAT(slot_names("otp"), ElementsAre("body.1")) << "the button takes the body's code";
  EXPECT_THAT(slot_names("otp_url"), ElementsAre("body.1"));
  EXPECT_THAT(slot_names("order"), ElementsAre("button.0.order_details"));
  EXPECT_THAT(slot_names("offer"),
              ElementsAre("body.1", "limited_time_offer.expiration", "button.0.copy_code", "button.1.url"));
  EXPECT_THAT(slot_names("carousel"),
              ElementsAre("body.1", "card.0.header.media", "card.0.body.1", "card.0.button.0.payload?",
                          "card.0.button.1.url", "card.1.header.media", "card.1.body.1",
                          "card.1.button.0.payload?", "card.1.button.1.url"));
  EXPECT_THAT(slot_names("tap_target"), ElementsAre("header.media", "tap_target.url?", "tap_target.title?"));
}

TEST(TemplateSlots, ExamplesAndLimits) {
  const std::vector<Slot> slots = variables(parse_sample(sample("positional")).value());
  EXPECT_EQ(slots[0].example, "A1");
  EXPECT_EQ(slots[0].max_length, 60U);
  EXPECT_EQ(slots[2].example, "Shoe");
  EXPECT_THAT(slots[2].label, HasSubstr("{{2}}"));
  EXPECT_EQ(variables(parse_sample(sample("named")).value())[2].example, "hat");
  EXPECT_EQ(variables(parse_sample(sample("coupon")).value())[0].max_length, 20U);
  EXPECT_EQ(variables(parse_sample(sample("offer")).value())[2].max_length, 15U)
      << "coupons of offers are shorter";
}

TEST(TemplateSlots, PositionalVariablesComeInTheOrderOfTheirNumbers) {
  TemplateSample s{"t",
                   "UTILITY",
                   "POSITIONAL",
                   R"([{"type":"BODY","text":"{{10}} {{2}} {{1}} {{2}} {{ 3 }} {{}} {{A}} {{x"}])",
                   {}};
  std::vector<std::string> names;
  for (const Slot& slot : variables(parse_sample(s).value())) names.push_back(slot.name);
  EXPECT_THAT(names, ElementsAre("body.1", "body.2", "body.3", "body.10"));
}

TEST(TemplateSlots, TypeNamesGoBothWays) {
  for (int i = 0; i <= static_cast<int>(SlotType::title); ++i) {
    const auto type = static_cast<SlotType>(i);
    EXPECT_EQ(slot_type_from(to_string(type)), type);
  }
  EXPECT_FALSE(slot_type_from("nonsense"));
}

TEST(ParseTemplate, FromTheGraphList) {
  const json::value listed = json::parse(
      R"({"id":"594425479261596","name":"promo","language":"en_US","status":"APPROVED","category":"UTILITY",
      "correct_category":"MARKETING","quality_score":{"score":"GREEN","date":1},"rejected_reason":"NONE",
      "components":[{"type":"BODY","text":"Hi {{1}} there"}]})");
  const Template t = parse_template(listed.as_object()).value();
  EXPECT_EQ(t.facts.id, "594425479261596");
  EXPECT_EQ(t.facts.quality, "GREEN");
  EXPECT_EQ(t.facts.reason, "");
  EXPECT_EQ(t.components.size(), 1U);
  const auto problems = check_sendable(t);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_FALSE(problems[0].blocks);
  EXPECT_THAT(problems[0].message, HasSubstr("MARKETING"));
}

class BadTemplate : public testing::TestWithParam<std::pair<std::string, std::string>> {};
TEST_P(BadTemplate, IsRefusedByName) {
  const Result<Template> parsed = parse_sample({"t", "MARKETING", "POSITIONAL", GetParam().first, {}});
  ASSERT_FALSE(parsed);
  EXPECT_THAT(parsed.error().message, HasSubstr(GetParam().second));
}
INSTANTIATE_TEST_SUITE_P(
    Components, BadTemplate,
    testing::Values(
        std::pair{"{}", "array"}, std::pair{"", ""}, std::pair{"[7]", "components[0]"},
        std::pair{R"([{"type":"HEADER","format":"HOLOGRAM"}])", "HOLOGRAM"},
        std::pair{R"([{"type":"HEADER"}])", "format"},
        std::pair{R"([{"type":"BUTTONS","buttons":7}])", "buttons"},
        std::pair{R"([{"type":"BUTTONS","buttons":[7]}])", "buttons"},
        std::pair{R"([{"type":"CAROUSEL"}])", "cards"},
        std::pair{R"([{"type":"CAROUSEL","cards":[]}])", "cards"},
        std::pair{R"([{"type":"CAROUSEL","cards":[{}]}])", "cards[0]"},
        std::pair{
            R"([{"type":"BUTTONS","buttons":[{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}]}])",
            "21"}));

TEST(ParseTemplate, UnknownComponentsAreKeptAndIgnored) {
  const Template t =
      parse_sample(
          {"t",
           "MARKETING",
           "POSITIONAL",
           R"([{"type":"BODY","text":"x"},{"type":"FUTURE"},{"type":"BUTTONS","buttons":[{"type":"NEW"}]}])",
           {}})
          .value();
  EXPECT_EQ(t.components.size(), 3U);
  EXPECT_TRUE(variables(t).empty());
  EXPECT_FALSE(check_sendable(t)[0].blocks);
}

TEST(CheckSendable, OnlyApprovedMayBeSent) {
  Template t = parse_sample(sample("plain")).value();
  EXPECT_TRUE(check_sendable(t).empty());
  for (const char* status : {"PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "PENDING_DELETION",
                             "DELETED", "LIMIT_EXCEEDED", "ARCHIVED", "LOCKED", "", "FLAGGED"}) {
    t.facts.status = status;
    const auto problems = check_sendable(t);
    ASSERT_EQ(problems.size(), 1U) << status;
    EXPECT_TRUE(problems[0].blocks) << status;
    EXPECT_THAT(problems[0].message, HasSubstr("not APPROVED")) << status;
  }
  t.facts.status = "APPROVED";
  t.facts.quality = "RED";
  EXPECT_FALSE(check_sendable(t).at(0).blocks);
  t.body.text.clear();
  EXPECT_TRUE(check_sendable(t).back().blocks);
}

}  // namespace
}  // namespace posthorn::whatsapp
