#include "actions/describe.h"

#include <gmock/gmock.h>

namespace posthorn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Registry one() {
  return Registry(
      {{.name = "add_thing",
        .category = "things",
        .role = Role::marketer,
        .effect = Effect::mutates,
        .summary = "Adds a thing.",
        .parameters = {{.name = "name", .need = Need::required, .help = "its name", .min = 1},
                       {.name = "kind", .help = "its kind", .fallback = "a", .choices = {"a", "b"}},
                       {.name = "token", .help = "its token", .secret = true}},
        .example = {{"name", "x"}}},
       {.name = "list_things", .category = "things", .role = Role::viewer, .summary = "Lists things."}});
}

TEST(OpenApi, HasOnePathForEachActionWithItsSchema) {
  const auto document = json::value(openapi_document(one(), "1.2.3"));
  EXPECT_EQ(document.at("openapi").as_string(), "3.1.0");
  EXPECT_EQ(document.at("info").at("version").as_string(), "1.2.3");
  EXPECT_EQ(document.at("paths").as_object().size(), 2U);
  const auto& post = document.at("paths").at("/api/actions/add_thing").at("post");
  EXPECT_EQ(post.at("operationId").as_string(), "add_thing");
  EXPECT_EQ(post.at("parameters").as_array().size(), 1U);
  const auto& schema = post.at("requestBody").at("content").at("application/json").at("schema");
  EXPECT_EQ(schema.at("required").as_array().at(0), json::value("name"));
  EXPECT_EQ(schema.at("required").as_array().size(), 1U);
  EXPECT_EQ(schema.at("additionalProperties"), json::value(false));
  EXPECT_EQ(schema.at("properties").at("kind").at("enum"), json::value({"a", "b"}));
  EXPECT_EQ(schema.at("properties").at("kind").at("default"), json::value("a"));
  EXPECT_EQ(schema.at("properties").at("name").at("maxLength"), json::value(4096));
  EXPECT_TRUE(schema.at("properties").at("token").at("writeOnly").as_bool());
}

TEST(OpenApi, ReferencesResolve) {
  const auto document = json::value(openapi_document(one(), "1"));
  EXPECT_TRUE(document.at("components").at("responses").as_object().contains("Error"));
  EXPECT_TRUE(document.at("components").at("parameters").as_object().contains("IdempotencyKey"));
  EXPECT_TRUE(document.at("components").at("schemas").as_object().contains("Error"));
  EXPECT_TRUE(document.at("components").at("securitySchemes").as_object().contains("apiKey"));
}

TEST(OpenApi, ReadingTakesNoIdempotencyKey) {
  const auto document = json::value(openapi_document(one(), "1"));
  EXPECT_FALSE(
      document.at("paths").at("/api/actions/list_things").at("post").as_object().contains("parameters"));
}

TEST(Markdown, ShowsRoleParametersAndExample) {
  const auto text = actions_markdown(one());
  EXPECT_THAT(text, HasSubstr("### add_thing\n\nAdds a thing. Role: `marketer`; changes data."));
  EXPECT_THAT(text, HasSubstr("| `kind` | text |  | its kind | one of `a`, `b`; default `\"a\"` |"));
  EXPECT_THAT(text, HasSubstr("{\"name\":\"x\"}"));
  EXPECT_THAT(text, HasSubstr("### list_things\n\nLists things. Role: `viewer`; reads.\n\nNo parameters."));
  EXPECT_THAT(text, Not(::testing::EndsWith("\n\n")));
}

TEST(PrettyJson, IsReadableAndStillJson) {
  const auto value = *parse_json(R"({"a":[1,{"b":"ü\n"}],"e":{},"f":[]})");
  const auto text = pretty_json(value);
  EXPECT_EQ(*parse_json(text), value);
  EXPECT_THAT(text, HasSubstr("{\n  \"a\": [\n    1,\n    {\n      \"b\""));
}

}  // namespace
}  // namespace posthorn
