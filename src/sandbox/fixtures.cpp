// The business everybody meets first: one account, three numbers, and templates of every kind Meta documents.
#include <array>

#include "sandbox/config.h"

namespace posthorn::sandbox {
namespace {

constexpr auto kTemplates = std::to_array<std::string_view>({
    // Text only, no variables.
    R"({"name":"hello_world","language":"en_US","category":"UTILITY","components":[
        {"type":"HEADER","format":"TEXT","text":"Hello World"},
        {"type":"BODY","text":"Welcome and congratulations!! This message demonstrates your ability to send a WhatsApp message notification. Thank you for taking the time to test with us."},
        {"type":"FOOTER","text":"WhatsApp Business Platform sample message"}]})",
    // Positional variables, a text header with one, quick replies.
    R"({"name":"spring_sale","language":"en_US","category":"MARKETING","components":[
        {"type":"HEADER","format":"TEXT","text":"Our {{1}} is on!","example":{"header_text":["Spring Sale"]}},
        {"type":"BODY","text":"Hi {{1}}, shop now through {{2}} and use code {{3}} to get {{4}} off of all merchandise.","example":{"body_text":[["Anna","the end of August","25OFF","25%"]]}},
        {"type":"FOOTER","text":"Reply STOP to opt out"},
        {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Unsubscribe from Promos"},{"type":"QUICK_REPLY","text":"Unsubscribe from All"}]}]})",
    R"({"name":"spring_sale","language":"de","category":"MARKETING","components":[
        {"type":"HEADER","format":"TEXT","text":"Unser {{1}} läuft!","example":{"header_text":["Frühjahrsverkauf"]}},
        {"type":"BODY","text":"Hallo {{1}}, bis {{2}} sparst du mit dem Code {{3}} ganze {{4}} auf alles.","example":{"body_text":[["Anna","Ende August","25OFF","25 %"]]}},
        {"type":"FOOTER","text":"Mit STOP abbestellen"},
        {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Keine Angebote mehr"},{"type":"QUICK_REPLY","text":"Nichts mehr"}]}]})",
    // One variable: the shortest broadcast.
    R"({"name":"order_update","language":"en_US","category":"UTILITY","components":[
        {"type":"BODY","text":"Your order {{1}} has been shipped.","example":{"body_text":[["A-1001"]]}}]})",
    // Named variables and a dynamic URL.
    R"({"name":"order_confirmation","language":"en_US","category":"UTILITY","parameter_format":"NAMED","components":[
        {"type":"BODY","text":"Thank you, {{first_name}}! Your order number is {{order_number}}. We will write again when it ships.","example":{"body_text_named_params":[{"param_name":"first_name","example":"Pablo"},{"param_name":"order_number","example":"860198-230332"}]}},
        {"type":"BUTTONS","buttons":[{"type":"URL","text":"Track order","url":"https://shop.example.com/orders/{{1}}","example":["https://shop.example.com/orders/860198"]},{"type":"PHONE_NUMBER","text":"Call us","phone_number":"+15550051310"}]}]})",
    // Media headers.
    R"({"name":"new_arrivals","language":"en_US","category":"MARKETING","components":[
        {"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::aW1hZ2U="]}},
        {"type":"BODY","text":"Hi {{1}}, the new collection has arrived. Have a look!","example":{"body_text":[["Anna"]]}},
        {"type":"BUTTONS","buttons":[{"type":"URL","text":"See it","url":"https://shop.example.com/new?c={{1}}","example":["https://shop.example.com/new?c=7"]}]}]})",
    R"({"name":"product_video","language":"en_US","category":"MARKETING","components":[
        {"type":"HEADER","format":"VIDEO","example":{"header_handle":["4::dmlkZW8="]}},
        {"type":"BODY","text":"See what is new this week in two minutes."},
        {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Tell me more"}]}]})",
    R"({"name":"invoice_ready","language":"en_US","category":"UTILITY","components":[
        {"type":"HEADER","format":"DOCUMENT","example":{"header_handle":["4::ZG9j"]}},
        {"type":"BODY","text":"Your invoice over {{1}} is due on {{2}}. Thank you!","example":{"body_text":[["$120.50","January 1, 2027"]]}}]})",
    R"({"name":"pickup_point","language":"en_US","category":"UTILITY","components":[
        {"type":"HEADER","format":"LOCATION"},
        {"type":"BODY","text":"Good news, {{1}}! Order {{2}} waits at the place above.","example":{"body_text":[["Mark","566701"]]}},
        {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Stop delivery updates"}]}]})",
    // One-time code.
    R"({"name":"login_code","language":"en_US","category":"AUTHENTICATION","message_send_ttl_seconds":600,"components":[
        {"type":"BODY","add_security_recommendation":true},
        {"type":"FOOTER","code_expiration_minutes":10},
        {"type":"BUTTONS","buttons":[{"type":"OTP","otp_type":"COPY_CODE","text":"Copy code"}]}]})",
    // Coupon.
    R"({"name":"coupon_gift","language":"en_US","category":"MARKETING","components":[
        {"type":"HEADER","format":"TEXT","text":"Our winter sale is on!"},
        {"type":"BODY","text":"Shop now and use code {{1}} to get {{2}} off of all merchandise!","example":{"body_text":[["25OFF","25%"]]}},
        {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Unsubscribe"},{"type":"COPY_CODE","example":"250FF"}]}]})",
    // Limited-time offer.
    R"({"name":"limited_offer","language":"en_US","category":"MARKETING","components":[
        {"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::b2ZmZXI="]}},
        {"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Expiring offer!","has_expiration":true}},
        {"type":"BODY","text":"Good news, {{1}}! Use code {{2}} to get 25% off all packages!","example":{"body_text":[["Pablo","CARIBE25"]]}},
        {"type":"BUTTONS","buttons":[{"type":"COPY_CODE","example":"CARIBE25"},{"type":"URL","text":"Book now!","url":"https://shop.example.com/offers?code={{1}}","example":["https://shop.example.com/offers?code=n3mtql"]}]}]})",
    // Flow.
    R"({"name":"feedback_form","language":"en_US","category":"UTILITY","components":[
        {"type":"BODY","text":"How was your visit, {{1}}? Tell us in one minute.","example":{"body_text":[["Anna"]]}},
        {"type":"BUTTONS","buttons":[{"type":"FLOW","text":"Open form","flow_id":"1190310682218432","flow_action":"navigate","navigate_screen":"START"}]}]})",
    // Catalog and multi-product.
    R"({"name":"view_catalog","language":"en_US","category":"MARKETING","components":[
        {"type":"BODY","text":"Now shop for your favourite products right here, {{1}}! Get {{2}} off all orders.","example":{"body_text":[["Anna","10%"]]}},
        {"type":"BUTTONS","buttons":[{"type":"CATALOG","text":"View catalog"}]}]})",
    R"({"name":"abandoned_cart","language":"en_US","category":"MARKETING","components":[
        {"type":"HEADER","format":"TEXT","text":"Forget something, {{1}}?","example":{"header_text":["Pablo"]}},
        {"type":"BODY","text":"Looks like you left these items in your cart. Use code {{1}} to get 10% off!","example":{"body_text":[["10OFF"]]}},
        {"type":"BUTTONS","buttons":[{"type":"MPM","text":"View items"}]}]})",
    // Payment.
    R"({"name":"payment_request","language":"en","category":"UTILITY","components":[
        {"type":"BODY","text":"Dear {{1}}, please pay for your order below.","example":{"body_text":[["Priya"]]}},
        {"type":"BUTTONS","buttons":[{"type":"ORDER_DETAILS","text":"Review and Pay"}]}]})",
    // Carousel of two cards.
    R"({"name":"summer_carousel","language":"en_US","category":"MARKETING","components":[
        {"type":"BODY","text":"Summer is here, {{1}}, and we have the freshest produce around!","example":{"body_text":[["Anna"]]}},
        {"type":"CAROUSEL","cards":[
          {"components":[{"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::Y2FyZDE="]}},{"type":"BODY","text":"Rare lemons for {{1}} a piece, while stocks last.","example":{"body_text":[["$1"]]}},
            {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Send me more"},{"type":"URL","text":"Buy","url":"https://shop.example.com/p/{{1}}","example":["https://shop.example.com/p/lemon"]}]}]},
          {"components":[{"type":"HEADER","format":"IMAGE","example":{"header_handle":["4::Y2FyZDI="]}},{"type":"BODY","text":"Exotic fruit for {{1}} a piece, while stocks last.","example":{"body_text":[["$2"]]}},
            {"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Send me more"},{"type":"URL","text":"Buy","url":"https://shop.example.com/p/{{1}}","example":["https://shop.example.com/p/fruit"]}]}]}]}]})",
    // Not sendable.
    R"({"name":"paused_promo","language":"en_US","category":"MARKETING","status":"PAUSED","components":[
        {"type":"BODY","text":"Hi {{1}}, have you seen our offers?","example":{"body_text":[["Anna"]]}}]})",
    R"({"name":"rejected_promo","language":"en_US","category":"MARKETING","status":"REJECTED","rejected_reason":"PROMOTIONAL","components":[
        {"type":"BODY","text":"Hi {{1}}, buy now or regret it.","example":{"body_text":[["Anna"]]}}]})",
});

NumberConfig number(std::string_view id, std::string display, std::string name, int rate, bool coexistence) {
  NumberConfig n;
  n.id = id;
  n.display_phone_number = std::move(display);
  n.verified_name = std::move(name);
  n.messages_per_second = rate;
  n.coexistence = coexistence;
  return n;
}

MetaAccountConfig account(MetaFlavour flavour, std::string_view id, std::string_view token) {
  MetaAccountConfig a;
  a.flavour = flavour;
  a.id = id;
  a.token = Secret(std::string(token));
  a.name = "Lindenhof Outdoor";
  if (flavour != MetaFlavour::instagram_login) a.page_id = kDefaultPage;
  return a;
}

std::vector<MetaAccountConfig> default_accounts() {
  std::vector<MetaAccountConfig> out;
  out.push_back(account(MetaFlavour::instagram_login, kDefaultInstagram, kDefaultInstagramToken));
  out.back().own_id = "24411305822304914";
  out.back().username = "lindenhof.outdoor";
  out.back().app_secret = Secret(std::string(kDefaultInstagramSecret));
  out.push_back(account(MetaFlavour::instagram, kDefaultLinkedInstagram, kDefaultPageToken));
  out.back().username = "lindenhof.werkstatt";
  out.push_back(account(MetaFlavour::messenger, kDefaultPage, kDefaultPageToken));
  out.back().echo_details = true;
  return out;
}

}  // namespace

std::vector<std::string> default_templates() {
  return {kTemplates.begin(), kTemplates.end()};
}

SandboxConfig default_config() {
  SandboxConfig config;
  TokenConfig token;
  token.token = Secret(std::string(kDefaultToken));
  config.tokens.push_back(std::move(token));
  config.numbers.push_back(number(kDefaultNumber, "+1 555-078-3881", "Lindenhof Outdoor", 80, false));
  config.numbers.push_back(
      number(kDefaultFastNumber, "+1 555-078-3882", "Lindenhof Outdoor News", 1000, false));
  config.numbers.push_back(
      number(kDefaultCoexistenceNumber, "+49 1579 2300 118", "Lindenhof Werkstatt", 20, true));
  config.accounts = default_accounts();
  config.templates = default_templates();
  return config;
}

}  // namespace posthorn::sandbox
