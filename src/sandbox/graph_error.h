// Errors as the Graph API writes them.
#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "platform/http.h"

namespace posthorn::sandbox {

// One line of Meta's error reference.
struct ErrorInfo {
  int code;
  int http;                  // status of the synchronous answer
  bool arrives_later;        // accepted first, then a `failed` status webhook
  std::string_view title;    // the fixed part of `message`
  std::string_view details;  // error_data.details when the place of the error has nothing better to say
};

// The line for `code`; codes Meta does not list get a 400 "Unknown error code" of their own.
const ErrorInfo& error_info(int code);
bool known_error(int code);

struct GraphFailure {
  int code = 0;
  std::string details = {};  // empty: those of the table
  int subcode = 0;
};

template <class T = void>
using Graph = std::expected<T, GraphFailure>;

inline std::unexpected<GraphFailure> graph_fail(int code, std::string details = {}, int subcode = 0) {
  return std::unexpected(GraphFailure{code, std::move(details), subcode});
}

// The error object with Meta's members. `trace` becomes fbtrace_id.
std::string error_body(const GraphFailure& failure, std::uint64_t trace);
HttpResponse error_response(const GraphFailure& failure, std::uint64_t trace);
// The element of `errors` in a failed status.
void append_webhook_error(std::string& out, int code);

}  // namespace posthorn::sandbox
