#include "channels/whatsapp/template_message.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>

#include "unit/whatsapp/template_samples.h"

namespace posthorn::whatsapp {
namespace {

using testing::HasSubstr;

const TemplateSample& sample(std::string_view name) {
  static const std::vector<TemplateSample> all = template_samples();
  return *std::ranges::find(all, name, &TemplateSample::name);
}

std::string rendered(const TemplateSample& s, bool as_variables) {
  std::vector<std::string_view> values;
  const Result<CompiledTemplateMessage> message = compile_sample(s, as_variables, &values);
  if (!message) return "compile: " + message.error().message;
  if (const Result<> checked = message->check(values); !checked) return "check: " + checked.error().message;
  std::string out;
  message->render(out, {"491701234567", ""}, values, "tok");
  return out;
}

std::string components(std::string_view name) {
  const json::value body = json::parse(rendered(sample(name), true));
  return json::serialize(body.at("template").at("components"));
}

TEST(TemplateMessage, Envelope) {
  EXPECT_EQ(
      rendered(sample("plain"), true),
      R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+491701234567","type":"template","template":{"name":"plain",)"
      R"("language":{"policy":"deterministic","code":"en_US"},"components":[]},"biz_opaque_callback_data":"tok"})");
}

TEST(TemplateMessage, ConstantsAndVariablesGiveTheSameBytes) {
  for (const TemplateSample& s : template_samples()) {
    const std::string once = rendered(s, false);
    EXPECT_EQ(once, rendered(s, true)) << s.name;
    EXPECT_TRUE(parse_json(once)) << s.name << ": " << once;
  }
}

struct ComponentCase {
  std::string_view name, json;
};
class Components : public testing::TestWithParam<ComponentCase> {};
TEST_P(Components, AsMetaWantsThem) {
  EXPECT_EQ(components(GetParam().name), json::serialize(json::parse(GetParam().json)));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Components,
    testing::Values(
        ComponentCase{"positional", R"([{"type":"header","parameters":[{"type":"text","text":"A-7"}]},
        {"type":"body","parameters":[{"type":"text","text":"J\u00f6rg \"J\""},{"type":"text","text":"Boot"},{"type":"text","text":"Friday"}]}])"},
        ComponentCase{
            "named",
            R"([{"type":"header","parameters":[{"type":"text","parameter_name":"first_name","text":"Ann"}]},
        {"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"Ann"},{"type":"text","parameter_name":"item","text":"hat"}]}])"},
        ComponentCase{
            "money",
            R"([{"type":"body","parameters":[{"type":"currency","currency":{"fallback_value":"EUR 12.34","code":"EUR","amount_1000":12340}},
        {"type":"date_time","date_time":{"fallback_value":"31 May"}}]}])"},
        ComponentCase{
            "image",
            R"([{"type":"header","parameters":[{"type":"image","image":{"link":"https://example.com/a.jpg"}}]}])"},
        ComponentCase{"video",
                      R"([{"type":"header","parameters":[{"type":"video","video":{"id":"123456789"}}]}])"},
        ComponentCase{
            "document",
            R"([{"type":"header","parameters":[{"type":"document","document":{"link":"https://example.com/a.pdf","filename":"bill.pdf"}}]}])"},
        ComponentCase{
            "location",
            R"([{"type":"header","parameters":[{"type":"location","location":{"latitude":52.52,"longitude":-13.405,"name":"Shop","address":"Main St 1"}}]}])"},
        ComponentCase{
            "product",
            R"([{"type":"header","parameters":[{"type":"product","product":{"product_retailer_id":"sku1","catalog_id":"99"}}]}])"},
        ComponentCase{
            "buttons",
            R"([{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"YES"}]},
        {"type":"button","sub_type":"url","index":"2","parameters":[{"type":"text","text":"abc?x=1"}]}])"},
        ComponentCase{
            "coupon",
            R"([{"type":"button","sub_type":"copy_code","index":"0","parameters":[{"type":"coupon_code","coupon_code":"SAVE20"}]}])"},
        ComponentCase{
            "flow",
            R"([{"type":"button","sub_type":"flow","index":"0","parameters":[{"type":"action","action":{"flow_token":"tok","flow_action_data":{"a":1}}}]}])"},
        ComponentCase{
            "catalog",
            R"([{"type":"button","sub_type":"catalog","index":"0","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"sku1"}}]}])"},
        ComponentCase{
            "multi_product",
            R"([{"type":"button","sub_type":"mpm","index":"0","parameters":[{"type":"action","action":{"thumbnail_product_retailer_id":"sku1",
        "sections":[{"title":"T","product_items":[{"product_retailer_id":"sku1"}]}]}}]}])"},
        ComponentCase{
            "otp",
            R"([{"type":"body","parameters":[{"type":"text","text":"123456"}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"123456"}]}])"},
        ComponentCase{
            "otp_url",
            R"([{"type":"body","parameters":[{"type":"text","text":"123456"}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"123456"}]}])"},
        ComponentCase{
            "order_status",
            R"([{"type":"order_status","parameters":[{"type":"order_status","order_status":{"reference_id":"r1","order":{"status":"shipped"}}}]}])"},
        ComponentCase{
            "voice_call",
            R"([{"type":"button","sub_type":"voice_call","index":"0","parameters":[{"type":"ttl_minutes","ttl_minutes":60},{"type":"payload","payload":"p"}]}])"},
        ComponentCase{"offer", R"([{"type":"body","parameters":[{"type":"text","text":"you"}]},
        {"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":1798747200000}}]},
        {"type":"button","sub_type":"copy_code","index":"0","parameters":[{"type":"coupon_code","coupon_code":"X1"}]},
        {"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"a"}]}])"},
        ComponentCase{"product_carousel", R"([{"type":"carousel","cards":[
        {"card_index":0,"components":[{"type":"header","parameters":[{"type":"product","product":{"product_retailer_id":"a","catalog_id":"9"}}]}]},
        {"card_index":1,"components":[{"type":"header","parameters":[{"type":"product","product":{"product_retailer_id":"b","catalog_id":"9"}}]}]}]}])"},
        ComponentCase{
            "carousel",
            R"([{"type":"body","parameters":[{"type":"text","text":"Ann"}]},{"type":"carousel","cards":[
        {"card_index":0,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},{"type":"body","parameters":[{"type":"text","text":"x"}]},
          {"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"p0"}]},{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"u0"}]}]},
        {"card_index":1,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://e.com/2.png"}}]},{"type":"body","parameters":[{"type":"text","text":"y"}]},
          {"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"u1"}]}]}]}])"},
        ComponentCase{
            "tap_target",
            R"([{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},{"type":"tap_target_configuration","parameters":[
        {"type":"tap_target_configuration","tap_target_configuration":[{"url":"https://e.com","title":"Shop"}]}]}])"}));

TEST(TemplateMessage, OptionalSlotsEmptyInARowLeaveTheirComponentOut) {
  CompileOptions options;
  options.variables = {"button.0.payload", "button.1.payload", "button.2.url"};
  const auto message =
      CompiledTemplateMessage::compile(parse_sample(sample("buttons")).value(), options).value();
  const auto indices = [&](std::vector<std::string_view> values) {
    std::string out, found;
    message.render(out, {"1", ""}, values, "");
    const json::value parsed = json::parse(out);
    for (const json::value& c : parsed.at("template").at("components").as_array())
      found += std::string(c.at("index").as_string());
    return found;
  };
  EXPECT_EQ(indices({"a", "b", "c"}), "012");
  EXPECT_EQ(indices({"", "b", "c"}), "12");
  EXPECT_EQ(indices({"a", "", "c"}), "02");
  EXPECT_EQ(indices({"", "", "c"}), "2");
}

TEST(TemplateMessage, OptionalPartsInsideOneParameter) {
  const auto render_with = [](std::string_view name, std::vector<std::string> variables,
                              std::vector<std::string_view> values, SlotValues constants) {
    CompileOptions options{std::move(variables), std::move(constants), {}};
    const auto message =
        CompiledTemplateMessage::compile(parse_sample(sample(name)).value(), options).value();
    std::string out;
    message.render(out, {"1", ""}, values, "");
    return json::serialize(json::parse(out).at("template").at("components").at(0).at("parameters"));
  };
  const std::vector<std::string> call = {"button.0.ttl_minutes", "button.0.payload"};
  EXPECT_EQ(render_with("voice_call", call, {"", "p"}, {}), R"([{"type":"payload","payload":"p"}])");
  EXPECT_EQ(render_with("voice_call", call, {"5", ""}, {}), R"([{"type":"ttl_minutes","ttl_minutes":5}])");
  const std::vector<std::string> flow = {"button.0.flow_token", "button.0.flow_data"};
  EXPECT_EQ(render_with("flow", flow, {"", ""}, {}), R"([{"type":"action","action":{}}])");
  EXPECT_EQ(render_with("flow", flow, {"", "{}"}, {}),
            R"([{"type":"action","action":{"flow_action_data":{}}}])");
  EXPECT_EQ(render_with("flow", flow, {"t", ""}, {}), R"([{"type":"action","action":{"flow_token":"t"}}])");
  EXPECT_EQ(render_with("document", {"header.filename"}, {""}, {{"header.media", "1"}}),
            R"([{"type":"document","document":{"id":"1"}}])");
}

struct CompileError {
  std::string_view name;
  std::vector<std::string> variables;
  SlotValues constants;
  std::map<std::string, SlotType, std::less<>> types;
  std::string field;
};
class BadCompile : public testing::TestWithParam<CompileError> {};
TEST_P(BadCompile, NamesTheSlot) {
  const CompileError& c = GetParam();
  const auto message = CompiledTemplateMessage::compile(parse_sample(sample(c.name)).value(),
                                                        {c.variables, c.constants, c.types});
  ASSERT_FALSE(message);
  EXPECT_EQ(message.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(message.error().field, c.field);
  EXPECT_THAT(message.error().message, HasSubstr(c.field));
}
INSTANTIATE_TEST_SUITE_P(
    Options, BadCompile,
    testing::Values(
        CompileError{"positional", {"body.1", "body.2"}, {{"header.text", "x"}}, {}, "body.3"},
        CompileError{"positional", {"body.9"}, {}, {}, "body.9"},
        CompileError{"plain", {}, {{"body.1", "x"}}, {}, "body.1"},
        CompileError{"coupon", {"button.0.copy_code", "button.0.copy_code"}, {}, {}, "button.0.copy_code"},
        CompileError{
            "coupon", {"button.0.copy_code"}, {{"button.0.copy_code", "X"}}, {}, "button.0.copy_code"},
        CompileError{"coupon", {}, {{"button.0.copy_code", "no blanks"}}, {}, "button.0.copy_code"},
        CompileError{"coupon", {}, {{"button.0.copy_code", ""}}, {}, "button.0.copy_code"},
        CompileError{"money", {"body.1", "body.2"}, {}, {{"body.1", SlotType::media}}, "body.1"},
        CompileError{"money", {"body.1", "body.2"}, {}, {{"body.3", SlotType::currency}}, "body.3"},
        CompileError{"coupon",
                     {"button.0.copy_code"},
                     {},
                     {{"button.0.copy_code", SlotType::currency}},
                     "button.0.copy_code"}));

struct ValueCase {
  SlotType type;
  std::string value;
  std::string complaint;  // empty: fine
};
class Values : public testing::TestWithParam<ValueCase> {};
TEST_P(Values, AreJudged) {
  const ValueCase& c = GetParam();
  const Slot slot{"the.slot", c.type, "The slot", true, 30, ""};
  const Result<> result = check_value(slot, c.value);
  if (c.complaint.empty()) {
    EXPECT_TRUE(result) << result.error().message;
  } else {
    ASSERT_FALSE(result) << c.value;
    EXPECT_EQ(result.error().field, "the.slot");
    EXPECT_THAT(result.error().message, HasSubstr("the.slot"));
    EXPECT_THAT(result.error().message, HasSubstr(c.complaint));
  }
}
INSTANTIATE_TEST_SUITE_P(
    Table, Values,
    testing::Values(
        ValueCase{SlotType::text, "fine    four", ""},
        ValueCase{SlotType::text, "five     spaces", "more than 4 spaces"},
        ValueCase{SlotType::text, "a\nb", "line break"}, ValueCase{SlotType::text, "a\rb", "line break"},
        ValueCase{SlotType::text, "a\tb", "tab"}, ValueCase{SlotType::text, std::string("a\0b", 3), "NUL"},
        ValueCase{SlotType::text, "", "empty"},
        ValueCase{SlotType::text, std::string(31, 'x'), "31 characters"},
        ValueCase{SlotType::text, "ééééééééééééééééééééééééééé", ""},
        ValueCase{SlotType::date_time, "a\nb", "line break"}, ValueCase{SlotType::currency, "EUR 12.34", ""},
        ValueCase{SlotType::currency, "12.34 EUR", ""}, ValueCase{SlotType::currency, "JPY500", ""},
        ValueCase{SlotType::currency, "-3 USD", ""}, ValueCase{SlotType::currency, "12.34", "amount"},
        ValueCase{SlotType::currency, "EUR 1,234.00", "amount"},
        ValueCase{SlotType::currency, "EUR 1.2345", "amount"}, ValueCase{SlotType::currency, "EUR", "amount"},
        ValueCase{SlotType::currency, "eur 5", "amount"},
        ValueCase{SlotType::media, "https://e.com/a b", "address"},
        ValueCase{SlotType::media, "ftp://e.com", "address"},
        ValueCase{SlotType::media, "https://", "address"},
        ValueCase{SlotType::media, "https:///x", "address"}, ValueCase{SlotType::media, "12345", ""},
        ValueCase{SlotType::media, "http://e.com/x", ""}, ValueCase{SlotType::latitude, "90", ""},
        ValueCase{SlotType::latitude, "-0.5", ""}, ValueCase{SlotType::latitude, "90.1", "90"},
        ValueCase{SlotType::latitude, "052", "decimal"}, ValueCase{SlotType::latitude, ".5", "decimal"},
        ValueCase{SlotType::latitude, "5.", "decimal"}, ValueCase{SlotType::latitude, "1e1", "decimal"},
        ValueCase{SlotType::latitude, "52,5", "decimal"}, ValueCase{SlotType::latitude, "-", "decimal"},
        ValueCase{SlotType::longitude, "180", ""}, ValueCase{SlotType::longitude, "-181", "180"},
        ValueCase{SlotType::url_suffix, "a/b?c=%20", ""},
        ValueCase{SlotType::url_suffix, "a b", "percent-encode"},
        ValueCase{SlotType::otp_code, "12 34", "blanks"}, ValueCase{SlotType::coupon_code, "SAVE20", ""},
        ValueCase{SlotType::coupon_code, "SAVE-20", "letters"}, ValueCase{SlotType::minutes, "1", ""},
        ValueCase{SlotType::minutes, "43200", ""}, ValueCase{SlotType::minutes, "0", "43200"},
        ValueCase{SlotType::minutes, "43201", "43200"}, ValueCase{SlotType::minutes, "05", "43200"},
        ValueCase{SlotType::expiration, "1798747200", ""},
        ValueCase{SlotType::expiration, "2026-12-31T20:00:00Z", ""},
        ValueCase{SlotType::expiration, "tomorrow", "time"}, ValueCase{SlotType::url, "12345", "address"},
        ValueCase{SlotType::flow_data, R"({"a":1})", ""}, ValueCase{SlotType::flow_data, "[1]", "object"},
        ValueCase{SlotType::flow_data, "{", "JSON"},
        ValueCase{SlotType::order_details, R"({"a":1})", "reference_id"},
        ValueCase{SlotType::order_status, R"({"reference_id":"r"})", "order"},
        ValueCase{SlotType::product_sections, "[]", "sections"},
        ValueCase{SlotType::product_sections, R"([{"title":"t"}])", "product_items"},
        ValueCase{SlotType::payload, "a\nb", "control"}, ValueCase{SlotType::title, "fine", ""}));

TEST(TemplateMessage, OptionalSlotsMayBeEmpty) {
  EXPECT_TRUE(check_value({"s", SlotType::payload, "S", false, 10, ""}, ""));
}

TEST(TemplateMessage, FilledTextsHaveLimits) {
  CompileOptions options;
  options.variables = {"body.1"};
  TemplateSample s{"t", "MARKETING", "POSITIONAL", R"([{"type":"BODY","text":"{{1}} and {{1}} again"}])", {}};
  const auto message = CompiledTemplateMessage::compile(parse_sample(s).value(), options).value();
  const std::string fits(506, 'x'), too_long(507, 'x'), wide = [] {
    std::string t;
    for (int i = 0; i < 506; ++i) t += "é";
    return t;
  }();
  EXPECT_TRUE(message.check(std::vector<std::string_view>{fits})) << "2 × 506 + 11 = 1023";
  EXPECT_TRUE(message.check(std::vector<std::string_view>{wide}));
  const Result<> result = message.check(std::vector<std::string_view>{too_long});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().field, "body.1");
  EXPECT_THAT(result.error().message, HasSubstr("1024"));
  EXPECT_FALSE(message.check({})) << "one value is missing";
}

TEST(TemplateMessage, ValuesCannotBreakOutOfTheirPlace) {
  for (const std::string_view evil :
       {"\"}]", "\\", "\\\"", "\x01", "</script>", "{{1}}", "\xff\xfe", "[", "{"}) {
    CompileOptions options;
    options.variables = {"body.1", "body.2", "body.3", "header.text"};
    const auto message =
        CompiledTemplateMessage::compile(parse_sample(sample("positional")).value(), options).value();
    std::string out;
    message.render(out, {"1", "DE.\"x"}, std::vector<std::string_view>(4, evil), evil);
    const json::value parsed = json::parse(out);
    EXPECT_EQ(parsed.at("template").at("components").at(1).at("parameters").as_array().size(), 3U) << evil;
    EXPECT_EQ(parsed.at("recipient").as_string(), "DE.\"x");
  }
}

TEST(TemplateMessage, PreviewShowsWhatPeopleSee) {
  const TemplateSample& s = sample("positional");
  EXPECT_EQ(render_preview(parse_sample(s).value(), s.values),
            "Order A-7\nDear Jörg \"J\", Boot comes on Friday, Jörg \"J\".");
  EXPECT_EQ(render_preview(parse_sample(s).value(), {}),
            "Order {{1}}\nDear {{1}}, {{2}} comes on {{3}}, {{1}}.");
  const TemplateSample& b = sample("buttons");
  EXPECT_EQ(render_preview(parse_sample(b).value(), b.values),
            "Hello\n[Yes]\n[No]\n[Track: https://example.com/t/abc?x=1]\n[Home: https://example.com]\n[Call: "
            "+4930]");
  std::vector<std::string_view> values;
  const auto carousel = compile_sample(sample("carousel"), true, &values).value();
  EXPECT_THAT(
      carousel.preview(values),
      HasSubstr("--- card 2 ---\n[image https://e.com/2.png]\nC y d\n[More]\n[Buy: https://e.com/u1]"));
}

TEST(SingleMessages, GeneralFormChecksEverything) {
  const Template t = parse_sample(sample("named")).value();
  EXPECT_TRUE(render_template_message(t, sample("named").values, {"4917", ""}));
  EXPECT_EQ(render_template_message(t, {}, {"4917", ""}).error().field, "header.text");
  EXPECT_EQ(render_template_message(t, sample("named").values, {"", ""}).error().field, "to");
  EXPECT_EQ(render_template_message(t, sample("named").values, {"+4917", ""}).error().field, "to");
  EXPECT_EQ(render_template_message(t, sample("named").values, {"1234567890123456", ""}).error().field, "to");
}

TEST(SingleMessages, TextReadAndToken) {
  const std::string text = text_message({"4917", ""}, "You are \"out\"", "wamid.Q").value();
  EXPECT_EQ(
      text,
      R"({"messaging_product":"whatsapp","recipient_type":"individual","to":"+4917","context":{"message_id":"wamid.Q"},)"
      R"("type":"text","text":{"preview_url":false,"body":"You are \"out\""}})");
  std::string with_token;
  append_with_token(with_token, text, "v1.t");
  EXPECT_EQ(json::parse(with_token).at("biz_opaque_callback_data").as_string(), "v1.t");
  EXPECT_FALSE(text_message({"4917", ""}, ""));
  EXPECT_FALSE(text_message({"4917", ""}, std::string(4097, 'x')));
  EXPECT_TRUE(text_message({"", "DE.1"}, "x"));
  EXPECT_EQ(
      mark_read("wamid.A", true),
      R"({"messaging_product":"whatsapp","status":"read","message_id":"wamid.A","typing_indicator":{"type":"text"}})");
}

}  // namespace
}  // namespace posthorn::whatsapp
