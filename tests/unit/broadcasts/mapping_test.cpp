#include "broadcasts/mapping.h"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broadcasts/similar_names.h"

namespace posthorn {
namespace {

using testing::HasSubstr;

const std::vector<std::string> kColumns = {"phone", "First Name", "last name", "city", "code"};
const std::vector<MappingSlot> kSlots = {{"body.1", 10}, {"button.0", 15}};

Result<Mapping> compile(std::string_view text, std::vector<MappingSlot> slots = kSlots) {
  return Mapping::compile(parse_json(text).value().as_object(), std::move(slots), kColumns);
}

using Cells = std::vector<std::string_view>;

std::string first_value(std::string_view source, const Cells& cells, MappingSlot slot = {"body.1", 20}) {
  const auto mapping = compile("{\"body.1\": " + std::string(source) + "}", {slot});
  if (!mapping) return "error: " + mapping.error().message;
  std::vector<std::string> values;
  const auto resolved = mapping->resolve(cells, values);
  return resolved ? values.at(0) : "refused: " + std::string(explain(resolved.error().problem));
}

TEST(Mapping, ResolvesEverySource) {
  const Cells cells = {"49", "Ann", "Lee", "", "X1"};
  EXPECT_EQ(first_value(R"("First Name")", cells), "Ann");
  EXPECT_EQ(first_value(R"({"column": "first_name"})", cells), "Ann");
  EXPECT_EQ(first_value(R"({"column": "#5"})", cells), "X1");
  EXPECT_EQ(first_value(R"({"constant": "20 %"})", cells), "20 %");
  EXPECT_EQ(first_value(R"({"template": "{{First Name}} {{ last name }}!"})", cells), "Ann Lee!");
  EXPECT_EQ(first_value(R"({"column": "city", "fallback": "town"})", cells), "town");
  EXPECT_EQ(first_value(R"({"template": "in {{city}}", "fallback": "near you"})", cells), "near you");
  EXPECT_EQ(first_value(R"({"column": "code", "fallback": "none"})", {"49", "Ann"}), "none");  // short row
}

TEST(Mapping, RefusesValuesTheTemplateCannotTake) {
  EXPECT_EQ(first_value(R"("city")", {"49", "a", "b", "  ", ""}),
            "refused: has no value and no fallback is set");
  EXPECT_EQ(first_value(R"("city")", {"49", "a", "b", std::string_view("123456789012345678901"), ""}),
            "refused: is longer than the template allows");
  EXPECT_EQ(first_value(R"("city")", {"49", "a", "b", "ääääääääääääääääääää", ""}), "ääääääääääääääääääää");
  EXPECT_EQ(first_value(R"({"column": "city", "clean": false})", {"49", "a", "b", "x\ny", ""}),
            "refused: has a line break, a tab or more than four spaces in a row");
  EXPECT_EQ(first_value(R"({"column": "city", "clean": false})", {"49", "a", "b", "x    y", ""}), "x    y");
  EXPECT_EQ(first_value(R"({"column": "city", "clean": false})", {"49", "a", "b", "x     y", ""}),
            "refused: has a line break, a tab or more than four spaces in a row");
}

TEST(Mapping, CleansValues) {
  EXPECT_EQ(first_value(R"("city")", {"49", "a", "b", " x\r\n\ty      z ", ""}), "x y z");
  EXPECT_EQ(first_value(R"({"constant": "a\nb"})", {}), "a b");
  EXPECT_EQ(first_value(R"("city")", {"49", "a", "b", "'=1+1", ""}), "=1+1");  // guard of an exported file
  MappingSlot free{"body.1", 100, false};
  EXPECT_EQ(first_value(R"("city")", {"49", "a", "b", "x\n\ny", ""}, free), "x\n\ny");
}

struct Wrong {
  std::string_view json, field, message;
};
TEST(Mapping, ErrorsNameSlotAndColumn) {
  const Wrong cases[] = {
      {R"({"body.1": "city"})", "mapping.button.0", "“button.0” is not mapped"},
      {R"({"body.1": "city", "button.0": "code", "body.9": "x"})", "mapping.body.9",
       "did you mean “body.1”?"},
      {R"({"body.1": "citty", "button.0": "code"})", "mapping.body.1",
       "no column “citty”; did you mean “city”?"},
      {R"({"body.1": "zzzzzz", "button.0": "code"})", "mapping.body.1", "no column “zzzzzz”"},
      {R"({"body.1": 5, "button.0": "code"})", "mapping.body.1", "must be a column name or an object"},
      {R"({"body.1": {}, "button.0": "code"})", "mapping.body.1", "exactly one of"},
      {R"({"body.1": {"column": "city", "constant": "x"}, "button.0": "code"})", "mapping.body.1",
       "exactly one of"},
      {R"({"body.1": {"colum": "city"}, "button.0": "code"})", "mapping.body.1", "does not know “colum”"},
      {R"({"body.1": {"column": 1}, "button.0": "code"})", "mapping.body.1", "take a string"},
      {R"({"body.1": {"column": "city", "fallback": 1}, "button.0": "code"})", "mapping.body.1",
       "“fallback” must be"},
      {R"({"body.1": {"column": "city", "clean": 1}, "button.0": "code"})", "mapping.body.1",
       "“clean” must be"},
      {R"({"body.1": {"column": "city", "fallback": ""}, "button.0": "code"})", "mapping.body.1",
       "the fallback has no value"},
      {R"({"body.1": {"constant": "12345678901"}, "button.0": "code"})", "mapping.body.1",
       "the constant is longer"},
      {R"({"body.1": {"constant": ""}, "button.0": "code"})", "mapping.body.1", "the constant has no value"},
      {R"({"body.1": {"template": "Hi {{city"}, "button.0": "code"})", "mapping.body.1", "not closed"},
      {R"({"body.1": {"template": "Hi {{town}}"}, "button.0": "code"})", "mapping.body.1",
       "no column “town”"},
      {R"({"body.1": {"template": ""}, "button.0": "code"})", "mapping.body.1", "has no value"},
  };
  for (const Wrong& wrong : cases) {
    const auto mapping = compile(wrong.json);
    ASSERT_FALSE(mapping) << wrong.json;
    EXPECT_EQ(mapping.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(mapping.error().field, wrong.field) << wrong.json;
    EXPECT_THAT(mapping.error().message, HasSubstr(wrong.message)) << wrong.json;
  }
  const auto none = compile(R"({"body.1": "city"})", {});
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error().message, HasSubstr("it has none"));
}

TEST(Mapping, NamesTheSlotThatFails) {
  const auto mapping = compile(R"({"body.1": "First Name", "button.0": "code"})");
  ASSERT_TRUE(mapping);
  std::vector<std::string> values;
  const auto resolved = mapping->resolve(Cells{"49", "Ann", "", "", ""}, values);
  ASSERT_FALSE(resolved);
  EXPECT_EQ(resolved.error().slot, 1U);
}

TEST(Mapping, ProposesBySimilarNames) {
  const std::vector<MappingSlot> named = {
      {"body.name"}, {"body.first_name"}, {"body.town"}, {"button.coupon", 15, true, "", "code"}};
  const std::vector<std::string> columns = {"Phone", "Name", "First name", "Code", "Notes"};
  EXPECT_EQ(
      json::serialize(propose_mapping(named, columns, 0)),
      R"({"body.name":{"column":"Name"},"body.first_name":{"column":"First name"},"button.coupon":{"column":"Code"}})");
  const std::vector<MappingSlot> numbered = {{"body.1"}, {"body.2"}, {"body.3"}};
  EXPECT_EQ(json::serialize(propose_mapping(numbered, std::vector<std::string>{"name", "phone", "city"}, 1)),
            R"({"body.1":{"column":"name"},"body.2":{"column":"city"}})");
  EXPECT_TRUE(propose_mapping({}, columns, 0).empty());
}

TEST(SimilarNames, FoldAndCompare) {
  EXPECT_EQ(fold_name("Phone-No. "), "phoneno");
  EXPECT_EQ(fold_name("TÉLÉPHONE"), "téléphone");
  EXPECT_EQ(fold_name("ТЕЛЕФОН"), "телефон");
  EXPECT_EQ(fold_name("電話"), "電話");
  EXPECT_EQ(name_likeness("city", "city"), 1);
  EXPECT_GT(name_likeness("city", "citty"), 0.7);
  EXPECT_LT(name_likeness("city", "phone"), 0.4);
  EXPECT_EQ(name_likeness("", "x"), 0);
}

}  // namespace
}  // namespace posthorn
