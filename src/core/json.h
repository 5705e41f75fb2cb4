// Typed access to JSON trees with errors that name the field. The one place where depth and duplicate keys
// are checked.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "core/result.h"

namespace posthorn {

namespace json = boost::json;

inline constexpr std::size_t kMaxJsonDepth = 32;

// Parses one complete JSON text. Refuses: invalid UTF-8, depth over kMaxJsonDepth, duplicate keys, trailing
// bytes.
Result<json::value> parse_json(std::string_view text);

// A view of one value inside a tree together with its path ("mapping.body[1]"), which every error names.
// Valid only while the tree lives.
class JsonView {
 public:
  explicit JsonView(const json::value& root) : value_(&root) {}
  JsonView(const json::value* value, std::string path) : value_(value), path_(std::move(path)) {}

  bool exists() const { return value_ != nullptr && !value_->is_null(); }
  const json::value* raw() const { return value_; }
  const std::string& path() const { return path_; }

  JsonView operator[](std::string_view key) const;  // missing members yield a view with exists() == false
  JsonView operator[](std::size_t index) const;
  std::size_t size() const;  // of an array; 0 otherwise

  Result<std::string_view> string() const;
  Result<std::int64_t> integer() const;  // also accepts a string of digits, as Meta sends timestamps and ids
  Result<double> number() const;
  Result<bool> boolean() const;
  Result<const json::object*> object() const;
  Result<const json::array*> array() const;

  // For fields that may be absent or of a wrong type without harm (webhooks): the fallback is returned then.
  std::string_view string_or(std::string_view fallback) const;
  std::int64_t integer_or(std::int64_t fallback) const;
  bool boolean_or(bool fallback) const;

 private:
  const json::value* value_ = nullptr;
  std::string path_;
};

}  // namespace posthorn
