#include "sandbox/template_store.h"

#include <algorithm>
#include <array>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "sandbox/json_text.h"

namespace posthorn::sandbox {
namespace {

namespace js = boost::json;

constexpr int kInvalid = 100;
constexpr int kBadName = 2388024, kBadBody = 2388047, kEdgeVariable = 2388299, kTooLong = 2388040;
constexpr std::size_t kMaxName = 512, kMaxHeader = 60, kMaxOfferBody = 600, kMaxCardBody = 160,
                      kMaxFooter = 60;
constexpr std::size_t kMaxButtons = 10;

std::string_view text_of(const js::object& o, std::string_view key) {
  const js::value* v = o.if_contains(key);
  return v != nullptr && v->is_string() ? std::string_view(v->get_string()) : std::string_view();
}

std::string upper(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return out;
}

template <class Enum>
struct Named {
  std::string_view name;
  Enum value;
};

constexpr auto kFormats = std::to_array<Named<HeaderFormat>>({{"TEXT", HeaderFormat::text},
                                                              {"IMAGE", HeaderFormat::image},
                                                              {"VIDEO", HeaderFormat::video},
                                                              {"DOCUMENT", HeaderFormat::document},
                                                              {"GIF", HeaderFormat::gif},
                                                              {"LOCATION", HeaderFormat::location},
                                                              {"PRODUCT", HeaderFormat::product}});

constexpr auto kButtons =
    std::to_array<Named<ButtonKind>>({{"QUICK_REPLY", ButtonKind::quick_reply},
                                      {"URL", ButtonKind::url},
                                      {"PHONE_NUMBER", ButtonKind::phone_number},
                                      {"COPY_CODE", ButtonKind::copy_code},
                                      {"OTP", ButtonKind::otp},
                                      {"FLOW", ButtonKind::flow},
                                      {"CATALOG", ButtonKind::catalog},
                                      {"MPM", ButtonKind::mpm},
                                      {"SPM", ButtonKind::spm},
                                      {"ORDER_DETAILS", ButtonKind::order_details},
                                      {"VOICE_CALL", ButtonKind::voice_call},
                                      {"REQUEST_CONTACT_INFO", ButtonKind::request_contact_info}});

template <class Table>
auto look_up(const Table& table, std::string_view name) -> const typename Table::value_type* {
  const auto it = std::ranges::find(table, name, [](const auto& row) { return row.name; });
  return it == table.end() ? nullptr : &*it;
}

bool needs_value(ButtonKind kind, const js::object& button) {
  switch (kind) {
    case ButtonKind::url:
      return text_of(button, "url").find("{{") != std::string_view::npos;
    case ButtonKind::copy_code:
    case ButtonKind::otp:
    case ButtonKind::mpm:
    case ButtonKind::order_details:
      return true;
    default:
      return false;
  }
}

Graph<> read_header(const js::object& component, CardShape& card) {
  const auto* format = look_up(kFormats, upper(text_of(component, "format")));
  if (format == nullptr)
    return graph_fail(kInvalid,
                      "header: format \"" + std::string(text_of(component, "format")) + "\" is unknown");
  card.header = format->value;
  const std::string_view text = text_of(component, "text");
  if (card.header != HeaderFormat::text) return {};
  card.header_text = find_placeholders(text);
  if (text.empty() || count_characters(text) > kMaxHeader)
    return graph_fail(kInvalid, "header: text must have 1 to 60 characters", kTooLong);
  if (card.header_text.names.size() > 1)
    return graph_fail(kInvalid, "header: text can have only one variable", kBadBody);
  return {};
}

bool variable_at_edge(std::string_view text) {
  return text.starts_with("{{") || text.ends_with("}}");
}

Graph<> read_body(const js::object& component, CardShape& card, bool authentication) {
  const std::string_view text = text_of(component, "text");
  card.has_body = true;
  if (authentication) {  // the text is fixed by Meta: "{{1}} is your verification code."
    card.body = Placeholders{{"1"}, 32};
    return {};
  }
  card.body = find_placeholders(text);
  if (text.empty() || count_characters(text) > card.body_limit)
    return graph_fail(
        kInvalid, "body: text must have 1 to " + std::to_string(card.body_limit) + " characters", kTooLong);
  if (variable_at_edge(text))
    return graph_fail(kInvalid, "body: variables can't be at the start or end of the template",
                      kEdgeVariable);
  return {};
}

Graph<> read_buttons(const js::object& component, CardShape& card) {
  const js::value* list = component.if_contains("buttons");
  if (list == nullptr || !list->is_array())
    return graph_fail(kInvalid, "buttons: an array of buttons is required");
  if (list->get_array().size() > kMaxButtons)
    return graph_fail(kInvalid, "buttons: at most 10 buttons are allowed");
  for (const js::value& b : list->get_array()) {
    if (!b.is_object()) return graph_fail(kInvalid, "buttons: each button must be an object");
    const auto* kind = look_up(kButtons, upper(text_of(b.get_object(), "type")));
    if (kind == nullptr)
      return graph_fail(kInvalid,
                        "buttons: type \"" + std::string(text_of(b.get_object(), "type")) + "\" is unknown");
    card.buttons.push_back(ButtonShape{kind->value, needs_value(kind->value, b.get_object())});
  }
  return {};
}

Graph<> read_card(const js::object& owner, CardShape& card, TemplateShape* top, bool authentication);

Graph<> read_carousel(const js::object& component, TemplateShape& shape) {
  const js::value* cards = component.if_contains("cards");
  if (cards == nullptr || !cards->is_array() || cards->get_array().size() < 2 ||
      cards->get_array().size() > 10)
    return graph_fail(kInvalid, "carousel: 2 to 10 cards are required");
  for (const js::value& c : cards->get_array()) {
    CardShape card;
    card.body_limit = kMaxCardBody;
    if (!c.is_object()) return graph_fail(kInvalid, "carousel: each card must be an object");
    if (auto read = read_card(c.get_object(), card, nullptr, false); !read) return read;
    shape.cards.push_back(std::move(card));
  }
  return {};
}

Graph<> read_offer(const js::object& component, TemplateShape& shape) {
  shape.limited_time_offer = true;
  if (const js::value* offer = component.if_contains("limited_time_offer");
      offer != nullptr && offer->is_object()) {
    const js::value* expires = offer->get_object().if_contains("has_expiration");
    shape.offer_expires = expires != nullptr && expires->is_bool() && expires->get_bool();
  }
  return {};
}

Graph<> read_component(const js::object& c, CardShape& card, TemplateShape* top, bool authentication) {
  const std::string type = upper(text_of(c, "type"));
  if (type == "HEADER") return read_header(c, card);
  if (type == "BODY") return read_body(c, card, authentication);
  if (type == "BUTTONS") return read_buttons(c, card);
  if (type == "FOOTER") {
    if (count_characters(text_of(c, "text")) > kMaxFooter)
      return graph_fail(kInvalid, "footer: text must be at most 60 characters", kTooLong);
    return {};
  }
  if (top != nullptr && type == "CAROUSEL") return read_carousel(c, *top);
  if (top != nullptr && type == "LIMITED_TIME_OFFER") return read_offer(c, *top);
  return graph_fail(kInvalid, "components: type \"" + type + "\" is unknown here");
}

Graph<> read_card(const js::object& owner, CardShape& card, TemplateShape* top, bool authentication) {
  const js::value* components = owner.if_contains("components");
  if (components == nullptr || !components->is_array())
    return graph_fail(kInvalid, "Param components must be an array");
  for (const js::value& c : components->get_array()) {
    if (!c.is_object()) return graph_fail(kInvalid, "Param components must be an array of objects");
    if (auto read = read_component(c.get_object(), card, top, authentication); !read) return read;
  }
  return {};
}

bool valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

Placeholders find_placeholders(std::string_view text) {
  Placeholders out;
  out.fixed = count_characters(text);
  for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{", at + 2)) {
    const std::size_t end = text.find("}}", at);
    if (end == std::string_view::npos) break;
    const std::string_view name = text.substr(at + 2, end - at - 2);
    out.fixed -= count_characters(name) + 4;
    if (std::ranges::find(out.names, name) == out.names.end()) out.names.emplace_back(name);
  }
  return out;
}

Graph<Template> read_template(const js::object& definition) {
  Template t;
  t.definition = definition;
  t.name = text_of(definition, "name");
  t.language = text_of(definition, "language");
  t.category = upper(text_of(definition, "category"));
  t.status = text_of(definition, "status").empty() ? "APPROVED" : upper(text_of(definition, "status"));
  t.id = text_of(definition, "id");
  if (!valid_name(t.name)) return graph_fail(kInvalid, "name: use 1 to 512 of a-z, 0-9 and _", kBadName);
  if (t.language.empty()) return graph_fail(kInvalid, "Param language is required");
  if (t.category != "MARKETING" && t.category != "UTILITY" && t.category != "AUTHENTICATION")
    return graph_fail(kInvalid, "Param category must be one of {AUTHENTICATION, MARKETING, UTILITY}");
  t.shape.named = upper(text_of(definition, "parameter_format")) == "NAMED";
  const js::value* components = definition.if_contains("components");
  if (components != nullptr && components->is_array())
    for (const js::value& c : components->get_array())
      if (c.is_object() && upper(text_of(c.get_object(), "type")) == "LIMITED_TIME_OFFER")
        t.shape.top.body_limit = kMaxOfferBody;
  if (auto read = read_card(definition, t.shape.top, &t.shape, t.category == "AUTHENTICATION"); !read)
    return std::unexpected(read.error());
  if (!t.shape.top.has_body)
    return graph_fail(kInvalid, "components: a BODY component is required", kBadBody);
  return t;
}

std::string TemplateStore::key_of(std::string_view name, std::string_view language) {
  std::string key(name);
  key += '/';
  key += language;
  return key;
}

Template& TemplateStore::put(Template t) {
  std::string key = key_of(t.name, t.language);
  if (const auto old = templates_.find(key); t.id.empty() && old != templates_.end()) t.id = old->second.id;
  if (t.id.empty()) t.id = std::to_string(next_id_++);
  return templates_.insert_or_assign(std::move(key), std::move(t)).first->second;
}

Template* TemplateStore::find(std::string_view name, std::string_view language) {
  key_.assign(name);
  key_ += '/';
  key_ += language;
  const auto it = templates_.find(key_);
  return it == templates_.end() ? nullptr : &it->second;
}

Template* TemplateStore::find_by_id(std::string_view id) {
  for (auto& [key, t] : templates_)
    if (t.id == id) return &t;
  return nullptr;
}

bool TemplateStore::has_name(std::string_view name) const {
  return std::ranges::any_of(templates_, [&](const auto& entry) { return entry.second.name == name; });
}

std::size_t TemplateStore::remove(std::string_view name, std::string_view id) {
  return std::erase_if(templates_, [&](const auto& entry) {
    const Template& t = entry.second;
    return id.empty() ? t.name == name : t.id == id;
  });
}

void TemplateStore::clear() {
  templates_.clear();
}

}  // namespace posthorn::sandbox
