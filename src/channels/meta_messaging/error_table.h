// Meta's error codes of Instagram messaging and Messenger as data. Unlike WhatsApp's the subcode matters: the
// most special row decides.
//
// Sources: Meta's Messenger Platform and Instagram Platform error references (June 2026), and what public
// clients have met.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "channels/whatsapp/error_table.h"
#include "core/time.h"

namespace posthorn::meta_messaging {

using whatsapp::GraphError;

// What a sender does after such an error.
enum class ErrorClass {
  reconcile,      // it may have gone out: look for the echo or read the conversation before anything else
  retry_backoff,  // try again later, at most `max_tries` times in total
  slow_account,   // the whole account calls too fast: lower its rate, then try again
  thread_held,    // another app owns the conversation: try again when it is given back
  window_closed,  // nothing may be sent until the person writes again
  recipient_permanent,  // this person will not get it; others are not affected
  message_permanent,    // this message cannot be sent as it is
  media_permanent,      // this file cannot be sent; a fresh upload or another file can
  configuration,        // token, permission or set-up: stop the account and tell the operator
  account_paused,       // Meta restricts the account: stop it and tell the operator
  placeholder,          // a profile that cannot be read: show a placeholder, go on
};
std::string_view to_string(ErrorClass error_class);

inline constexpr int kAnyCode = -1000;  // pseudo code of rows that are known by their subcode alone

struct ErrorInfo {
  int code = 0;           // kAnyCode, Meta's code, or one of whatsapp's pseudo codes for answers without one
  int subcode = 0;        // 0: any
  std::string_view name;  // short and stable, snake_case
  ErrorClass error_class = ErrorClass::message_permanent;
  int max_tries = 1;           // attempts in total; 1: never again by itself; 0: no limit
  Duration min_delay{0};       // before the next attempt
  std::string_view meaning;    // one plain sentence for people
  std::string_view next_step;  // what Posthorn does or what the reader can do
};

// Never fails. (code, subcode), then the subcode alone, then the code, then the HTTP status. An answer of
// HTTP 5xx without a row that settles it leaves the outcome open. The reference is to static data.
const ErrorInfo& classify(const GraphError& error);

// Before attempt number `tries + 1` (tries >= 1), without jitter; nothing if there must be none.
std::optional<Duration> retry_delay(const ErrorInfo& info, int tries);

std::span<const ErrorInfo> error_table();

// docs/errors-instagram-messenger.md, generated; a unit test compares the file with it.
std::string render_error_document();

}  // namespace posthorn::meta_messaging
