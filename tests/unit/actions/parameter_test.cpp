#include "actions/parameter.h"

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using ::testing::HasSubstr;

std::vector<Parameter> declared() {
  return {
      {.name = "template_name",
       .need = Need::required,
       .help = "which template",
       .max = 10,
       .aliases = {"metaName"}},
      {.name = "limit",
       .type = ParameterType::integer,
       .help = "how many",
       .fallback = 50,
       .min = 1,
       .max = 200},
      {.name = "share", .type = ParameterType::number, .help = "a share", .min = 0, .max = 1},
      {.name = "policy", .help = "what to do", .choices = {"once", "again"}},
      {.name = "confirm", .type = ParameterType::boolean, .help = "yes"},
      {.name = "mapping", .type = ParameterType::object, .help = "columns"},
      {.name = "lines", .type = ParameterType::list, .help = "lines", .min = 1, .max = 3},
      {.name = "to", .type = ParameterType::phone, .help = "who"},
      {.name = "at", .type = ParameterType::time, .help = "when"},
  };
}

json::object parse(std::string_view text) {
  return json::value(*parse_json(text)).as_object();
}

TEST(CheckParameters, FillsFallbacksAndLeavesTheRestAbsent) {
  const auto params = check_parameters(declared(), parse(R"({"template_name":"x"})"));
  ASSERT_TRUE(params);
  EXPECT_EQ(params->text("template_name"), "x");
  EXPECT_EQ(params->integer("limit"), 50);
  EXPECT_FALSE(params->has("policy"));
}

struct Bad {
  const char* given;
  const char* field;
  const char* says;
};

class RefusedParameters : public ::testing::TestWithParam<Bad> {};

TEST_P(RefusedParameters, NameTheFieldAndTheReason) {
  const auto params = check_parameters(declared(), parse(GetParam().given));
  ASSERT_FALSE(params) << GetParam().given;
  EXPECT_EQ(params.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(params.error().field, GetParam().field);
  EXPECT_THAT(params.error().message, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Table, RefusedParameters,
    ::testing::Values(
        Bad{R"({})", "template_name", "is missing: which template"},
        Bad{R"({"template_name":null})", "template_name", "is missing"},
        Bad{R"({"template_name":""})", "template_name", "must not be empty"},
        Bad{R"({"template_name":7})", "template_name", "must be a text, not an integer"},
        Bad{R"({"template_name":"12345678901"})", "template_name", "at most 10 bytes"},
        Bad{R"({"template_name":"x","templateName":"y"})", "template_name", "given twice"},
        Bad{R"({"template_nam":"x"})", "template_nam", "did you mean 'template_name'?"},
        Bad{R"({"template_name":"x","zzzzzzzzzzzz":1})", "zzzzzzzzzzzz", "it takes template_name, limit"},
        Bad{R"({"template_name":"x","limit":0})", "limit", "at least 1"},
        Bad{R"({"template_name":"x","limit":201})", "limit", "at most 200"},
        Bad{R"({"template_name":"x","limit":"5"})", "limit", "must be an integer, not a text"},
        Bad{R"({"template_name":"x","limit":1.5})", "limit", "must be an integer, not a number"},
        Bad{R"({"template_name":"x","limit":18446744073709551615})", "limit", "too large"},
        Bad{R"({"template_name":"x","share":1.01})", "share", "at most 1"},
        Bad{R"({"template_name":"x","share":true})", "share", "must be a number, not a boolean"},
        Bad{R"({"template_name":"x","policy":"never"})", "policy", "one of once, again"},
        Bad{R"({"template_name":"x","confirm":"true"})", "confirm", "must be a boolean"},
        Bad{R"({"template_name":"x","mapping":[]})", "mapping", "must be an object, not a list"},
        Bad{R"({"template_name":"x","lines":{}})", "lines", "must be a list, not an object"},
        Bad{R"({"template_name":"x","lines":[]})", "lines", "at least 1 entries"},
        Bad{R"({"template_name":"x","lines":[1,2,3,4]})", "lines", "at most 3 entries"},
        Bad{R"({"template_name":"x","to":"abc"})", "to", "not a phone number"},
        Bad{R"({"template_name":"x","to":491701234567})", "to", "must be a phone, not an integer"},
        Bad{R"({"template_name":"x","at":"tomorrow"})", "at", "not a time"}));

TEST(CheckParameters, AcceptsOtherSpellings) {
  for (const char* given : {R"({"templateName":"x"})", R"({"metaName":"x"})", R"({"template_name":"x"})"}) {
    const auto params = check_parameters(declared(), parse(given));
    ASSERT_TRUE(params) << given;
    EXPECT_EQ(params->text("template_name"), "x");
  }
}

TEST(CheckParameters, NormalisesPhonesAndTimes) {
  const auto params = check_parameters(
      declared(), parse(R"({"template_name":"x","to":"+49 170 1234567","at":"2026-03-29T09:00+02:00"})"));
  ASSERT_TRUE(params) << params.error().message;
  EXPECT_EQ(params->text("to"), "+491701234567");
  EXPECT_EQ(params->text("at"), "2026-03-29T07:00:00Z");
}

TEST(CheckParameters, TellsActionsWithoutParametersApart) {
  const auto params = check_parameters({}, parse(R"({"anything":1})"));
  ASSERT_FALSE(params);
  EXPECT_THAT(params.error().message, HasSubstr("takes none"));
}

TEST(NearestName, FindsTypingMistakesOnly) {
  const std::vector<std::string> known = {"start_broadcast", "pause_broadcast", "ping"};
  EXPECT_EQ(nearest_name("start_brodcast", known), "start_broadcast");
  EXPECT_EQ(nearest_name("pong", known), "ping");
  EXPECT_EQ(nearest_name("unrelated_words", known), "");
  EXPECT_EQ(nearest_name(std::string(10'000, 'a'), known), "");
}

TEST(Params, OfOtherTypesReadAsZero) {
  const Params params(parse(R"({"a":"x","b":[1,"two"]})"));
  EXPECT_EQ(params.integer("a"), 0);
  EXPECT_EQ(params.text("b"), "");
  EXPECT_EQ(params.text("missing"), "");
  EXPECT_EQ(params.texts("b"), std::vector<std::string>{"two"});
  EXPECT_FALSE(params.time("a"));
}

}  // namespace
}  // namespace posthorn
