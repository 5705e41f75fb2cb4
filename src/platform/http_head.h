// Strict reading of HTTP/1.1 request heads (RFC 9112). Whatever two servers could read differently is
// refused, so that no request can be smuggled past a proxy in front.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "platform/http.h"

namespace posthorn {

struct HeadLimits {
  std::size_t max_head = 16 * 1024;
  std::size_t max_fields = 64;
  std::size_t max_line = 8 * 1024;  // request line and every field line
};

struct RequestHead {
  HttpRequest request;  // without body
  bool http10 = false;
  bool keep_alive = true;
  bool chunked = false;
  std::uint64_t content_length = 0;
};

// Why a request is refused: the status to answer with before closing, and one sentence for people.
struct Refusal {
  int status = 0;  // 0: not refused
  std::string_view reason;
  explicit operator bool() const { return status != 0; }
};

enum class HeadProgress { incomplete, complete, refused };

struct HeadResult {
  HeadProgress progress = HeadProgress::incomplete;
  std::size_t consumed = 0;  // bytes of the head, if complete
  Refusal refusal;
};

// `bytes` is everything received since the end of the last request. `head` is overwritten.
HeadResult parse_head(std::string_view bytes, const HeadLimits& limits, RequestHead& head);

bool same_token(std::string_view a, std::string_view b);  // ASCII, without case
bool is_token(std::string_view text);                     // RFC 9110 token, not empty
bool is_field_value(std::string_view text);               // no control characters except tab

}  // namespace posthorn
