#include "core/json.h"

#include <string>

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using testing::HasSubstr;

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

class AcceptedJson : public testing::TestWithParam<std::string> {};
TEST_P(AcceptedJson, Parses) {
  auto tree = parse_json(GetParam());
  EXPECT_TRUE(tree) << GetParam() << ": " << tree.error().message;
}
INSTANTIATE_TEST_SUITE_P(Table, AcceptedJson,
                         testing::Values("null", "true", "false", "0", "-0", "1.5e-3", "\"\"", "[]", "{}",
                                         " \t\r\n[1 , 2]\n ", "[[],[{}]]", R"({"a":{"a":{"a":1}}})",
                                         R"([{"a":1},{"a":2}])", R"(["\u0000\u001f\"\\\/\b\f\n\r\t"])",
                                         R"(["\ud834\udd1e"])", "[\"\xF0\x9F\x93\xAF\"]", "[\"\x7f\"]",
                                         R"({"":0})", "[1e-400]", "123456789012345678901234567890",
                                         "-9223372036854775808", "18446744073709551615",
                                         nested(kMaxJsonDepth)));

struct BadText {
  std::string text;
  std::string complaint;
};
class RefusedJson : public testing::TestWithParam<BadText> {};
TEST_P(RefusedJson, NamesThePlace) {
  auto tree = parse_json(GetParam().text);
  ASSERT_FALSE(tree) << GetParam().text;
  EXPECT_EQ(tree.error().code, ErrorCode::invalid_argument);
  EXPECT_THAT(tree.error().message, HasSubstr(GetParam().complaint)) << GetParam().text;
}
INSTANTIATE_TEST_SUITE_P(
    Table, RefusedJson,
    testing::Values(
        BadText{"", "byte 0 (line 1, column 1): the text ends too early"}, BadText{"   ", "too early"},
        BadText{"[1,\n 2,\n x]", "(line 3, column 2)"}, BadText{"[1,]", "byte 3"}, BadText{"[,1]", "byte 1"},
        BadText{"{\"a\":1,}", "invalid JSON"}, BadText{"{'a':1}", "byte 1"}, BadText{"{a:1}", "byte 1"},
        BadText{"{\"a\" 1}", "invalid JSON"}, BadText{"{\"a\":}", "invalid JSON"},
        BadText{"[1 2]", "invalid JSON"}, BadText{"[1]x", "more text after the end"},
        BadText{"{} {}", "more text after the end"}, BadText{std::string("[1]\0", 4), "more text"},
        BadText{"[", "too early"}, BadText{"\"abc", "too early"}, BadText{"[\"a\nb\"]", "invalid JSON"},
        BadText{std::string("[\"a\0b\"]", 7), "invalid JSON"}, BadText{"[\"\\x41\"]", "invalid JSON"},
        BadText{"[\"\\u12g4\"]", "invalid JSON"}, BadText{"nul", "too early"}, BadText{"NaN", "invalid JSON"},
        BadText{"[Infinity]", "invalid JSON"}, BadText{"[-]", "invalid JSON"},
        BadText{"[01]", "invalid JSON"}, BadText{"[+1]", "invalid JSON"}, BadText{"[.5]", "invalid JSON"},
        BadText{"[1.]", "invalid JSON"}, BadText{"[1e]", "invalid JSON"}, BadText{"[0x1]", "invalid JSON"},
        BadText{"// c\n1", "invalid JSON"}, BadText{"\xEF\xBB\xBF{}", "byte 0"},
        // lone surrogates, either half, and a high one before something else
        BadText{R"(["\ud800"])", "invalid JSON"}, BadText{R"(["\udc00"])", "invalid JSON"},
        BadText{R"(["\ud800\u0041"])", "invalid JSON"}, BadText{R"(["\ud800x"])", "invalid JSON"},
        // broken UTF-8: bare continuation, overlong, surrogate, above U+10FFFF, cut off
        BadText{"[\"\x80\"]", "invalid JSON"}, BadText{"[\"\xC0\xAF\"]", "invalid JSON"},
        BadText{"[\"\xED\xA0\x80\"]", "invalid JSON"}, BadText{"[\"\xF5\x80\x80\x80\"]", "invalid JSON"},
        BadText{"[\"\xE2\x82\"]", "invalid JSON"}, BadText{nested(kMaxJsonDepth + 1), "deeper than 32"},
        BadText{std::string(1'000'000, '['), "deeper than 32"},
        BadText{"[1e999999]", "byte 9 (line 1, column 10): the number is too large"},
        BadText{"[-1e400]", "too large"}, BadText{"1e400", "too large"},
        BadText{"[1e99999999999999999999]", "too large"},
        BadText{R"({"a":1,"a":2})", "byte 9 (line 1, column 10): the key \"a\" occurs twice"},
        BadText{R"({"a":1,"\u0061":2})", "the key \"a\" occurs twice"},
        BadText{R"([{"b":{"x":1,"y":2,"x":1}}])", "the key \"x\" occurs twice"}));

TEST(Json, LargeObjectsMayHaveManyKeysButNoneTwice) {
  std::string text = "{";
  for (int i = 0; i < 1000; ++i) text += "\"key" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  auto unique = parse_json(text + "\"last\":0}");
  ASSERT_TRUE(unique) << unique.error().message;
  EXPECT_EQ(unique->as_object().size(), 1001U);
  EXPECT_FALSE(parse_json(text + "\"key0\":0}"));
}

TEST(JsonView, ErrorsNameThePath) {
  auto tree = parse_json(R"({"mapping":{"body":["x",7]},"n":null})");
  JsonView root(*tree);
  EXPECT_EQ(*root["mapping"]["body"][0].string(), "x");
  auto wrong = root["mapping"]["body"][1].string();
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().message, "mapping.body[1] must be a string, not a number");
  EXPECT_EQ(wrong.error().field, "mapping.body[1]");
  EXPECT_EQ(root["gone"]["deeper"].boolean().error().message,
            "gone.deeper is missing; it must be true or false");
  EXPECT_EQ(root["n"].object().error().message, "n must be an object, not null");
  EXPECT_EQ(root.array().error().message, "the JSON text must be an array, not an object");
  EXPECT_FALSE(root["n"].exists());
  EXPECT_FALSE(root["mapping"]["body"][2].exists());
  EXPECT_EQ(root["mapping"]["body"].size(), 2U);
  EXPECT_EQ(root["mapping"].size(), 0U);
}

TEST(JsonView, IntegersAlsoComeAsStringsOfDigits) {
  auto tree =
      parse_json(R"({"n":5,"s":"1712345678","neg":"-3","f":2.0,"half":2.5,"plus":"+1","space":" 1","e":"",
                             "big":18446744073709551615,"long":"99999999999999999999","exp":1e300,"b":true})");
  JsonView root(*tree);
  EXPECT_EQ(*root["n"].integer(), 5);
  EXPECT_EQ(*root["s"].integer(), 1712345678);
  EXPECT_EQ(*root["neg"].integer(), -3);
  EXPECT_EQ(*root["f"].integer(), 2);
  for (const char* bad : {"half", "plus", "space", "e", "big", "long", "exp", "b", "absent"}) {
    EXPECT_FALSE(root[bad].integer()) << bad;
    EXPECT_EQ(root[bad].integer_or(-1), -1) << bad;
  }
  EXPECT_THAT(root["big"].integer().error().message, HasSubstr("at most 64 bits"));
}

TEST(JsonView, FallbacksServeAbsentAndWrongFields) {
  auto tree = parse_json(R"({"s":"x","b":true,"d":1.5,"u":18446744073709551615,"i":-2})");
  JsonView root(*tree);
  EXPECT_EQ(root["s"].string_or("y"), "x");
  EXPECT_EQ(root["b"].string_or("y"), "y");
  EXPECT_EQ(root["gone"].string_or("y"), "y");
  EXPECT_TRUE(root["b"].boolean_or(false));
  EXPECT_TRUE(root["s"].boolean_or(true));
  EXPECT_EQ(root["i"].integer_or(0), -2);
  EXPECT_EQ(*root["d"].number(), 1.5);
  EXPECT_EQ(*root["i"].number(), -2.0);
  EXPECT_EQ(*root["u"].number(), 18446744073709551615.0);
  EXPECT_FALSE(root["s"].number());
}

}  // namespace
}  // namespace posthorn
