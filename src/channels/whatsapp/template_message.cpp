#include "channels/whatsapp/template_message.h"

#include <charconv>

#include <fmt/format.h>

#include "channels/whatsapp/slot_values.h"
#include "core/json_writer.h"

namespace posthorn::whatsapp {
namespace {

void append_number(std::string& out, std::int64_t number) {
  char text[24];
  const auto [end, error] = std::to_chars(text, text + sizeof text, number);
  out.append(text, end);
}

void append_currency(std::string& out, std::string_view value) {
  const CurrencyAmount amount = parse_currency(value).value_or(CurrencyAmount{"XXX", 0});
  out += R"({"fallback_value":)";
  append_json_string(out, value);
  out += R"(,"code":)";
  append_json_string(out, amount.code);
  out += R"(,"amount_1000":)";
  append_number(out, amount.amount_1000);
  out += '}';
}

void append_media(std::string& out, std::string_view value) {
  out += is_media_id(value) ? R"("id":)" : R"("link":)";
  append_json_string(out, value);
}

void append_address(std::string& out, const Address& to) {
  out += R"({"messaging_product":"whatsapp","recipient_type":"individual")";
  if (!to.digits.empty()) {
    out += R"(,"to":"+)";
    out += to.digits;
    out += '"';
  }
  if (!to.user_id.empty()) {
    out += R"(,"recipient":)";
    append_json_string(out, to.user_id);
  }
}

void append_token(std::string& out, std::string_view token) {
  if (token.empty()) return;
  out += R"(,"biz_opaque_callback_data":)";
  append_json_string(out, token);
}

Result<> check_address(const Address& to) {
  if (to.digits.empty() && to.user_id.empty()) {
    return fail(ErrorCode::invalid_argument, "the message has no recipient: give a phone number or a user id",
                "to");
  }
  const bool digits = std::ranges::all_of(to.digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!digits || to.digits.size() > 15) {
    return fail(ErrorCode::invalid_argument, "the phone number must be 7 to 15 digits with country code",
                "to");
  }
  return {};
}

}  // namespace

CompiledTemplateMessage::Op::Kind CompiledTemplateMessage::encoding_of(SlotType type) {
  switch (type) {
    case SlotType::latitude:
    case SlotType::longitude:
    case SlotType::minutes:
    case SlotType::flow_data:
    case SlotType::product_sections:
    case SlotType::order_details:
    case SlotType::order_status:
      return Op::Kind::raw;
    case SlotType::media:
      return Op::Kind::media;
    case SlotType::currency:
      return Op::Kind::currency;
    case SlotType::expiration:
      return Op::Kind::milliseconds;
    default:
      return Op::Kind::string;
  }
}

void CompiledTemplateMessage::append_value(std::string& out, Op::Kind kind, std::string_view value) {
  switch (kind) {
    case Op::Kind::string:
      return append_json_string(out, value);
    case Op::Kind::raw:
      out += value.empty() ? "null" : value;
      return;
    case Op::Kind::media:
      return append_media(out, value);
    case Op::Kind::currency:
      return append_currency(out, value);
    case Op::Kind::milliseconds:
      return append_number(out, parse_expiration(value).value_or(0));
    default:
      return;
  }
}

void CompiledTemplateMessage::render(std::string& out, const Address& to,
                                     std::span<const std::string_view> values, std::string_view token) const {
  append_address(out, to);
  for (std::size_t i = 0; i < ops_.size(); ++i) {
    const Op& op = ops_[i];
    if (op.kind == Op::Kind::literal) {
      out.append(literals_, op.begin, op.end - op.begin);
    } else if (op.kind == Op::Kind::comma) {
      if (out.back() != '[' && out.back() != '{') out += ',';
    } else if (op.kind == Op::Kind::skip_if_empty) {
      const auto group = std::span(groups_).subspan(op.begin, op.end - op.begin);
      if (std::ranges::all_of(group, [&](std::uint32_t slot) { return values[slot].empty(); }))
        i = op.target - 1;
    } else {
      append_value(out, op.kind, values[op.begin]);
    }
  }
  append_token(out, token);
  out += '}';
}

Result<> CompiledTemplateMessage::check(std::span<const std::string_view> values) const {
  if (values.size() != slots_.size()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} values for {} variables", values.size(), slots_.size()));
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    PH_TRY(check_value(slots_[i], values[i]));
  }
  return check_lengths(values);
}

Result<> CompiledTemplateMessage::check_lengths(std::span<const std::string_view> values) const {
  for (const LengthRule& rule : length_rules_) {
    std::size_t bytes = rule.fixed;
    for (const std::uint32_t slot : rule.slots) bytes += values[slot].size();
    if (bytes <= rule.limit) continue;
    std::size_t characters = rule.fixed;
    for (const std::uint32_t slot : rule.slots) characters += count_characters(values[slot]);
    if (characters <= rule.limit) continue;
    const std::string field = rule.slots.empty() ? "" : slots_[rule.slots.front()].name;
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} has {} characters with these values; at most {} are allowed", rule.part,
                            characters, rule.limit),
                field);
  }
  return {};
}

Result<std::string> render_template_message(const Template& message_template, const SlotValues& values,
                                            const Address& to) {
  PH_TRY(check_address(to));
  CompileOptions options;
  options.constants = values;
  PH_TRY_ASSIGN(const CompiledTemplateMessage message,
                CompiledTemplateMessage::compile(message_template, std::move(options)));
  std::string out;
  message.render(out, to, {}, {});
  return out;
}

Result<std::string> text_message(const Address& to, std::string_view body, std::string_view reply_to) {
  constexpr std::size_t kMaxText = 4096;
  PH_TRY(check_address(to));
  const std::size_t length = count_characters(body);
  if (length == 0 || length > kMaxText) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("a text message has 1 to {} characters, not {}", kMaxText, length), "body");
  }
  std::string out;
  append_address(out, to);
  if (!reply_to.empty()) {
    out += R"(,"context":{"message_id":)";
    append_json_string(out, reply_to);
    out += '}';
  }
  out += R"(,"type":"text","text":{"preview_url":false,"body":)";
  append_json_string(out, body);
  out += "}}";
  return out;
}

std::string mark_read(std::string_view wamid, bool typing) {
  std::string out = R"({"messaging_product":"whatsapp","status":"read","message_id":)";
  append_json_string(out, wamid);
  if (typing) out += R"(,"typing_indicator":{"type":"text"})";
  out += '}';
  return out;
}

void append_with_token(std::string& out, std::string_view payload, std::string_view token) {
  while (payload.ends_with('\n') || payload.ends_with(' ')) payload.remove_suffix(1);
  if (payload.ends_with('}')) payload.remove_suffix(1);
  out += payload;
  append_token(out, token);
  out += '}';
}

}  // namespace posthorn::whatsapp
