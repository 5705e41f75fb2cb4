// Reading members of Meta's JSON without failing: what is absent or of another type counts as empty.
#pragma once
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

namespace posthorn::whatsapp {

inline const boost::json::object* object_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr ? value->if_object() : nullptr;
}

inline const boost::json::array* array_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr ? value->if_array() : nullptr;
}

inline const boost::json::object* first_object_in(const boost::json::object& object, std::string_view key) {
  const boost::json::array* items = array_in(object, key);
  return items != nullptr && !items->empty() ? items->front().if_object() : nullptr;
}

inline std::string_view string_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

// Also takes a string of digits: Meta sends ids and times either way.
inline std::int64_t integer_in(const boost::json::object& object, std::string_view key,
                               std::int64_t fallback = 0) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr) return fallback;
  if (value->is_int64()) return value->get_int64();
  if (!value->is_string()) return fallback;
  const boost::json::string& text = value->get_string();
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() ? number : fallback;
}

// Text, or the decimal form of a number.
inline std::string text_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (value->is_int64()) return std::to_string(value->get_int64());
  if (value->is_uint64()) return std::to_string(value->get_uint64());
  return std::string(string_in(object, key));
}

inline bool flag_in(const boost::json::object& object, std::string_view key) {
  const boost::json::value* value = object.if_contains(key);
  return value != nullptr && value->is_bool() && value->get_bool();
}

}  // namespace posthorn::whatsapp
