#include "channels/meta_messaging/error_table.h"

#include <algorithm>

#include "channels/meta_messaging/error_entries.h"

namespace posthorn::meta_messaging {
namespace {

const ErrorInfo* row_of(int code, int subcode) {
  const auto rows = error_entries();
  const auto row = std::ranges::find_if(
      rows, [&](const ErrorInfo& info) { return info.code == code && info.subcode == subcode; });
  return row != rows.end() ? &*row : nullptr;
}

int pseudo_code_of(int http_status) {
  if (http_status == 429) return whatsapp::kHttpThrottled;
  if (http_status == 401) return whatsapp::kHttpUnauthorized;
  if (http_status == 403) return whatsapp::kHttpForbidden;
  if (http_status == 404) return whatsapp::kHttpNotFound;
  if (http_status >= 500) return whatsapp::kHttpServerError;
  if (http_status >= 300 && http_status < 400) return whatsapp::kHttpRedirect;
  return whatsapp::kNoCode;
}

// The rows for an error, most special first.
const ErrorInfo* special_row(const GraphError& error) {
  if (error.code == whatsapp::kNoCode) return nullptr;
  if (error.subcode != 0) {
    if (const ErrorInfo* row = row_of(error.code, error.subcode)) return row;
    if (const ErrorInfo* row = row_of(kAnyCode, error.subcode)) return row;
    // Of missing permissions only the listed kinds may stop an account: the others are about one person.
    if (error.code == 10 || error.code == 200) return row_of(whatsapp::kNoCode, 0);
  }
  return row_of(error.code, 0);
}

}  // namespace

std::string_view to_string(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::reconcile:
      return "reconcile";
    case ErrorClass::retry_backoff:
      return "retry_backoff";
    case ErrorClass::slow_account:
      return "slow_account";
    case ErrorClass::thread_held:
      return "thread_held";
    case ErrorClass::window_closed:
      return "window_closed";
    case ErrorClass::recipient_permanent:
      return "recipient_permanent";
    case ErrorClass::message_permanent:
      return "message_permanent";
    case ErrorClass::media_permanent:
      return "media_permanent";
    case ErrorClass::configuration:
      return "configuration";
    case ErrorClass::account_paused:
      return "account_paused";
    case ErrorClass::placeholder:
      return "placeholder";
  }
  return "unknown";
}

const ErrorInfo& classify(const GraphError& error) {
  const ErrorInfo* row = special_row(error);
  // Codes 1 and 2 with HTTP 5xx say no more than the status does: the message may have gone out before the
  // failure.
  const bool vague = row == nullptr || row->error_class == ErrorClass::retry_backoff;
  if (vague && error.http_status >= 500) return *row_of(whatsapp::kHttpServerError, 0);
  if (row != nullptr) return *row;
  // An unlisted code that Meta itself calls transient says nothing about the message.
  if (error.transient) return *row_of(1, 0);
  return *row_of(pseudo_code_of(error.http_status), 0);
}

std::optional<Duration> retry_delay(const ErrorInfo& info, int tries) {
  const bool waits_for_people =
      info.error_class == ErrorClass::configuration || info.error_class == ErrorClass::account_paused;
  if (waits_for_people || tries < 1 || (info.max_tries != 0 && tries >= info.max_tries)) return std::nullopt;
  if (info.error_class == ErrorClass::slow_account) return info.min_delay;
  constexpr Duration kLongest = std::chrono::hours(1);
  Duration delay = info.min_delay;
  for (int i = 1; i < tries && delay < kLongest; ++i) delay *= 2;
  return std::min(delay, kLongest);
}

std::span<const ErrorInfo> error_table() {
  return error_entries();
}

}  // namespace posthorn::meta_messaging
