// Meta's error codes as data: what each one means for people and what happens next. One classifier for errors
// that come in an HTTP answer and for those in a `failed` status webhook.
//
// Sources: Meta's Cloud API error reference, Meta's OpenAPI description v23.0, and what public clients have
// met.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/time.h"

namespace posthorn::whatsapp {

// What a sender does after such an error.
enum class ErrorClass {
  retry_backoff,   // try again later with exponential back-off and jitter, at most `max_tries` times
  retry_pair,      // this one recipient gets too many messages: try again after 4^n seconds
  slow_number,     // the whole phone number sends too fast: lower its rate, then try again
  pause_campaign,  // nothing of this campaign may go on until a person or a webhook clears it; the row is not
                   // burnt
  recipient_permanent,  // this recipient will not get this message; the others are not affected
  template_permanent,   // this message cannot be sent to anybody as it is (unless row_level)
  configuration,        // account, token or set-up: stop and tell the operator; no recipient is burnt
};
std::string_view to_string(ErrorClass error_class);

struct ErrorInfo {
  int code = 0;  // first code of the entry; negative for answers without a known code (kHttpThrottled, …)
  int last_code = 0;      // equal to `code` unless the entry covers a range
  int subcode = 0;        // 0: any; kAboutRecipient: only when the error is about the recipient's address
  std::string_view name;  // short and stable, snake_case: "pair_rate_limit"
  ErrorClass error_class = ErrorClass::recipient_permanent;
  bool pauses_campaign = false;  // stop campaigns that meet it (with the meaning as the reason)
  bool blocks_account = false;   // nothing can be sent from this number until an operator acts
  bool opt_out = false;          // the person refused marketing: put him on the suppression list
  bool row_level = false;        // caused by this row's values: other rows of the campaign may pass
  bool country_wide = false;     // every recipient of the same country will fail alike
  bool definitive = true;        // false: Meta may have accepted the message all the same (invariant I5)
  int max_tries = 1;           // attempts in total, the first included; 1: never again by itself; 0: no limit
  Duration min_delay{0};       // before the next attempt
  std::string_view meaning;    // one plain sentence for people
  std::string_view next_step;  // what Posthorn does or what the reader can do
};

inline constexpr int kAboutRecipient = -1;  // pseudo subcode, see ErrorInfo::subcode

// Pseudo codes of answers whose code is missing or not in the table. Never sent by Meta.
inline constexpr int kNoCode = -1;
inline constexpr int kHttpThrottled = -429;
inline constexpr int kHttpUnauthorized = -401;
inline constexpr int kHttpForbidden = -403;
inline constexpr int kHttpNotFound = -404;
inline constexpr int kHttpRedirect = -300;
inline constexpr int kHttpServerError = -500;

// One error object as Meta sends it, in an HTTP answer or in errors[] of a webhook.
struct GraphError {
  int code = kNoCode;
  int subcode = 0;
  int http_status = 0;     // 0 in webhooks
  bool transient = false;  // Meta's is_transient
  std::string type;        // "OAuthException"
  std::string title;       // webhooks: title; answers: error_user_title
  std::string message;
  std::string details;   // error_data.details: the useful part
  std::string trace_id;  // fbtrace_id, for Meta's support

  std::string summary()
      const;  // "(131026) Message undeliverable: …", at most 500 bytes, for reports and logs
};

// Never fails: unknown codes are judged by HTTP status (429, 401, 403, 404, 3xx, 5xx) and otherwise count as
// permanent for the row alone, so that an unknown code can neither burn a campaign nor cause a duplicate. The
// reference is to static data.
const ErrorInfo& find_error(int code, int http_status = 0, int subcode = 0);
// The same, and uses details to tell whether a parameter error (100, 131009) is about the recipient's
// address.
const ErrorInfo& find_error(const GraphError& error);

// Before the next attempt number `tries + 1` (tries >= 1), without jitter; nothing if there must be none.
std::optional<Duration> retry_delay(const ErrorInfo& info, int tries);

std::span<const ErrorInfo> error_table();  // in order of code

// docs/errors.md, generated; a unit test compares the file with it.
std::string render_error_document();

}  // namespace posthorn::whatsapp
