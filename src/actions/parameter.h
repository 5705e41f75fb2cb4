// One parameter of an action: its declaration, and the values after they were checked against it.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json.h"
#include "core/result.h"
#include "core/time.h"

namespace posthorn {

enum class ParameterType {
  text,
  integer,
  number,
  boolean,
  object,
  list,
  phone,  // international format; normalised to "+491701234567"
  time,   // ISO 8601 with offset; normalised to UTC, "2026-03-29T09:00:00Z"
};
std::string_view to_string(ParameterType type);

enum class Need { optional, required };

// Names are snake_case. The camelCase spelling of a name is accepted too, and so are `aliases`; giving one
// parameter under two spellings is refused.
struct Parameter {
  std::string name;
  ParameterType type = ParameterType::text;
  Need need = Need::optional;
  std::string help;
  json::value fallback = nullptr;    // taken when the parameter is absent; null: stays absent
  std::optional<std::int64_t> min;   // integer, number: the value; text: bytes; list: entries
  std::optional<std::int64_t> max;   // the same; text without a limit may have 4096 bytes, lists 1000 entries
  std::vector<std::string> choices;  // text: the only values
  std::vector<std::string> aliases;
  bool secret = false;  // kept out of audit rows and examples
};

inline constexpr std::int64_t kMaxText = 4096;
inline constexpr std::int64_t kMaxListEntries = 1000;

// Checked values under their canonical names. Asking for an absent one gives the type's zero value; asking
// for a name that the action does not declare is a bug and gives the same.
class Params {
 public:
  Params() = default;
  explicit Params(json::object values) : values_(std::move(values)) {}

  bool has(std::string_view name) const { return values_.contains(name); }
  std::string text(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double number(std::string_view name) const;
  bool boolean(std::string_view name) const;
  json::object object(std::string_view name) const;
  json::array list(std::string_view name) const;
  std::optional<WallTime> time(std::string_view name) const;
  std::vector<std::string> texts(
      std::string_view name) const;  // a list's entries; entries of other types are left out
  const json::object& values() const { return values_; }

 private:
  json::object values_;
};

// Checks `given` against the declaration: unknown names (with the nearest known one), types, limits, choices;
// fills fallbacks. Every error is invalid_argument and names the field.
Result<Params> check_parameters(std::span<const Parameter> declared, const json::object& given);

// The closest of `known` to `text`, or empty when none is close enough to be a typing mistake.
std::string_view nearest_name(std::string_view text, std::span<const std::string> known);

}  // namespace posthorn
