// Streaming JSON writer: appends to a string, no tree. For the hot paths; Boost.JSON serves where a tree is
// needed.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace posthorn {

// Appends `text` as a JSON string with quotes. Invalid UTF-8 becomes U+FFFD; control characters are escaped.
void append_json_string(std::string& out, std::string_view text);

// Comma placement is automatic. Misuse (a value without key inside an object) is a bug of the caller and not
// checked.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);
  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(int number) { return value(static_cast<std::int64_t>(number)); }
  JsonWriter& value(double number);
  JsonWriter& value(bool flag);
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // a value that is JSON already
  template <class T>
  JsonWriter& member(std::string_view name, const T& v) {
    key(name);
    return value(v);
  }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  void separate();
  std::string& out_;
  bool need_comma_ = false;
};

}  // namespace posthorn
