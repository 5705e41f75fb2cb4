// Message templates as Meta describes them, and the list of everything a sender must fill in.
//
// Source of all rules and limits: Meta's template components and send-template references.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"

namespace posthorn::whatsapp {

// One {{…}} in a text: its name ("1" or "first_name") and where it stands.
struct Placeholder {
  std::string name;
  std::size_t begin = 0, end = 0;  // byte offsets of "{{…}}" in the text
};

struct TemplateText {
  std::string text;                       // with placeholders
  std::vector<Placeholder> placeholders;  // in order of appearance; one name may stand more than once
  std::vector<std::string> examples;      // in order of distinct names
};

enum class HeaderKind { none, text, image, video, document, gif, location, product };

struct TemplateHeader {
  HeaderKind kind = HeaderKind::none;
  TemplateText text;  // kind text only
};

enum class ButtonKind {
  quick_reply,
  url,
  phone_number,
  copy_code,
  flow,
  catalog,
  multi_product,
  single_product,
  otp,
  voice_call,
  order_details,
  request_contact_info,
  other,
};

struct TemplateButton {
  ButtonKind kind = ButtonKind::other;
  std::string type;  // Meta's word, kept for kinds unknown to us
  std::string label;
  TemplateText url;  // kind url: may end with one placeholder
  std::string phone_number;
  std::string example;  // copy_code: sample coupon
};

struct TemplateCard {
  TemplateHeader header;
  TemplateText body;
  std::vector<TemplateButton> buttons;
};

// What is known of a template besides its components.
struct TemplateFacts {
  std::string id;  // Meta's
  std::string name, language;
  std::string status = "APPROVED";  // Meta's words: APPROVED, PENDING, REJECTED, PAUSED, DISABLED, …
  std::string category;             // MARKETING, UTILITY, AUTHENTICATION
  std::string correct_category;     // differs from category when Meta is about to change it
  std::string sub_category;         // ORDER_DETAILS, ORDER_STATUS, …
  std::string quality = "UNKNOWN";  // GREEN, YELLOW, RED, UNKNOWN
  std::string parameter_format = "POSITIONAL";  // or NAMED
  std::string reason;                           // rejected_reason
};

struct Template {
  TemplateFacts facts;
  TemplateHeader header;
  TemplateText body;
  std::string footer;
  int code_expiration_minutes = 0;  // authentication: 1 to 90, 0 if none
  bool limited_time_offer = false;
  bool offer_expires = false;  // has_expiration
  std::string offer_text;
  bool tap_target = false;
  std::vector<TemplateButton> buttons;
  std::vector<TemplateCard> cards;
  json::array components;  // verbatim, for storage and comparison

  bool named() const { return facts.parameter_format == "NAMED"; }
  bool authentication() const { return facts.category == "AUTHENTICATION"; }
  bool order_status() const { return facts.sub_category == "ORDER_STATUS"; }
};

// What a slot's value must look like. Values are always text, as from a CSV cell; formats beside each.
enum class SlotType {
  text,       // no line breaks, tabs or more than 4 spaces in a row
  currency,   // "EUR 12.34" or "12.34 EUR"; chosen by the sender in place of text
  date_time,  // any text; Meta shows it as given. Chosen by the sender in place of text
  media,      // "https://…" or the id of uploaded media (digits)
  file_name,  // document headers: shown to the recipient
  latitude,
  longitude,
  place,        // name or address of a location
  url_suffix,   // what replaces the placeholder at the end of a button's URL
  otp_code,     // one-time code, at most 15 characters; goes into body and button
  payload,      // comes back in the webhook when the button is tapped
  coupon_code,  // letters and digits, at most 20
  flow_token,
  flow_data,   // JSON object
  product_id,  // product_retailer_id
  catalog_id,
  product_sections,  // JSON array of {"title", "product_items":[{"product_retailer_id"}]}
  order_details,     // JSON object, Meta's order_details parameter
  order_status,      // JSON object {"reference_id","order":{"status"}}
  expiration,        // Unix seconds or milliseconds, or 2026-12-31T20:00:00Z
  minutes,           // whole minutes, 1 to 43200
  url,
  title,  // tap target
};
std::string_view to_string(SlotType type);
std::optional<SlotType> slot_type_from(std::string_view text);

// One thing that a sender must or may fill in. Names are stable: they depend on the template only.
//   header.text  header.media  header.filename  header.location.latitude|longitude|name|address
//   header.product.id  header.product.catalog  body.1  body.first_name  limited_time_offer.expiration
//   button.0.payload|url|copy_code|flow_token|flow_data|thumbnail|sections|order_details|ttl_minutes
//   card.0.header.media  card.0.body.1  card.0.button.0.url  card.0.product.id …  order_status
//   tap_target.url|title
struct Slot {
  std::string name;
  SlotType type = SlotType::text;
  std::string label;  // for people: "Body, variable {{first_name}}"
  bool required = true;
  std::size_t max_length = 0;  // characters; 0: no limit of its own
  std::string example;         // Meta's sample value, if the template has one
};

// Accepts the object that the Graph API lists ({"id","name","language","status","category","components",…}).
// Fails with invalid_argument naming the component that cannot be understood. Unknown component types and
// buttons that take no values are kept in `components` and otherwise ignored.
Result<Template> parse_template(const json::object& object);
// From a stored row: facts and the verbatim components array.
Result<Template> parse_template(TemplateFacts facts, std::string_view components_json);

// Every slot, in reading order: header, body, offer, buttons, cards.
std::vector<Slot> variables(const Template& message_template);

// Why a template cannot, or should not, be sent.
struct TemplateProblem {
  bool blocks = true;   // false: a warning
  std::string message;  // what is wrong and what to do
};
// Status (only APPROVED may be sent), pending category change, RED quality, components that cannot be sent.
std::vector<TemplateProblem> check_sendable(const Template& message_template);

}  // namespace posthorn::whatsapp
