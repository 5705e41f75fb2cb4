#include "core/json_text.h"

#include <bit>
#include <charconv>
#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "core/json_writer.h"

namespace posthorn {
namespace {

std::string shown(double number) {
  std::string out;
  append_json_number(out, number);
  return out;
}

TEST(JsonText, NumbersReadAsPeopleWriteThem) {
  const std::pair<double, const char*> cases[] = {{78.8, "78.8"},
                                                  {0, "0"},
                                                  {-0.0, "-0"},
                                                  {100, "100"},
                                                  {-12.5, "-12.5"},
                                                  {0.0000541, "0.0000541"},
                                                  {1e-7, "0.0000001"},
                                                  {1e-8, "1e-08"},
                                                  {0.1 + 0.2, "0.30000000000000004"},
                                                  {52.520008, "52.520008"},
                                                  {123456789012, "123456789012"},
                                                  {1e20, "100000000000000000000"},
                                                  {1e21, "1e+21"},
                                                  {5e-324, "5e-324"},
                                                  {std::numeric_limits<double>::infinity(), "null"},
                                                  {std::numeric_limits<double>::quiet_NaN(), "null"}};
  for (const auto& [number, text] : cases) EXPECT_EQ(shown(number), text);
}

TEST(JsonText, EveryNumberComesBackTheSame) {
  std::mt19937_64 bits(7);
  for (int i = 0; i < 200'000; ++i) {
    const auto number = std::bit_cast<double>(bits());
    if (!std::isfinite(number)) continue;
    const auto text = shown(number);
    double back = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), back);
    ASSERT_EQ(end, text.data() + text.size()) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(back), std::bit_cast<std::uint64_t>(number)) << text;
  }
}

TEST(JsonText, TreesKeepTheirOrder) {
  const char* texts[] = {R"({"z":1,"a":[],"m":{},"n":[null,true,false,-5,18446744073709551615]})",
                         R"({"cost":{"amount":78.8,"currency":"USD"},"list":[0.5,1.25]})",
                         R"(["quote \" backslash \\ line \n tab \t umlaut ü emoji 😀"])",
                         "null",
                         "\"\"",
                         "[[[]]]"};
  for (const char* text : texts) EXPECT_EQ(json_text(*parse_json(text)), text);
  json::object object;
  EXPECT_EQ(json_text(object), "{}");
  object["broken"] = "\xff";
  EXPECT_EQ(json_text(object), "{\"broken\":\"\xEF\xBF\xBD\"}");
}

TEST(JsonText, TheWriterShowsNumbersTheSameWay) {
  std::string out;
  JsonWriter json(out);
  json.begin_array().value(78.8).value(1e-6).value(1e6).value(std::numeric_limits<double>::infinity());
  json.end_array();
  EXPECT_EQ(out, "[78.8,0.000001,1000000,null]");
}

}  // namespace
}  // namespace posthorn
