#include "channels/whatsapp/template_program.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "channels/whatsapp/slot_values.h"
#include "core/json_writer.h"

namespace posthorn::whatsapp {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

// Limits of filled-in texts in characters; source: Meta's template reference.
constexpr std::size_t kHeaderLimit = 60, kBodyLimit = 1024, kOfferBodyLimit = 600, kCardBodyLimit = 160;

const Slot* find_slot(const std::vector<Slot>& slots, std::string_view name) {
  const auto it = std::ranges::find(slots, name, &Slot::name);
  return it == slots.end() ? nullptr : &*it;
}

Result<> check_type_choice(const std::vector<Slot>& all, const std::string& name, SlotType type) {
  const Slot* slot = find_slot(all, name);
  if (slot == nullptr)
    return fail(ErrorCode::invalid_argument, fmt::format("the template has no slot \"{}\"", name), name);
  const bool possible =
      slot->type == type || (slot->type == SlotType::text && name.find("body.") != std::string::npos &&
                             (type == SlotType::currency || type == SlotType::date_time));
  if (possible) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("{} is {} and cannot be sent as {}", name, to_string(slot->type), to_string(type)),
              name);
}

Result<> apply_types(std::vector<Slot>& all, const CompileOptions& options) {
  for (const auto& [name, type] : options.types) {
    PH_TRY(check_type_choice(all, name, type));
    std::ranges::find(all, name, &Slot::name)->type = type;
  }
  return {};
}

Result<> check_variables(const std::vector<Slot>& all, const CompileOptions& options) {
  for (std::size_t i = 0; i < options.variables.size(); ++i) {
    const std::string& name = options.variables[i];
    if (find_slot(all, name) == nullptr) {
      return fail(ErrorCode::invalid_argument, fmt::format("the template has no slot \"{}\"", name), name);
    }
    if (std::ranges::count(options.variables, name) > 1) {
      return fail(ErrorCode::invalid_argument, fmt::format("{} is mapped twice", name), name);
    }
    if (const auto it = options.constants.find(name); it != options.constants.end() && !it->second.empty()) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} is both constant and variable; choose one", name), name);
    }
  }
  return {};
}

Result<> check_constants(const std::vector<Slot>& all, const CompileOptions& options) {
  for (const auto& [name, value] : options.constants) {
    const Slot* slot = find_slot(all, name);
    if (slot == nullptr)
      return fail(ErrorCode::invalid_argument, fmt::format("the template has no slot \"{}\"", name), name);
    if (value.empty()) continue;
    PH_TRY(check_value(*slot, value));
  }
  for (const Slot& slot : all) {
    const auto constant = options.constants.find(slot.name);
    const bool given = (constant != options.constants.end() && !constant->second.empty()) ||
                       std::ranges::find(options.variables, slot.name) != options.variables.end();
    if (slot.required && !given) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("{} ({}) has no value, but the template needs it", slot.name, slot.label),
                  slot.name);
    }
  }
  return {};
}

std::vector<std::string> placeholder_names(const TemplateText& text) {
  std::vector<std::string> names;
  for (const Placeholder& p : text.placeholders) names.push_back(p.name);
  return names;
}

}  // namespace

Result<CompiledTemplateMessage> CompiledTemplateMessage::compile(Template message_template,
                                                                 CompileOptions options) {
  std::vector<Slot> all = whatsapp::variables(message_template);
  PH_TRY(apply_types(all, options));
  PH_TRY(check_variables(all, options));
  PH_TRY(check_constants(all, options));
  CompiledTemplateMessage message;
  message.template_ = std::move(message_template);
  message.options_ = std::move(options);
  for (const std::string& name : message.options_.variables) message.slots_.push_back(*find_slot(all, name));
  ProgramBuilder(message, all).build();
  // Constants alone may break the limits already.
  const std::vector<std::string_view> empty(message.slots_.size());
  PH_TRY(message.check_lengths(empty));
  return message;
}

ProgramBuilder::ProgramBuilder(CompiledTemplateMessage& message, const std::vector<Slot>& all)
    : message_(message), all_(all) {}

void ProgramBuilder::build() {
  const TemplateFacts& facts = message_.template_.facts;
  literal(R"(,"type":"template","template":{"name":)");
  name(facts.name);
  literal(R"(,"language":{"policy":"deterministic","code":)");
  name(facts.language);
  literal(R"(},"components":[)");
  components();
  literal("]}");
}

void ProgramBuilder::literal(std::string_view text) {
  std::string& store = message_.literals_;
  const auto begin = static_cast<std::uint32_t>(store.size());
  store += text;
  const auto end = static_cast<std::uint32_t>(store.size());
  const bool joins = !message_.ops_.empty() && message_.ops_.back().kind == Op::Kind::literal &&
                     message_.ops_.back().end == begin && message_.ops_.size() != last_target_;
  if (joins) {
    message_.ops_.back().end = end;
  } else {
    message_.ops_.push_back({Op::Kind::literal, begin, end, 0});
  }
}

void ProgramBuilder::name(std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  literal(quoted);
}

void ProgramBuilder::comma() {
  message_.ops_.push_back({Op::Kind::comma, 0, 0, 0});
}

const Slot& ProgramBuilder::definition(const std::string& slot_name) const {
  return *find_slot(all_, slot_name);
}

std::uint32_t ProgramBuilder::variable_index(const std::string& slot_name) const {
  const auto it = std::ranges::find(message_.options_.variables, slot_name);
  if (it == message_.options_.variables.end()) return kNone;
  return static_cast<std::uint32_t>(it - message_.options_.variables.begin());
}

bool ProgramBuilder::given(const std::string& slot_name) const {
  const auto constant = message_.options_.constants.find(slot_name);
  return variable_index(slot_name) != kNone ||
         (constant != message_.options_.constants.end() && !constant->second.empty());
}

void ProgramBuilder::slot(const std::string& slot_name) {
  Op op{CompiledTemplateMessage::encoding_of(definition(slot_name).type), 0, 0, 0};
  if (const std::uint32_t index = variable_index(slot_name); index != kNone) {
    op.begin = index;
    message_.ops_.push_back(op);
    return;
  }
  std::string encoded;
  CompiledTemplateMessage::append_value(encoded, op.kind,
                                        message_.options_.constants.find(slot_name)->second);
  literal(encoded);
}

template <class F>
void ProgramBuilder::when_any(const std::vector<std::string>& slots, F body) {
  std::vector<std::uint32_t> variables;
  for (const std::string& slot_name : slots) {
    if (!given(slot_name)) continue;
    const std::uint32_t index = variable_index(slot_name);
    if (index == kNone || definition(slot_name).required) return body();
    variables.push_back(index);
  }
  if (variables.empty()) return;
  const std::size_t place = message_.ops_.size();
  const auto begin = static_cast<std::uint32_t>(message_.groups_.size());
  message_.groups_.insert(message_.groups_.end(), variables.begin(), variables.end());
  message_.ops_.push_back(
      {Op::Kind::skip_if_empty, begin, static_cast<std::uint32_t>(message_.groups_.size()), 0});
  body();
  message_.ops_[place].target = static_cast<std::uint32_t>(message_.ops_.size());
  last_target_ = message_.ops_.size();  // the next literal starts an op of its own: it is jumped to
}

void ProgramBuilder::components() {
  const Template& t = message_.template_;
  header(t.header, "");
  body(t.body, "");
  offer();
  for (std::size_t i = 0; i < t.buttons.size(); ++i) button(t.buttons[i], i, "");
  if (!t.cards.empty()) {
    comma();
    literal(R"({"type":"carousel","cards":[)");
    for (std::size_t i = 0; i < t.cards.size(); ++i) card(t.cards[i], i);
    literal("]}");
  }
  if (t.order_status()) {
    comma();
    literal(R"({"type":"order_status","parameters":[{"type":"order_status","order_status":)");
    slot("order_status");
    literal("}]}");
  }
  if (t.tap_target) tap_target();
}

void ProgramBuilder::header(const TemplateHeader& h, const std::string& prefix) {
  if (h.kind == HeaderKind::none) return;
  if (h.kind == HeaderKind::text && h.text.placeholders.empty()) return;
  comma();
  literal(R"({"type":"header","parameters":[)");
  if (h.kind == HeaderKind::text) {
    limit("The header", kHeaderLimit, h.text, prefix + "header.");
    body_parameter(h.text.placeholders.front().name, prefix + "header.text");
  } else if (h.kind == HeaderKind::location) {
    location(prefix + "header.location.");
  } else if (h.kind == HeaderKind::product) {
    literal(R"({"type":"product","product":{"product_retailer_id":)");
    slot(prefix + "header.product.id");
    literal(R"(,"catalog_id":)");
    slot(prefix + "header.product.catalog");
    literal("}}");
  } else {
    media(h, prefix + "header.");
  }
  literal("]}");
}

void ProgramBuilder::location(const std::string& prefix) {
  literal(R"({"type":"location","location":{"latitude":)");
  slot(prefix + "latitude");
  literal(R"(,"longitude":)");
  slot(prefix + "longitude");
  for (const std::string_view member : {"name", "address"}) {
    const std::string slot_name = prefix + std::string(member);
    when_any({slot_name}, [&] {
      literal(fmt::format(R"(,"{}":)", member));
      slot(slot_name);
    });
  }
  literal("}}");
}

void ProgramBuilder::media(const TemplateHeader& h, const std::string& prefix) {
  const std::string_view kind = h.kind == HeaderKind::image   ? "image"
                                : h.kind == HeaderKind::video ? "video"
                                : h.kind == HeaderKind::gif   ? "gif"
                                                              : "document";
  literal(fmt::format(R"({{"type":"{0}","{0}":{{)", kind));
  slot(prefix + "media");
  if (h.kind == HeaderKind::document) {
    when_any({prefix + "filename"}, [&] {
      literal(R"(,"filename":)");
      slot(prefix + "filename");
    });
  }
  literal("}}");
}

void ProgramBuilder::body(const TemplateText& text, const std::string& prefix) {
  if (text.placeholders.empty()) return;
  const std::size_t most = !prefix.empty()                         ? kCardBodyLimit
                           : message_.template_.limited_time_offer ? kOfferBodyLimit
                                                                   : kBodyLimit;
  limit(prefix.empty() ? "The body" : "The body of " + prefix.substr(0, prefix.size() - 1), most, text,
        prefix + "body.");
  comma();
  literal(R"({"type":"body","parameters":[)");
  for (const Slot& candidate : all_) {  // in the order in which Meta counts them
    if (!candidate.name.starts_with(prefix + "body.")) continue;
    comma();
    body_parameter(candidate.name.substr(prefix.size() + 5), candidate.name);
  }
  literal("]}");
}

void ProgramBuilder::body_parameter(const std::string& variable, const std::string& slot_name) {
  const SlotType type = definition(slot_name).type;
  const std::string named =
      message_.template_.named() ? fmt::format(R"("parameter_name":"{}",)", variable) : "";
  if (type == SlotType::currency) {
    literal(fmt::format(R"({{"type":"currency",{}"currency":)", named));
    slot(slot_name);
    literal("}");
  } else if (type == SlotType::date_time) {
    literal(fmt::format(R"({{"type":"date_time",{}"date_time":{{"fallback_value":)", named));
    slot(slot_name);
    literal("}}");
  } else {
    literal(fmt::format(R"({{"type":"text",{}"text":)", named));
    slot(slot_name);
    literal("}");
  }
}

void ProgramBuilder::open_button(std::string_view sub_type, std::size_t index) {
  comma();
  literal(fmt::format(R"({{"type":"button","sub_type":"{}","index":"{}","parameters":[)", sub_type, index));
}

void ProgramBuilder::simple_button(std::string_view sub_type, std::size_t index, std::string_view parameter,
                                   const std::string& slot_name) {
  when_any({slot_name}, [&] {
    open_button(sub_type, index);
    literal(fmt::format(R"({{"type":"{0}","{0}":)", parameter));
    slot(slot_name);
    literal("}]}");
  });
}

void ProgramBuilder::button(const TemplateButton& b, std::size_t index, const std::string& prefix) {
  const std::string base = fmt::format("{}button.{}.", prefix, index);
  switch (b.kind) {
    case ButtonKind::quick_reply:
      return simple_button("quick_reply", index, "payload", base + "payload");
    case ButtonKind::url:
      if (b.url.placeholders.empty()) return;
      if (message_.template_.authentication()) return code_button(index);
      return simple_button("url", index, "text", base + "url");
    case ButtonKind::otp:
      return code_button(index);
    case ButtonKind::copy_code:
      return simple_button("copy_code", index, "coupon_code", base + "copy_code");
    case ButtonKind::flow:
      return flow_button(index, base);
    case ButtonKind::catalog:
      return when_any({base + "thumbnail"}, [&] {
        open_button("catalog", index);
        literal(R"({"type":"action","action":{"thumbnail_product_retailer_id":)");
        slot(base + "thumbnail");
        literal("}}]}");
      });
    case ButtonKind::multi_product:
      return multi_product_button(index, base);
    case ButtonKind::voice_call:
      return voice_call_button(index, base);
    case ButtonKind::order_details:
      open_button("order_details", index);
      literal(R"({"type":"action","action":{"order_details":)");
      slot(base + "order_details");
      return literal("}}]}");
    case ButtonKind::phone_number:
    case ButtonKind::single_product:
    case ButtonKind::request_contact_info:
    case ButtonKind::other:
      return;
  }
}

// One-time codes: the button takes the code of the body.
void ProgramBuilder::code_button(std::size_t index) {
  if (find_slot(all_, "body.1") != nullptr) simple_button("url", index, "text", "body.1");
}

// Meta makes up a token ("unused") when none is given; the component must be there all the same.
void ProgramBuilder::flow_button(std::size_t index, const std::string& base) {
  open_button("flow", index);
  literal(R"({"type":"action","action":{)");
  when_any({base + "flow_token"}, [&] {
    literal(R"("flow_token":)");
    slot(base + "flow_token");
  });
  when_any({base + "flow_data"}, [&] {
    comma();
    literal(R"("flow_action_data":)");
    slot(base + "flow_data");
  });
  literal("}}]}");
}

void ProgramBuilder::multi_product_button(std::size_t index, const std::string& base) {
  open_button("mpm", index);
  literal(R"({"type":"action","action":{"thumbnail_product_retailer_id":)");
  slot(base + "thumbnail");
  literal(R"(,"sections":)");
  slot(base + "sections");
  literal("}}]}");
}

void ProgramBuilder::voice_call_button(std::size_t index, const std::string& base) {
  when_any({base + "ttl_minutes", base + "payload"}, [&] {
    open_button("voice_call", index);
    when_any({base + "ttl_minutes"}, [&] {
      literal(R"({"type":"ttl_minutes","ttl_minutes":)");
      slot(base + "ttl_minutes");
      literal("}");
    });
    when_any({base + "payload"}, [&] {
      comma();
      literal(R"({"type":"payload","payload":)");
      slot(base + "payload");
      literal("}");
    });
    literal("]}");
  });
}

void ProgramBuilder::card(const TemplateCard& c, std::size_t index) {
  const std::string prefix = fmt::format("card.{}.", index);
  comma();
  literal(fmt::format(R"({{"card_index":{},"components":[)", index));
  header(c.header, prefix);
  body(c.body, prefix);
  for (std::size_t i = 0; i < c.buttons.size(); ++i) button(c.buttons[i], i, prefix);
  literal("]}");
}

void ProgramBuilder::offer() {
  if (!message_.template_.limited_time_offer) return;
  when_any({"limited_time_offer.expiration"}, [&] {
    comma();
    literal(
        R"({"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expiration_time_ms":)");
    slot("limited_time_offer.expiration");
    literal("}}]}");
  });
}

void ProgramBuilder::tap_target() {
  when_any({"tap_target.url"}, [&] {
    comma();
    literal(
        R"({"type":"tap_target_configuration","parameters":[{"type":"tap_target_configuration","tap_target_configuration":[{"url":)");
    slot("tap_target.url");
    when_any({"tap_target.title"}, [&] {
      literal(R"(,"title":)");
      slot("tap_target.title");
    });
    literal("}]}]}");
  });
}

std::string ProgramBuilder::slot_of_placeholder(const std::string& prefix,
                                                const std::string& variable) const {
  return prefix.ends_with("header.") ? prefix + "text" : prefix + variable;
}

void ProgramBuilder::limit(std::string part, std::size_t characters, const TemplateText& text,
                           const std::string& prefix) {
  CompiledTemplateMessage::LengthRule rule{
      std::move(part), std::max(characters, count_characters(text.text)), count_characters(text.text), {}};
  for (const Placeholder& p : text.placeholders)
    rule.fixed -= count_characters(std::string_view(text.text).substr(p.begin, p.end - p.begin));
  for (const std::string& variable : placeholder_names(text)) {
    const std::string slot_name = slot_of_placeholder(prefix, variable);
    const std::uint32_t index = variable_index(slot_name);
    if (index != kNone) {
      rule.slots.push_back(index);
    } else {
      rule.fixed += count_characters(message_.options_.constants.find(slot_name)->second);
    }
  }
  message_.length_rules_.push_back(std::move(rule));
}

}  // namespace posthorn::whatsapp
