// Message templates as the WhatsApp Business Account holds them, and the shape that sends are checked
// against.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "sandbox/graph_error.h"

namespace posthorn::sandbox {

// The variables of one text: {{1}}…{{n}} or {{name}}.
struct Placeholders {
  std::vector<std::string> names;  // "1", "2" for positional ones; in order of first appearance
  std::size_t fixed = 0;           // characters of the text without its placeholders
};

enum class HeaderFormat { none, text, image, video, document, gif, location, product };
enum class ButtonKind {
  quick_reply,
  url,
  phone_number,
  copy_code,
  otp,
  flow,
  catalog,
  mpm,
  spm,
  order_details,
  voice_call,
  request_contact_info
};

struct ButtonShape {
  ButtonKind kind = ButtonKind::quick_reply;
  bool needs_parameter = false;  // a send without a value for it is refused
};

// A template's head, text and buttons; the cards of a carousel have the same three.
struct CardShape {
  HeaderFormat header = HeaderFormat::none;
  Placeholders header_text, body;
  bool has_body = false;
  std::size_t body_limit = 1024;  // characters with the variables filled in
  std::vector<ButtonShape> buttons;
};

struct TemplateShape {
  bool named = false;
  CardShape top;
  bool limited_time_offer = false, offer_expires = false;
  std::vector<CardShape> cards;
};

struct Template {
  std::string id, name, language, status, category, quality = "GREEN";
  boost::json::object definition;  // name, language, category, components, parameter_format as given
  TemplateShape shape;
  std::uint16_t subject = 0;  // Ledger::subject()
};

// Reads a definition in the form of the Graph API. Errors carry Meta's codes for template creation.
Graph<Template> read_template(const boost::json::object& definition);
Placeholders find_placeholders(std::string_view text);

class TemplateStore {
 public:
  using Map = std::map<std::string, Template, std::less<>>;  // key_of(name, language)

  Template& put(Template t);  // replaces; gives it an id if it has none
  Template* find(std::string_view name, std::string_view language);
  Template* find_by_id(std::string_view id);
  bool has_name(std::string_view name) const;
  std::size_t remove(std::string_view name,
                     std::string_view id);  // empty id: all languages; returns how many
  const Map& all() const { return templates_; }
  void clear();

 private:
  static std::string key_of(std::string_view name, std::string_view language);
  Map templates_;
  std::string key_;  // reused by find(): no allocation per send
  std::uint64_t next_id_ = 594425479261001;
};

}  // namespace posthorn::sandbox
