// What people read on the command line.
#include "app/output.h"

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

json::value parsed(std::string_view text) {
  auto value = parse_json(text);
  EXPECT_TRUE(value) << text;
  return value.value_or(json::value(nullptr));
}

TEST(Output, GroupsThousands) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1'000), "1,000");
  EXPECT_EQ(grouped(1'234'567), "1,234,567");
  EXPECT_EQ(grouped(-123), "-123");
  EXPECT_EQ(grouped(-1'234), "-1,234");
}

TEST(Output, DurationsRoundUpAndChangeTheirUnit) {
  EXPECT_EQ(short_duration(0), "0 s");
  EXPECT_EQ(short_duration(0.05), "1 s");
  EXPECT_EQ(short_duration(59.2), "1 min 0 s");
  EXPECT_EQ(short_duration(250), "4 min 10 s");
  EXPECT_EQ(short_duration(7'500), "2 h 5 min");
}

TEST(Output, TablesAlignNumbersRightAndCountLettersNotBytes) {
  const auto rows =
      parsed(R"([{"name":"Zoë","n":5},{"name":"Bartholomew","n":1200},{"name":"x","n":-3}])").as_array();
  EXPECT_EQ(table(rows, {{"name", "NAME"}, {"n", "COUNT"}}, "nothing"),
            "NAME         COUNT\nZoë              5\nBartholomew   1200\nx               -3\n");
  EXPECT_EQ(table(json::array(), {{"name", "NAME"}}, "nothing"), "nothing\n");
  EXPECT_EQ(table(parsed(R"([{"a":{"b":7}},{"a":null},{}])").as_array(), {{"a.b", "B"}}, ""), "B\n7\n\n\n");
}

TEST(Output, FieldsLeaveOutWhatIsNested) {
  EXPECT_EQ(
      fields(
          parsed(R"({"id":1,"longer":"x","list":[1],"object":{"a":1},"none":null,"yes":true})").as_object()),
      "id      1\nlonger  x\nnone    \nyes     true\n");
}

TEST(Output, ErrorsAsJsonGoToStandardOutput) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  print_error({ErrorCode::not_found, "there is no broadcast 9", "id"}, true);
  EXPECT_EQ(
      testing::internal::GetCapturedStdout(),
      "{\"error\":{\"code\":\"not_found\",\"message\":\"there is no broadcast 9\",\"field\":\"id\"}}\n");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  print_error({ErrorCode::not_found, "there is no broadcast 9", "id"}, false);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "posthorn: there is no broadcast 9\n");
}

TEST(Output, PreflightShowsEverythingThatDecides) {
  const auto text =
      preflight_text(parsed(R"({"rows":12000,"accepted":11000,"rejected":700,"duplicates":250,"opted_out":50,
    "problems_by_reason":{"bad_phone":600,"missing_value":100,"duplicate":250,"opted_out":50},
    "by_region":{"AT":10,"DE":10980,"GG":10},"budget":{"tier":"TIER_10K","used_24h":4000,"limit":10000,"remaining":6000},
    "rate_per_second":78.8,"seconds":139.6,"cost":{"amount":1234.5,"currency":"EUR","rates_of":"2026-07-01"},
    "warnings":[{"code":"budget","message":"too many"}],"blockers":[{"code":"x","message":"paused"}]})"));
  EXPECT_EQ(text,
            "  12,000 rows: 11,000 accepted, 700 rejected, 250 duplicates, 50 opted out\n"
            "           600  not a phone number\n"
            "           100  a variable has no value\n"
            "  countries: DE 10,980, AT 10, GG 10\n"
            "  budget: 6,000 of 10,000 people left in 24 hours (TIER_10K)\n"
            "  time: about 2 min 20 s at 79 messages/s\n"
            "  cost: about 1234.50 EUR (rates of 2026-07-01)\n"
            "  warning: too many\n"
            "  BLOCKED: paused\n");
}

TEST(Output, PreflightCutsLongListsOfCountriesAndSaysWhyThereIsNoPrice) {
  json::object summary, regions;
  for (char c = 'A'; c <= 'R'; ++c) regions[std::string("A") + c] = 100 - c;
  summary["by_region"] = regions;
  summary["cost"] = nullptr;
  const auto text = preflight_text(summary);
  EXPECT_THAT(text, HasSubstr("countries: AA 35, AB 34"));
  EXPECT_THAT(text, HasSubstr("AO 21, 3 more countries 57\n"));
  EXPECT_THAT(text, Not(HasSubstr("AP ")));
  EXPECT_THAT(text, HasSubstr("no rate card is configured (rates.file)"));
  EXPECT_THAT(preflight_text(json::object()), HasSubstr("0 rows"));
}

TEST(Output, PreviewsShowTextOrReason) {
  const auto text = previews_text(parsed(R"({"previews":[
    {"line":2,"phone_as_given":"0170 1","phone":"+491701","problem":"","text":"Hi\nyou"},
    {"line":17,"phone_as_given":"bad","phone":null,"problem":"no number"},
    {"line":900,"phone_as_given":"","phone":null,"problem":"no row"}]})"));
  EXPECT_EQ(text,
            "line 2 to +491701\n  | Hi\n  | you\nline 17 to bad\n  not sent: no number\nline 900\n  not "
            "sent: no row\n");
  EXPECT_EQ(previews_text(parsed(R"({"previews":[]})")), "no such line\n");
}

TEST(Output, ReportsListErrorsWithTheirNextStep) {
  const auto text = report_text(parsed(R"({"name":"Sale","state":"paused","state_reason":"token lost",
    "totals":{"total":1000,"accepted":0,"delivered":7,"rejected":3,"unknown":2},
    "errors":[{"code":131026,"at_submission":1,"at_delivery":2,"meaning":"cannot be reached","next_step":"nothing to do"}]})"));
  EXPECT_THAT(text, HasSubstr("“Sale”: paused (token lost)"));
  EXPECT_THAT(text, HasSubstr("       1,000  recipients\n"));
  EXPECT_THAT(text, HasSubstr("           0  accepted by Meta\n"));
  EXPECT_THAT(text, HasSubstr("           2  outcome not known yet\n"));
  EXPECT_THAT(text, HasSubstr("         3 × 131026: cannot be reached\n             → nothing to do\n"));
  EXPECT_THAT(text, Not(HasSubstr("cancelled")));
}

TEST(Output, TemplatesShowTheirTextsAndWhatToFillIn) {
  const auto text = template_text(
      parsed(R"({"name":"sale","components":[{"type":"BODY","text":"Hi {{1}}"},{"type":"BUTTONS"}],
    "variables":[{"name":"body.1","type":"text","required":true,"label":"Body 1","example":"Ann"}],"problems":[{"blocks":true,"message":"is paused"}]})"));
  EXPECT_THAT(text, HasSubstr("name  sale\n\nBODY\nHi {{1}}\n\nVARIABLE"));
  EXPECT_THAT(text, HasSubstr("body.1    text  true      Body 1   Ann\n"));
  EXPECT_THAT(text, HasSubstr("problem: is paused\n"));
  EXPECT_THAT(template_text(parsed(R"({"variables":[]})")), HasSubstr("nothing to fill in"));
}

TEST(Output, DoctorNamesTheNextStepOfWhatIsNotWell) {
  EXPECT_EQ(doctor_text(parsed(R"([{"health":"ok","name":"disk","finding":"fine","next_step":"x"},
    {"health":"warning","name":"web","finding":"unset","next_step":"set it"},{"health":"failure","name":"token","finding":"gone","next_step":"new one"}])")
                            .as_array()),
            "ok       disk: fine\nWARNING  web: unset\n         → set it\nFAILURE  token: gone\n         → "
            "new one\n");
}

}  // namespace
}  // namespace posthorn
