// Templates as the Graph API lists them: one for each kind of component. Shared by unit and contract tests.
#pragma once
#include <string>
#include <vector>

#include "channels/whatsapp/template_message.h"

namespace posthorn::whatsapp {

struct TemplateSample {
  std::string name;  // also the template's name
  std::string category;
  std::string format;      // POSITIONAL or NAMED
  std::string components;  // JSON array
  SlotValues values;       // good ones
  std::map<std::string, SlotType, std::less<>> types = {};
};

inline std::vector<TemplateSample> template_samples() {
  const std::string body = R"({"type":"BODY","text":"Hello"})";
  return {
      {"plain", "MARKETING", "POSITIONAL", "[" + body + R"(,{"type":"FOOTER","text":"Bye"}])", {}},
      {"positional",
       "UTILITY",
       "POSITIONAL",
       R"([{"type":"HEADER","format":"TEXT","text":"Order {{1}}","example":{"header_text":["A1"]}},
           {"type":"BODY","text":"Dear {{1}}, {{2}} comes on {{3}}, {{1}}.","example":{"body_text":[["Ann","Shoe","Monday"]]}}])",
       {{"header.text", "A-7"}, {"body.1", "Jörg \"J\""}, {"body.2", "Boot"}, {"body.3", "Friday"}}},
      {"named",
       "MARKETING",
       "NAMED",
       R"([{"type":"HEADER","format":"TEXT","text":"Hi {{first_name}}"},
           {"type":"BODY","text":"{{first_name}}, your {{item}} waits","example":{"body_text_named_params":[{"param_name":"first_name","example":"Ann"},{"param_name":"item","example":"hat"}]}}])",
       {{"header.text", "Ann"}, {"body.first_name", "Ann"}, {"body.item", "hat"}}},
      {"money",
       "UTILITY",
       "POSITIONAL",
       R"([{"type":"BODY","text":"Pay {{1}} until {{2}} please"}])",
       {{"body.1", "EUR 12.34"}, {"body.2", "31 May"}},
       {{"body.1", SlotType::currency}, {"body.2", SlotType::date_time}}},
      {"image",
       "MARKETING",
       "POSITIONAL",
       R"([{"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::a"]}},)" + body + "]",
       {{"header.media", "https://example.com/a.jpg"}}},
      {"video",
       "MARKETING",
       "POSITIONAL",
       R"([{"type":"HEADER","format":"VIDEO"},)" + body + "]",
       {{"header.media", "123456789"}}},
      {"gif",
       "MARKETING",
       "POSITIONAL",
       R"([{"type":"HEADER","format":"GIF"},)" + body + "]",
       {{"header.media", "123456789"}}},
      {"document",
       "UTILITY",
       "POSITIONAL",
       R"([{"type":"HEADER","format":"DOCUMENT"},)" + body + "]",
       {{"header.media", "https://example.com/a.pdf"}, {"header.filename", "bill.pdf"}}},
      {"location",
       "UTILITY",
       "POSITIONAL",
       R"([{"type":"HEADER","format":"LOCATION"},)" + body + "]",
       {{"header.location.latitude", "52.52"},
        {"header.location.longitude", "-13.405"},
        {"header.location.name", "Shop"},
        {"header.location.address", "Main St 1"}}},
      {"product",
       "MARKETING",
       "POSITIONAL",
       R"([{"type":"HEADER","format":"PRODUCT"},)" + body +
           R"(,{"type":"BUTTONS","buttons":[{"type":"SPM","text":"View"}]}])",
       {{"header.product.id", "sku1"}, {"header.product.catalog", "99"}}},
      {"buttons",
       "MARKETING",
       "POSITIONAL",
       "[" + body +
           R"(,{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Yes"},{"type":"QUICK_REPLY","text":"No"},
           {"type":"URL","text":"Track","url":"https://example.com/t/{{1}}","example":["https://example.com/t/1"]},
           {"type":"URL","text":"Home","url":"https://example.com"},{"type":"PHONE_NUMBER","text":"Call","phone_number":"+4930"}]}])",
       {{"button.0.payload", "YES"}, {"button.2.url", "abc?x=1"}}},
      {"coupon",
       "MARKETING",
       "POSITIONAL",
       "[" + body + R"(,{"type":"BUTTONS","buttons":[{"type":"COPY_CODE","example":"SAVE10"}]}])",
       {{"button.0.copy_code", "SAVE20"}}},
      {"flow",
       "UTILITY",
       "POSITIONAL",
       "[" + body + R"(,{"type":"BUTTONS","buttons":[{"type":"FLOW","text":"Open","flow_id":1}]}])",
       {{"button.0.flow_token", "tok"}, {"button.0.flow_data", R"({"a":1})"}}},
      {"catalog",
       "MARKETING",
       "POSITIONAL",
       "[" + body + R"(,{"type":"BUTTONS","buttons":[{"type":"CATALOG","text":"View"}]}])",
       {{"button.0.thumbnail", "sku1"}}},
      {"multi_product",
       "MARKETING",
       "POSITIONAL",
       "[" + body + R"(,{"type":"BUTTONS","buttons":[{"type":"MPM","text":"View"}]}])",
       {{"button.0.thumbnail", "sku1"},
        {"button.0.sections", R"([{"title":"T","product_items":[{"product_retailer_id":"sku1"}]}])"}}},
      {"otp",
       "AUTHENTICATION",
       "POSITIONAL",
       R"([{"type":"BODY","text":"*{{1}}* is your code.","add_security_recommendation":true},{"type":"FOOTER","code_expiration_minutes":10},
           {"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE","text":"Copy"}]}])",
       {{"body.1", "123456"}}},
      {"otp_url",
       "AUTHENTICATION",
       "POSITIONAL",
       R"([{"type":"BODY","text":"*{{1}}* is your code."},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Copy","url":"https://www.whatsapp.com/otp/code/?code=otp{{1}}"}]}])",
       {{"body.1", "123456"}}},
      {"order",
       "UTILITY",
       "POSITIONAL",
       "[" + body + R"(,{"type":"BUTTONS","buttons":[{"type":"ORDER_DETAILS","text":"Pay"}]}])",
       {{"button.0.order_details",
         R"({"reference_id":"r1","type":"digital-goods","currency":"INR","total_amount":{"value":100,"offset":100},"order":{"status":"pending","items":[]}})"}}},
      {"order_status",
       "UTILITY",
       "POSITIONAL",
       "[" + body + R"(,{"type":"ORDER_STATUS"}])",
       {{"order_status", R"({"reference_id":"r1","order":{"status":"shipped"}})"}}},
      {"voice_call",
       "UTILITY",
       "POSITIONAL",
       "[" + body + R"(,{"type":"BUTTONS","buttons":[{"type":"VOICE_CALL","text":"Call us"}]}])",
       {{"button.0.ttl_minutes", "60"}, {"button.0.payload", "p"}}},
      {"offer",
       "MARKETING",
       "POSITIONAL",
       R"([{"type":"BODY","text":"Only for {{1}} now"},{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Ends soon","has_expiration":true}},
           {"type":"BUTTONS","buttons":[{"type":"COPY_CODE","example":"A"},{"type":"URL","text":"Go","url":"https://e.com/{{1}}"}]}])",
       {{"body.1", "you"},
        {"limited_time_offer.expiration", "2026-12-31T20:00:00Z"},
        {"button.0.copy_code", "X1"},
        {"button.1.url", "a"}}},
      {"carousel",
       "MARKETING",
       "POSITIONAL",
       R"([{"type":"BODY","text":"Look {{1}} here"},{"type":"CAROUSEL","cards":[
           {"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"A {{1}} b"},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"More"},{"type":"URL","text":"Buy","url":"https://e.com/{{1}}"}]}]},
           {"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"C {{1}} d"},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"More"},{"type":"URL","text":"Buy","url":"https://e.com/{{1}}"}]}]}]}])",
       {{"body.1", "Ann"},
        {"card.0.header.media", "1"},
        {"card.0.body.1", "x"},
        {"card.0.button.0.payload", "p0"},
        {"card.0.button.1.url", "u0"},
        {"card.1.header.media", "https://e.com/2.png"},
        {"card.1.body.1", "y"},
        {"card.1.button.1.url", "u1"}}},
      {"product_carousel",
       "MARKETING",
       "POSITIONAL",
       "[" + body + R"(,{"type":"CAROUSEL","cards":[
           {"components":[{"type":"HEADER","format":"PRODUCT"},{"type":"BUTTONS","buttons":[{"type":"SPM","text":"View"}]}]},
           {"components":[{"type":"HEADER","format":"PRODUCT"},{"type":"BUTTONS","buttons":[{"type":"SPM","text":"View"}]}]}]}])",
       {{"card.0.header.product.id", "a"},
        {"card.0.header.product.catalog", "9"},
        {"card.1.header.product.id", "b"},
        {"card.1.header.product.catalog", "9"}}},
      {"tap_target",
       "MARKETING",
       "POSITIONAL",
       R"([{"type":"HEADER","format":"IMAGE"},)" + body + R"(,{"type":"TAP_TARGET_CONFIGURATION"}])",
       {{"header.media", "1"}, {"tap_target.url", "https://e.com"}, {"tap_target.title", "Shop"}}},
  };
}

inline Result<Template> parse_sample(const TemplateSample& sample) {
  TemplateFacts facts;
  facts.id = "1";
  facts.name = sample.name;
  facts.language = "en_US";
  facts.category = sample.category;
  facts.parameter_format = sample.format;
  return parse_template(std::move(facts), sample.components);
}

// All values as constants, or all as variables.
inline Result<CompiledTemplateMessage> compile_sample(const TemplateSample& sample, bool as_variables,
                                                      std::vector<std::string_view>* values = nullptr) {
  Result<Template> parsed = parse_sample(sample);
  if (!parsed) return std::unexpected(std::move(parsed).error());
  CompileOptions options;
  options.types = sample.types;
  if (as_variables) {
    for (const auto& [name, value] : sample.values) {
      options.variables.push_back(name);
      if (values != nullptr) values->push_back(value);
    }
  } else {
    options.constants = sample.values;
  }
  return CompiledTemplateMessage::compile(*std::move(parsed), std::move(options));
}

}  // namespace posthorn::whatsapp
