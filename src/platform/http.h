// HTTP/1.1 messages as plain values, shared by client and server.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace posthorn {

// Header names compare without case. Few per message, so a vector is the fastest map.
class HttpHeaders {
 public:
  void set(std::string_view name, std::string value);  // replaces
  void add(std::string_view name, std::string value);
  std::string_view get(std::string_view name) const;  // empty if absent
  bool has(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  void clear() { fields_.clear(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method = "GET";
  std::string target = "/";  // path and query as on the wire
  HttpHeaders headers;
  std::string body;

  std::string_view path() const;  // undecoded, without query
  std::string query(
      std::string_view name) const;  // percent-decoded value of the first such parameter, or empty
  bool has_query(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  HttpHeaders headers;
  std::string body;
};

std::string percent_encode(std::string_view text);  // RFC 3986 unreserved stay
std::string percent_decode(std::string_view text);  // "+" stays "+"; malformed escapes stay as they are

}  // namespace posthorn
