// What an answer to POST /{phone number id}/messages proves: accepted, failed, or nothing (invariant I5).
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "channels/whatsapp/error_table.h"
#include "core/time.h"
#include "platform/http.h"

namespace posthorn::whatsapp {

inline constexpr std::size_t kMaxSendAnswer = 256 * 1024;  // bytes; larger bodies prove nothing

enum class Acceptance {
  accepted,
  held,    // held_for_quality_assessment: sent or dropped (132015) later
  paused,  // template paused meanwhile; a failed status follows
};

struct SendAnswer {
  enum class Kind { accepted, failed, unknown };
  Kind kind = Kind::unknown;

  // accepted
  std::string wamid;
  std::string wa_id;    // the recipient's number as WhatsApp knows it; may differ from `to`, may be empty
  std::string user_id;  // business-scoped user id, if given
  Acceptance acceptance = Acceptance::accepted;

  // failed; also set for `unknown` when Meta named a code that is not definitive
  GraphError error;
  const ErrorInfo* info = nullptr;      // never null when failed
  std::optional<Duration> retry_after;  // from the Retry-After header, at most one day

  // unknown
  std::string why;  // for people
};

// Never throws and never fails, whatever the bytes are.
//   2xx with a wamid → accepted. 2xx without → unknown.
//   A well-formed Graph error with a definitive code → failed, whatever the HTTP status.
//   Codes 1, 2, 131000, 131016, and 5xx with an unknown code or without a Graph error → unknown.
//   Other 3xx and 4xx without a Graph error → failed (the request was refused), except 408 and 499 → unknown.
SendAnswer interpret_send_response(int status, const HttpHeaders& headers, std::string_view body);

// The error object of any Graph answer; nothing if the body holds none.
std::optional<GraphError> parse_graph_error(int status, std::string_view body);

}  // namespace posthorn::whatsapp
