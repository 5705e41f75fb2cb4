#include "actions/single_template.h"

#include <fmt/format.h>

#include "core/json_text.h"

namespace posthorn {
namespace {

std::string value_text(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : json_text(value);
}

// body_params are positional for named templates too: first value, first variable.
Result<> take_body(const whatsapp::Template& t, const Params& p, whatsapp::SlotValues& out) {
  const auto given = p.list("body_params");
  std::size_t next = 0;
  for (const auto& slot : whatsapp::variables(t)) {
    if (!slot.name.starts_with("body.") || next >= given.size()) continue;
    out[slot.name] = value_text(given[next++]);
  }
  if (next == given.size()) return {};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("the template's body has {} variables, body_params has {} values", next, given.size()),
      "body_params");
}

void take_header(const Params& p, whatsapp::SlotValues& out) {
  if (p.has("header_text")) out["header.text"] = p.text("header_text");
  if (p.has("header_media_link")) out["header.media"] = p.text("header_media_link");
  if (p.has("header_media_id")) out["header.media"] = p.text("header_media_id");  // an id wins over a link
  if (p.has("header_document_filename")) out["header.filename"] = p.text("header_document_filename");
}

struct ButtonForm {
  std::string_view type, member, slot;
};
constexpr ButtonForm kButtonForms[] = {{"url", "url_suffix", "url"},
                                       {"quick_reply", "payload", "payload"},
                                       {"copy_code", "coupon_code", "copy_code"}};

Result<> take_button(const json::value& given, const std::string& field, whatsapp::SlotValues& out) {
  const JsonView button(&given, field);
  PH_TRY(button.object());
  const auto type = button["type"].string_or("url");
  const auto index = button["index"].integer_or(0);
  for (const auto& form : kButtonForms) {
    if (form.type != type) continue;
    PH_TRY_ASSIGN(const auto text, button[form.member].string());
    out[fmt::format("button.{}.{}", index, form.slot)] = std::string(text);
    return {};
  }
  return fail(ErrorCode::invalid_argument,
              field + ".type must be url, quick_reply or copy_code; use `values` for other buttons", field);
}

Result<std::string> body_with_components(const whatsapp::Template& t, const json::array& components,
                                         PhoneNumber to) {
  json::object language;
  language["code"] = t.facts.language;
  json::object message;
  message["name"] = t.facts.name;
  message["language"] = std::move(language);
  message["components"] = components;
  json::object body;
  body["messaging_product"] = "whatsapp";
  body["recipient_type"] = "individual";
  body["to"] = to.to_digits();
  body["type"] = "template";
  body["template"] = std::move(message);
  return json_text(body);
}

}  // namespace

Result<whatsapp::SlotValues> slot_values(const whatsapp::Template& message_template, const Params& params) {
  whatsapp::SlotValues out;
  PH_TRY(take_body(message_template, params, out));
  take_header(params, out);
  const auto buttons = params.list("buttons");
  for (std::size_t i = 0; i < buttons.size(); ++i) {
    PH_TRY(take_button(buttons[i], fmt::format("buttons[{}]", i), out));
  }
  for (const auto& [name, value] : params.object("values")) out[std::string(name)] = value_text(value);
  return out;
}

Result<std::string> single_template_body(const whatsapp::Template& message_template, const Params& params,
                                         PhoneNumber to) {
  if (params.has("components")) return body_with_components(message_template, params.list("components"), to);
  PH_TRY_ASSIGN(const auto values, slot_values(message_template, params));
  const auto digits = to.to_digits();
  whatsapp::Address address;
  address.digits = digits;
  return whatsapp::render_template_message(message_template, values, address);
}

}  // namespace posthorn
