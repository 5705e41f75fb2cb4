// Every declared action keeps the house's rules, and the documents in docs/ are what the registry says.
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

#include <gmock/gmock.h>

#include "actions/describe.h"
#include "actions/single_template.h"

namespace posthorn {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(std::string(POSTHORN_SOURCE_DIR) + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Declarations, AreCompleteAndConsistent) {
  const std::regex snake("[a-z][a-z0-9]*(_[a-z0-9]+)*");
  std::set<std::string> seen;
  for (const auto& action : make_registry().actions()) {
    EXPECT_TRUE(seen.insert(action.name).second) << action.name << " is declared twice";
    EXPECT_TRUE(std::regex_match(action.name, snake)) << action.name;
    EXPECT_TRUE(action.summary.ends_with('.')) << action.name;
    EXPECT_NE(action.handler, nullptr) << action.name;
    EXPECT_FALSE(action.category.empty()) << action.name;
    std::set<std::string> names;
    for (const auto& p : action.parameters) {
      EXPECT_TRUE(std::regex_match(p.name, snake)) << action.name << "." << p.name;
      EXPECT_FALSE(p.help.empty()) << action.name << "." << p.name;
      EXPECT_TRUE(names.insert(p.name).second) << action.name << "." << p.name;
      EXPECT_TRUE(p.need == Need::optional || p.fallback.is_null())
          << action.name << "." << p.name << " needs no fallback";
    }
  }
}

TEST(Declarations, ExamplesPassTheirOwnChecks) {
  for (const auto& action : make_registry().actions()) {
    const bool needs_something =
        std::ranges::any_of(action.parameters, [](const auto& p) { return p.need == Need::required; });
    EXPECT_TRUE(!needs_something || !action.example.empty()) << action.name << " has no example";
    if (action.example.empty()) continue;
    const auto checked = check_parameters(action.parameters, action.example);
    EXPECT_TRUE(checked) << action.name << ": " << (checked ? "" : checked.error().message);
  }
}

TEST(Declarations, FallbacksPassTheirOwnChecks) {
  for (const auto& action : make_registry().actions()) {
    for (auto p : action.parameters) {
      if (p.fallback.is_null() || p.fallback == json::value("")) continue;
      json::object given;
      given[p.name] = p.fallback;
      const std::vector<Parameter> only = {p};
      EXPECT_TRUE(check_parameters(only, given)) << action.name << "." << p.name;
    }
  }
}

TEST(Declarations, WhatShowsSecretsTakesNoCopy) {
  const auto registry = make_registry();
  for (const char* name : {"create_key", "create_login_link"})
    EXPECT_TRUE(registry.find(name)->secret_answer) << name;
  for (const char* name : {"add_channel", "set_channel_token"}) {
    const auto& parameters = registry.find(name)->parameters;
    const auto token = std::ranges::find(parameters, "token", &Parameter::name);
    ASSERT_NE(token, parameters.end());
    EXPECT_TRUE(token->secret);
  }
}

TEST(Documents, AreWhatTheRegistrySays) {
  const auto registry = make_registry();
  EXPECT_EQ(file_text("docs/actions.md"), actions_markdown(registry))
      << "run: posthorn actions --markdown > docs/actions.md";
  EXPECT_EQ(file_text("docs/openapi/posthorn.json"),
            pretty_json(openapi_document(registry, POSTHORN_TEST_VERSION)))
      << "run: posthorn actions --openapi > docs/openapi/posthorn.json";
}

// --- send_template's short forms ---

whatsapp::Template order_update() {
  const auto tree = *parse_json(
      R"({"id":"1","name":"order_update","language":"en_US","status":"APPROVED","category":"UTILITY",
    "parameter_format":"POSITIONAL","components":[{"type":"BODY","text":"Hi {{1}}, order {{2}} left.","example":{"body_text":[["A","1"]]}},
    {"type":"BUTTONS","buttons":[{"type":"URL","text":"Track","url":"https://x.example/{{1}}","example":["https://x.example/1"]}]}]})");
  return *whatsapp::parse_template(tree.as_object());
}

Params parse(std::string_view text) {
  return Params(parse_json(text)->as_object());
}

TEST(SingleTemplate, TakesShortFormsAndSlotNames) {
  const auto values = slot_values(
      order_update(),
      parse(R"({"body_params":["Asha",12345],"buttons":[{"index":0,"type":"url","url_suffix":"abc"}]})"));
  ASSERT_TRUE(values) << values.error().message;
  EXPECT_EQ(*values,
            (whatsapp::SlotValues{{"body.1", "Asha"}, {"body.2", "12345"}, {"button.0.url", "abc"}}));
  const auto named = slot_values(order_update(), parse(R"({"values":{"body.1":"Asha","body.2":"7"}})"));
  EXPECT_EQ(named->at("body.2"), "7");
}

TEST(SingleTemplate, RefusesWhatDoesNotFit) {
  struct Case {
    const char* given;
    const char* field;
  };
  for (const auto& [given, field] :
       {Case{R"({"body_params":["a","b","c"]})", "body_params"}, Case{R"({"buttons":["x"]})", "buttons[0]"},
        Case{R"({"buttons":[{"type":"flow"}]})", "buttons[0]"},
        Case{R"({"buttons":[{"type":"url"}]})", "buttons[0].url_suffix"}}) {
    const auto values = slot_values(order_update(), parse(given));
    ASSERT_FALSE(values) << given;
    EXPECT_EQ(values.error().field, field) << given;
  }
  EXPECT_FALSE(single_template_body(order_update(), parse(R"({"body_params":["a"]})"),
                                    PhoneNumber::from_digits(491701234567)));
}

TEST(SingleTemplate, ComponentsGoAsTheyAre) {
  const auto body =
      single_template_body(order_update(), parse(R"({"components":[{"type":"body","parameters":[]}]})"),
                           PhoneNumber::from_digits(491701234567));
  ASSERT_TRUE(body);
  const auto tree = *parse_json(*body);
  EXPECT_EQ(tree.at("to").as_string(), "491701234567");
  EXPECT_EQ(tree.at("template").at("language").at("code").as_string(), "en_US");
  EXPECT_EQ(tree.at("template").at("components").at(0).at("type").as_string(), "body");
}

}  // namespace
}  // namespace posthorn
