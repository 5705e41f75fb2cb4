// Meta's component JSON → Template.
#include "channels/whatsapp/template.h"

#include <algorithm>
#include <array>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "channels/whatsapp/json_fields.h"

namespace posthorn::whatsapp {
namespace {

constexpr std::size_t kMaxButtons = 20;  // Meta allows 10; a margin for what is to come
constexpr std::size_t kMaxCards = 10;

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return out;
}

bool is_placeholder_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

// {{1}} or {{first_name}}; blanks inside the braces are allowed. Anything else in braces is text.
std::vector<Placeholder> find_placeholders(std::string_view text) {
  std::vector<Placeholder> found;
  for (std::size_t begin = text.find("{{"); begin != std::string_view::npos; begin = text.find("{{", begin)) {
    const std::size_t end = text.find("}}", begin);
    if (end == std::string_view::npos) break;
    std::string_view name = text.substr(begin + 2, end - begin - 2);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (!name.empty() && std::ranges::all_of(name, is_placeholder_char)) {
      found.push_back({std::string(name), begin, end + 2});
      begin = end + 2;
    } else {
      begin += 2;
    }
  }
  return found;
}

TemplateText make_text(std::string_view text) {
  return {std::string(text), find_placeholders(text), {}};
}

std::vector<std::string> strings_of(const json::value& list) {
  std::vector<std::string> out;
  const json::array* items = list.if_array();
  if (items == nullptr) return out;
  for (const json::value& item : *items) {
    if (item.is_string()) out.emplace_back(item.get_string());
    if (item.is_array()) return strings_of(item);  // body_text is an array of arrays
    if (const json::object* named = item.if_object()) out.emplace_back(string_in(*named, "example"));
  }
  return out;
}

// example{header_text|header_text_named_params|body_text|body_text_named_params}
std::vector<std::string> examples_of(const json::object& component, std::string_view key) {
  const json::object* example = object_in(component, "example");
  if (example == nullptr) return {};
  for (const std::string& name : {std::string(key), std::string(key) + "_named_params"}) {
    if (const json::value* list = example->if_contains(name)) {
      if (list->is_string()) return {std::string(list->get_string())};
      return strings_of(*list);
    }
  }
  return {};
}

struct HeaderWord {
  std::string_view word;
  HeaderKind kind;
};
constexpr std::array kHeaderWords = std::to_array<HeaderWord>({
    {"TEXT", HeaderKind::text},
    {"IMAGE", HeaderKind::image},
    {"VIDEO", HeaderKind::video},
    {"DOCUMENT", HeaderKind::document},
    {"GIF", HeaderKind::gif},
    {"LOCATION", HeaderKind::location},
    {"PRODUCT", HeaderKind::product},
});

Result<TemplateHeader> parse_header(const json::object& component, const std::string& path) {
  const std::string format = upper(string_in(component, "format"));
  const auto* word = std::ranges::find(kHeaderWords, std::string_view(format), &HeaderWord::word);
  if (word == kHeaderWords.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}.format is \"{}\", which is no kind of header that this version can send",
                            path, format),
                path);
  }
  TemplateHeader header{word->kind, {}};
  if (word->kind == HeaderKind::text) {
    header.text = make_text(string_in(component, "text"));
    header.text.examples = examples_of(component, "header_text");
  }
  return header;
}

struct ButtonWord {
  std::string_view word;
  ButtonKind kind;
};
constexpr std::array kButtonWords = std::to_array<ButtonWord>({
    {"QUICK_REPLY", ButtonKind::quick_reply},
    {"URL", ButtonKind::url},
    {"PHONE_NUMBER", ButtonKind::phone_number},
    {"COPY_CODE", ButtonKind::copy_code},
    {"FLOW", ButtonKind::flow},
    {"CATALOG", ButtonKind::catalog},
    {"MPM", ButtonKind::multi_product},
    {"SPM", ButtonKind::single_product},
    {"OTP", ButtonKind::otp},
    {"VOICE_CALL", ButtonKind::voice_call},
    {"ORDER_DETAILS", ButtonKind::order_details},
    {"REQUEST_CONTACT_INFO", ButtonKind::request_contact_info},
});

TemplateButton parse_button(const json::object& object) {
  TemplateButton button;
  button.type = upper(string_in(object, "type"));
  const auto* word = std::ranges::find(kButtonWords, std::string_view(button.type), &ButtonWord::word);
  if (word != kButtonWords.end()) button.kind = word->kind;
  button.label = string_in(object, "text");
  button.phone_number = string_in(object, "phone_number");
  button.url = make_text(string_in(object, "url"));
  if (const json::value* example = object.if_contains("example")) {
    const std::vector<std::string> list = strings_of(*example);
    button.example = example->is_string() ? std::string(example->get_string())
                     : list.empty()       ? ""
                                          : list.front();
  }
  if (button.kind == ButtonKind::url && !button.example.empty()) button.url.examples = {button.example};
  return button;
}

Result<std::vector<TemplateButton>> parse_buttons(const json::object& component, const std::string& path) {
  const json::array* list = array_in(component, "buttons");
  if (list == nullptr) return fail(ErrorCode::invalid_argument, path + ".buttons must be an array", path);
  if (list->size() > kMaxButtons) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{}.buttons has {} entries; Meta allows 10", path, list->size()), path);
  }
  std::vector<TemplateButton> buttons;
  for (const json::value& entry : *list) {
    const json::object* object = entry.if_object();
    if (object == nullptr)
      return fail(ErrorCode::invalid_argument, path + ".buttons holds something that is no object", path);
    buttons.push_back(parse_button(*object));
  }
  return buttons;
}

// Reads the components of a template or of one card into it.
class ComponentReader {
 public:
  ComponentReader(Template& out, TemplateCard* card, std::string path)
      : out_(out), card_(card), path_(std::move(path)) {}

  Result<> read(const json::array& components) {
    for (std::size_t i = 0; i < components.size(); ++i) {
      const std::string path = fmt::format("{}[{}]", path_, i);
      const json::object* component = components[i].if_object();
      if (component == nullptr) return fail(ErrorCode::invalid_argument, path + " must be an object", path);
      PH_TRY(read_one(upper(string_in(*component, "type")), *component, path));
    }
    return {};
  }

 private:
  Result<> read_one(std::string_view type, const json::object& component, const std::string& path) {
    if (type == "HEADER")
      return assign(card_ != nullptr ? card_->header : out_.header, parse_header(component, path));
    if (type == "BODY") return read_body(component);
    if (type == "BUTTONS")
      return assign(card_ != nullptr ? card_->buttons : out_.buttons, parse_buttons(component, path));
    if (card_ != nullptr) return {};
    if (type == "FOOTER") return read_footer(component);
    if (type == "LIMITED_TIME_OFFER") return read_offer(component);
    if (type == "CAROUSEL") return read_cards(component, path);
    if (type == "TAP_TARGET_CONFIGURATION") out_.tap_target = true;
    if (type == "ORDER_STATUS") out_.facts.sub_category = "ORDER_STATUS";
    return {};
  }

  template <class T>
  static Result<> assign(T& target, Result<T> source) {
    if (!source) return std::unexpected(std::move(source).error());
    target = *std::move(source);
    return {};
  }

  Result<> read_body(const json::object& component) {
    TemplateText& body = card_ != nullptr ? card_->body : out_.body;
    body = make_text(string_in(component, "text"));
    body.examples = examples_of(component, "body_text");
    // Meta leaves the fixed text of one-time codes out in some answers; its only variable is the code.
    if (body.text.empty() && out_.authentication()) body = make_text("{{1}} is your verification code.");
    return {};
  }

  Result<> read_footer(const json::object& component) {
    out_.footer = string_in(component, "text");
    out_.code_expiration_minutes =
        static_cast<int>(std::clamp<std::int64_t>(integer_in(component, "code_expiration_minutes"), 0, 90));
    return {};
  }

  Result<> read_offer(const json::object& component) {
    out_.limited_time_offer = true;
    if (const json::object* offer = object_in(component, "limited_time_offer")) {
      out_.offer_text = string_in(*offer, "text");
      out_.offer_expires = flag_in(*offer, "has_expiration");
    }
    return {};
  }

  Result<> read_cards(const json::object& component, const std::string& path) {
    const json::array* cards = array_in(component, "cards");
    if (cards == nullptr || cards->empty() || cards->size() > kMaxCards) {
      return fail(ErrorCode::invalid_argument, path + ".cards must be an array of 1 to 10 cards", path);
    }
    for (std::size_t i = 0; i < cards->size(); ++i) {
      const std::string card_path = fmt::format("{}.cards[{}]", path, i);
      const json::object* object = (*cards)[i].if_object();
      const json::array* components = object != nullptr ? array_in(*object, "components") : nullptr;
      if (components == nullptr)
        return fail(ErrorCode::invalid_argument, card_path + ".components must be an array", card_path);
      TemplateCard card;
      ComponentReader reader(out_, &card, card_path + ".components");
      PH_TRY(reader.read(*components));
      out_.cards.push_back(std::move(card));
    }
    return {};
  }

  Template& out_;
  TemplateCard* card_;
  std::string path_;
};

Result<Template> build(TemplateFacts facts, json::array components) {
  if (facts.name.empty()) return fail(ErrorCode::invalid_argument, "a template needs a name", "name");
  if (facts.language.empty()) {
    return fail(ErrorCode::invalid_argument, fmt::format("template \"{}\" has no language", facts.name),
                "language");
  }
  Template out;
  out.facts = std::move(facts);
  out.facts.parameter_format = upper(out.facts.parameter_format);
  ComponentReader reader(out, nullptr, "components");
  Result<> read = reader.read(components);
  if (!read) {
    Error error = std::move(read).error();
    error.message = fmt::format("template \"{}\": {}", out.facts.name, error.message);
    return std::unexpected(std::move(error));
  }
  out.components = std::move(components);
  return out;
}

}  // namespace

Result<Template> parse_template(const json::object& object) {
  TemplateFacts facts;
  facts.id = text_in(object, "id");
  facts.name = string_in(object, "name");
  facts.language = string_in(object, "language");
  facts.status = upper(string_in(object, "status"));
  facts.category = upper(string_in(object, "category"));
  facts.correct_category = upper(string_in(object, "correct_category"));
  facts.sub_category = upper(string_in(object, "sub_category"));
  if (const json::object* quality = object_in(object, "quality_score"))
    facts.quality = upper(string_in(*quality, "score"));
  if (const std::string_view format = string_in(object, "parameter_format"); !format.empty())
    facts.parameter_format = format;
  facts.reason = string_in(object, "rejected_reason");
  if (facts.reason == "NONE") facts.reason.clear();
  const json::array* components = array_in(object, "components");
  if (components == nullptr) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("template \"{}\" has no array \"components\"", facts.name), "components");
  }
  return build(std::move(facts), *components);
}

Result<Template> parse_template(TemplateFacts facts, std::string_view components_json) {
  PH_TRY_ASSIGN(json::value parsed, parse_json(components_json));
  if (!parsed.is_array())
    return fail(ErrorCode::invalid_argument, "components must be an array", "components");
  return build(std::move(facts), std::move(parsed.get_array()));
}

}  // namespace posthorn::whatsapp
