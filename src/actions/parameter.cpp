#include "actions/parameter.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

#include "core/phone_number.h"
#include "core/time_text.h"

namespace posthorn {
namespace {

constexpr std::array<std::string_view, 8> kTypeNames = {"text",   "integer", "number", "boolean",
                                                        "object", "list",    "phone",  "time"};

std::string camel_case(std::string_view snake) {
  std::string out;
  bool upper = false;
  for (char c : snake) {
    if (c == '_') {
      upper = true;
    } else {
      out += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
      upper = false;
    }
  }
  return out;
}

bool goes_by(const Parameter& parameter, std::string_view name) {
  return name == parameter.name || name == camel_case(parameter.name) ||
         std::ranges::find(parameter.aliases, name) != parameter.aliases.end();
}

std::string kind_of(const json::value& v) {
  switch (v.kind()) {
    case json::kind::null:
      return "null";
    case json::kind::bool_:
      return "a boolean";
    case json::kind::int64:
    case json::kind::uint64:
      return "an integer";
    case json::kind::double_:
      return "a number";
    case json::kind::string:
      return "a text";
    case json::kind::array:
      return "a list";
    case json::kind::object:
      return "an object";
  }
  return "something else";
}

std::unexpected<Error> wrong(const Parameter& p, std::string what) {
  return fail(ErrorCode::invalid_argument, fmt::format("{} {}", p.name, what), p.name);
}

std::unexpected<Error> wrong_type(const Parameter& p, const json::value& v) {
  const auto type = to_string(p.type);
  return wrong(p, fmt::format("must be {} {}, not {}",
                              type.front() == 'i' || type.front() == 'o' ? "an" : "a", type, kind_of(v)));
}

Result<> check_range(const Parameter& p, double amount, std::string_view unit,
                     std::optional<std::int64_t> max) {
  if (p.min && amount < static_cast<double>(*p.min))
    return wrong(p, fmt::format("must be at least {}{}", *p.min, unit));
  if (max && amount > static_cast<double>(*max))
    return wrong(p, fmt::format("must be at most {}{}", *max, unit));
  return {};
}

Result<json::value> check_text(const Parameter& p, const json::value& v) {
  if (!v.is_string()) return wrong_type(p, v);
  const std::string_view text = v.get_string();
  if (p.need == Need::required && text.empty()) return wrong(p, "must not be empty");
  PH_TRY(check_range(p, static_cast<double>(text.size()), " bytes long", p.max.value_or(kMaxText)));
  if (!p.choices.empty() && std::ranges::find(p.choices, text) == p.choices.end())
    return wrong(p, fmt::format("must be one of {}", fmt::join(p.choices, ", ")));
  return v;
}

Result<json::value> check_integer(const Parameter& p, const json::value& v) {
  std::int64_t n = 0;
  if (v.is_int64()) {
    n = v.get_int64();
  } else if (v.is_uint64()) {
    return wrong(p, "is too large");
  } else {
    return wrong_type(p, v);
  }
  PH_TRY(check_range(p, static_cast<double>(n), "", p.max));
  return json::value(n);
}

Result<json::value> check_number(const Parameter& p, const json::value& v) {
  if (!v.is_number()) return wrong_type(p, v);
  const double n = v.to_number<double>();
  PH_TRY(check_range(p, n, "", p.max));
  return json::value(n);
}

Result<json::value> check_list(const Parameter& p, const json::value& v) {
  if (!v.is_array()) return wrong_type(p, v);
  PH_TRY(
      check_range(p, static_cast<double>(v.get_array().size()), " entries", p.max.value_or(kMaxListEntries)));
  return v;
}

Result<json::value> check_phone(const Parameter& p, const json::value& v) {
  if (!v.is_string()) return wrong_type(p, v);
  const auto phone = parse_phone(v.get_string(), Region{});
  if (!phone) return wrong(p, fmt::format("is not a phone number: {}", explain(phone.error())));
  return json::value(phone->to_string());
}

Result<json::value> check_time(const Parameter& p, const json::value& v) {
  if (!v.is_string()) return wrong_type(p, v);
  const auto time = parse_iso_time(v.get_string());
  if (!time) return wrong(p, fmt::format("is {}", time.error().message));
  return json::value(iso_time(*time));
}

Result<json::value> check_value(const Parameter& p, const json::value& v) {
  switch (p.type) {
    case ParameterType::text:
      return check_text(p, v);
    case ParameterType::integer:
      return check_integer(p, v);
    case ParameterType::number:
      return check_number(p, v);
    case ParameterType::list:
      return check_list(p, v);
    case ParameterType::phone:
      return check_phone(p, v);
    case ParameterType::time:
      return check_time(p, v);
    case ParameterType::boolean:
      if (!v.is_bool()) return wrong_type(p, v);
      return v;
    case ParameterType::object:
      if (!v.is_object()) return wrong_type(p, v);
      return v;
  }
  return wrong_type(p, v);
}

std::unexpected<Error> unknown_parameter(std::span<const Parameter> declared, std::string_view name) {
  std::vector<std::string> names;
  for (const auto& p : declared) names.push_back(p.name);
  const auto nearest = nearest_name(name, names);
  std::string message = fmt::format("there is no parameter '{}' here", name.substr(0, 80));
  if (!nearest.empty()) {
    message += fmt::format("; did you mean '{}'?", nearest);
  } else if (names.empty()) {
    message += "; this action takes none";
  } else {
    message += fmt::format("; it takes {}", fmt::join(names, ", "));
  }
  return fail(ErrorCode::invalid_argument, std::move(message), std::string(name.substr(0, 80)));
}

// Edits needed to turn `a` into `b`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view to_string(ParameterType type) {
  return kTypeNames[static_cast<std::size_t>(type)];
}

std::string_view nearest_name(std::string_view text, std::span<const std::string> known) {
  if (text.size() > 64) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, text.size() / 3) + 1;
  for (const auto& name : known) {
    const auto d = distance(text, name);
    if (d < best_distance) {
      best = name;
      best_distance = d;
    }
  }
  return best;
}

Result<Params> check_parameters(std::span<const Parameter> declared, const json::object& given) {
  json::object checked;
  for (const auto& [name, value] : given) {
    const auto p = std::ranges::find_if(declared, [&](const Parameter& d) { return goes_by(d, name); });
    if (p == declared.end()) return unknown_parameter(declared, name);
    if (checked.contains(p->name)) return wrong(*p, "is given twice, under two spellings");
    if (value.is_null()) continue;  // null means absent
    PH_TRY_ASSIGN(checked[p->name], check_value(*p, value));
  }
  for (const auto& p : declared) {
    if (checked.contains(p.name)) continue;
    if (p.need == Need::required) return wrong(p, fmt::format("is missing: {}", p.help));
    if (!p.fallback.is_null()) checked[p.name] = p.fallback;
  }
  return Params(std::move(checked));
}

namespace {
const json::value* find(const json::object& values, std::string_view name) {
  return values.if_contains(name);
}
}  // namespace

std::string Params::text(std::string_view name) const {
  const auto* v = find(values_, name);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : std::string();
}

std::int64_t Params::integer(std::string_view name) const {
  const auto* v = find(values_, name);
  return v != nullptr && v->is_int64() ? v->get_int64() : 0;
}

double Params::number(std::string_view name) const {
  const auto* v = find(values_, name);
  return v != nullptr && v->is_number() ? v->to_number<double>() : 0;
}

bool Params::boolean(std::string_view name) const {
  const auto* v = find(values_, name);
  return v != nullptr && v->is_bool() && v->get_bool();
}

json::object Params::object(std::string_view name) const {
  const auto* v = find(values_, name);
  return v != nullptr && v->is_object() ? v->get_object() : json::object();
}

json::array Params::list(std::string_view name) const {
  const auto* v = find(values_, name);
  return v != nullptr && v->is_array() ? v->get_array() : json::array();
}

std::optional<WallTime> Params::time(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  const auto parsed = parse_iso_time(text(name));
  return parsed ? std::optional(*parsed) : std::nullopt;
}

std::vector<std::string> Params::texts(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& v : list(name))
    if (v.is_string()) out.emplace_back(v.get_string());
  return out;
}

}  // namespace posthorn
