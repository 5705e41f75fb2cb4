#include "core/json.h"

#include <charconv>
#include <cmath>
#include <set>
#include <vector>

#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <fmt/format.h>

namespace posthorn {
namespace {

json::parse_options strict_options() {
  json::parse_options options;
  options.max_depth = kMaxJsonDepth;
  return options;
}

// Builds the tree and counts the members that the text has. An object keeps one member a key, so a tree with
// fewer members than the text had duplicate keys: that costs nothing while keys are unique.
struct TreeHandler {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  json::value_stack stack;
  std::size_t members = 0;

  bool on_document_begin(json::error_code&) { return stack.reset({}), true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return true; }
  bool on_object_end(std::size_t n, json::error_code&) {
    members += n;
    stack.push_object(n);
    return true;
  }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t n, json::error_code&) { return stack.push_array(n), true; }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    return stack.push_chars(part), true;
  }
  bool on_key(json::string_view rest, std::size_t, json::error_code&) { return stack.push_key(rest), true; }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) {
    return stack.push_chars(part), true;
  }
  bool on_string(json::string_view rest, std::size_t, json::error_code&) {
    return stack.push_string(rest), true;
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t n, json::string_view, json::error_code&) { return stack.push_int64(n), true; }
  bool on_uint64(std::uint64_t n, json::string_view, json::error_code&) { return stack.push_uint64(n), true; }
  bool on_double(double n, json::string_view, json::error_code&) { return stack.push_double(n), true; }
  bool on_bool(bool b, json::error_code&) { return stack.push_bool(b), true; }
  bool on_null(json::error_code&) { return stack.push_null(), true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

// Only for texts already known to be refused: fed byte by byte, it stops where the first duplicate key or
// number out of range ends.
struct CulpritHandler {
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  std::vector<std::set<std::string>> open_objects;
  std::string key;
  std::string complaint;

  bool complain(std::string text, json::error_code& ec) {
    complaint = std::move(text);
    ec = json::error::syntax;
    return false;
  }
  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return open_objects.emplace_back(), true; }
  bool on_object_end(std::size_t, json::error_code&) { return open_objects.pop_back(), true; }
  bool on_array_begin(json::error_code&) { return true; }
  bool on_array_end(std::size_t, json::error_code&) { return true; }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) {
    key.append(part.data(), part.size());
    return true;
  }
  bool on_key(json::string_view rest, std::size_t, json::error_code& ec) {
    key.append(rest.data(), rest.size());
    if (!open_objects.back().insert(key).second) {
      return complain(fmt::format("the key \"{}\" occurs twice in one object", key), ec);
    }
    key.clear();
    return true;
  }
  bool on_string_part(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_string(json::string_view, std::size_t, json::error_code&) { return true; }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t, json::string_view, json::error_code&) { return true; }
  bool on_uint64(std::uint64_t, json::string_view, json::error_code&) { return true; }
  bool on_double(double n, json::string_view, json::error_code& ec) {
    return std::isfinite(n) || complain("the number is too large", ec);
  }
  bool on_bool(bool, json::error_code&) { return true; }
  bool on_null(json::error_code&) { return true; }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }
};

std::unexpected<Error> fail_at(std::string_view text, std::size_t position, std::string_view reason) {
  std::string_view before = text.substr(0, std::min(position, text.size()));
  auto line = std::ranges::count(before, '\n') + 1;
  std::size_t line_start = before.rfind('\n');
  std::size_t column = position - (line_start == std::string_view::npos ? 0 : line_start + 1) + 1;
  return fail(ErrorCode::invalid_argument, fmt::format("invalid JSON at byte {} (line {}, column {}): {}",
                                                       position, line, column, reason));
}

std::string reason_of(const json::error_code& ec) {
  if (ec == json::error::too_deep) return fmt::format("nested deeper than {} levels", kMaxJsonDepth);
  if (ec == json::error::incomplete) return "the text ends too early";
  if (ec == json::error::syntax) return "this character cannot stand here";
  if (ec == json::error::extra_data) return "there is more text after the end of the value";
  if (ec == json::error::exponent_overflow) return "the number is too large";
  return ec.message();
}

struct TreeFacts {
  std::size_t members = 0;
  bool finite = true;
};

void survey(const json::value& value, TreeFacts& facts) {  // depth is bounded by kMaxJsonDepth
  if (const auto* object = value.if_object()) {
    facts.members += object->size();
    for (const auto& member : *object) survey(member.value(), facts);
  } else if (const auto* array = value.if_array()) {
    for (const auto& element : *array) survey(element, facts);
  } else if (const auto* number = value.if_double()) {
    facts.finite = facts.finite && std::isfinite(*number);
  }
}

std::unexpected<Error> explain_culprit(std::string_view text) {
  json::basic_parser<CulpritHandler> parser(strict_options());
  json::error_code ec;
  for (std::size_t i = 0; i < text.size() && !ec; ++i) {
    parser.write_some(true, text.data() + i, 1, ec);
    if (ec) return fail_at(text, i, parser.handler().complaint);
  }
  parser.write_some(false, text.data(), 0, ec);
  return fail_at(text, text.size(), parser.handler().complaint);
}

std::string_view kind_name(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "true or false";
    case json::kind::int64:
    case json::kind::uint64:
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a string";
    case json::kind::array:
      return "an array";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

std::unexpected<Error> wrong_kind(const JsonView& view, std::string_view wanted) {
  std::string_view name = view.path().empty() ? "the JSON text" : std::string_view(view.path());
  std::string message = view.raw() == nullptr
                            ? fmt::format("{} is missing; it must be {}", name, wanted)
                            : fmt::format("{} must be {}, not {}", name, wanted, kind_name(*view.raw()));
  return fail(ErrorCode::invalid_argument, std::move(message), view.path());
}

// Strings of digits as Meta sends ids and timestamps: no plus sign, no spaces, no fraction.
std::optional<std::int64_t> whole_number(std::string_view text) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::int64_t> integer_of(const json::value& value) {
  constexpr double kExact = 9007199254740992.0;  // 2^53: beyond, doubles skip integers
  if (const auto* number = value.if_int64()) return *number;
  if (const auto* text = value.if_string()) return whole_number({text->data(), text->size()});
  if (const auto* real = value.if_double();
      real != nullptr && std::abs(*real) <= kExact && std::trunc(*real) == *real) {
    return static_cast<std::int64_t>(*real);
  }
  return std::nullopt;  // a uint64 is only used for what does not fit int64
}

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  json::basic_parser<TreeHandler> parser(strict_options());
  json::error_code ec;
  std::size_t consumed = parser.write_some(false, text.data(), text.size(), ec);
  if (ec) return fail_at(text, consumed, reason_of(ec));
  if (consumed < text.size()) return fail_at(text, consumed, reason_of(json::error::extra_data));
  json::value tree = parser.handler().stack.release();
  TreeFacts facts;
  survey(tree, facts);
  if (facts.members != parser.handler().members || !facts.finite) return explain_culprit(text);
  return tree;
}

JsonView JsonView::operator[](std::string_view key) const {
  std::string path = path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
  const json::object* object = value_ == nullptr ? nullptr : value_->if_object();
  return {object == nullptr ? nullptr : object->if_contains(json::string_view(key.data(), key.size())),
          std::move(path)};
}

JsonView JsonView::operator[](std::size_t index) const {
  const json::array* array = value_ == nullptr ? nullptr : value_->if_array();
  return {array == nullptr ? nullptr : array->if_contains(index), fmt::format("{}[{}]", path_, index)};
}

std::size_t JsonView::size() const {
  const json::array* array = value_ == nullptr ? nullptr : value_->if_array();
  return array == nullptr ? 0 : array->size();
}

Result<std::string_view> JsonView::string() const {
  const json::string* text = value_ == nullptr ? nullptr : value_->if_string();
  if (text == nullptr) return wrong_kind(*this, "a string");
  return std::string_view(text->data(), text->size());
}

Result<std::int64_t> JsonView::integer() const {
  if (value_ == nullptr) return wrong_kind(*this, "a whole number");
  if (std::optional<std::int64_t> number = integer_of(*value_)) return *number;
  if (value_->is_number()) {
    std::string_view name = path_.empty() ? "the JSON text" : std::string_view(path_);
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} must be a whole number of at most 64 bits", name), path_);
  }
  return wrong_kind(*this, "a whole number");
}

Result<double> JsonView::number() const {
  if (value_ == nullptr || !value_->is_number()) return wrong_kind(*this, "a number");
  if (value_->is_int64()) return static_cast<double>(value_->get_int64());
  return value_->is_uint64() ? static_cast<double>(value_->get_uint64()) : value_->get_double();
}

Result<bool> JsonView::boolean() const {
  if (value_ == nullptr || !value_->is_bool()) return wrong_kind(*this, "true or false");
  return value_->get_bool();
}

Result<const json::object*> JsonView::object() const {
  if (value_ == nullptr || !value_->is_object()) return wrong_kind(*this, "an object");
  return &value_->get_object();
}

Result<const json::array*> JsonView::array() const {
  if (value_ == nullptr || !value_->is_array()) return wrong_kind(*this, "an array");
  return &value_->get_array();
}

std::string_view JsonView::string_or(std::string_view fallback) const {
  const json::string* text = value_ == nullptr ? nullptr : value_->if_string();
  return text == nullptr ? fallback : std::string_view(text->data(), text->size());
}

std::int64_t JsonView::integer_or(std::int64_t fallback) const {
  return value_ == nullptr ? fallback : integer_of(*value_).value_or(fallback);
}

bool JsonView::boolean_or(bool fallback) const {
  return value_ != nullptr && value_->is_bool() ? value_->get_bool() : fallback;
}

}  // namespace posthorn
