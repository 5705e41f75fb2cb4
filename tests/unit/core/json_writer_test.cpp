#include "core/json_writer.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "core/json.h"

namespace posthorn {
namespace {

std::string written(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonString, EscapesWhatMustBe) {
  EXPECT_EQ(written("plain / text"), "\"plain / text\"");
  EXPECT_EQ(written("a\"b\\c\nd\re\tf"), R"("a\"b\\c\nd\re\tf")");
  EXPECT_EQ(written(std::string_view("\0\x01\x1f\x7f", 4)), "\"\\u0000\\u0001\\u001f\\u007f\"");
  EXPECT_EQ(written(""), "\"\"");
}

TEST(JsonString, KeepsValidUtf8) {
  for (std::string_view text :
       {"é", "€", "📯", "\xED\x9F\xBF", "\xEE\x80\x80", "\xF4\x8F\xBF\xBF", "a€b📯c"}) {
    EXPECT_EQ(written(text), "\"" + std::string(text) + "\"");
  }
}

TEST(JsonString, ReplacesEachBrokenByte) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(written("a\x80z"), "\"a" + mark + "z\"");
  EXPECT_EQ(written("\xC0\xAF"), "\"" + mark + mark + "\"");             // overlong
  EXPECT_EQ(written("\xED\xA0\x80"), "\"" + mark + mark + mark + "\"");  // surrogate
  EXPECT_EQ(written("\xE2\x82"), "\"" + mark + mark + "\"");             // cut off
  EXPECT_EQ(written("\xE2\x82\""), "\"" + mark + mark + "\\\"\"");  // the quote after it is still escaped
  EXPECT_EQ(written("\xF4\x90\x80\x80"), "\"" + mark + mark + mark + mark + "\"");
}

// Any bytes at all become a JSON text that the strict parser takes.
TEST(JsonString, EveryPairOfBytesIsValidJson) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string text = {static_cast<char>(a), static_cast<char>(b)};
      ASSERT_TRUE(parse_json(written(text))) << a << " " << b;
    }
  }
}

TEST(JsonWriter, PlacesCommas) {
  std::string out;
  JsonWriter w(out);
  w.begin_object()
      .member("a", 1)
      .key("b")
      .begin_array()
      .value("x")
      .begin_object()
      .end_object()
      .value(true)
      .null();
  w.end_array()
      .key("c")
      .begin_object()
      .member("d", "e\n")
      .end_object()
      .key("r")
      .raw("[1,2]")
      .member("f", 0.5);
  w.end_object();
  EXPECT_EQ(out, R"({"a":1,"b":["x",{},true,null],"c":{"d":"e\n"},"r":[1,2],"f":0.5})");
  EXPECT_TRUE(parse_json(out));
}

TEST(JsonWriter, WritesNumbersExactly) {
  std::string out;
  JsonWriter w(out);
  w.begin_array()
      .value(std::numeric_limits<std::int64_t>::min())
      .value(std::numeric_limits<std::int64_t>::max());
  w.value(0.1).value(1e300).value(std::nan("")).value(INFINITY).end_array();
  EXPECT_EQ(out, "[-9223372036854775808,9223372036854775807,0.1,1e+300,null,null]");
}

}  // namespace
}  // namespace posthorn
