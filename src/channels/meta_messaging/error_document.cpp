// docs/errors-instagram-messenger.md, written from the table so that the two cannot differ.
#include <fmt/format.h>

#include "channels/meta_messaging/error_table.h"

namespace posthorn::meta_messaging {
namespace {

std::string code_text(const ErrorInfo& info) {
  if (info.code == kAnyCode) return fmt::format("any, subcode {}", info.subcode);
  if (info.code == whatsapp::kNoCode) return "any other";
  if (info.code == whatsapp::kHttpServerError) return "HTTP 5xx";
  if (info.code == whatsapp::kHttpRedirect) return "HTTP 3xx";
  if (info.code < 0) return fmt::format("HTTP {}", -info.code);
  return info.subcode == 0 ? fmt::format("{}", info.code)
                           : fmt::format("{} (subcode {})", info.code, info.subcode);
}

std::string tries_text(const ErrorInfo& info) {
  if (info.min_delay.count() == 0) return {};
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(info.min_delay).count();
  const std::string after = fmt::format("not before {} s", seconds);
  return info.max_tries > 1 ? fmt::format("at most {} tries; {}", info.max_tries, after) : after;
}

constexpr std::string_view kIntroduction = R"(# Error codes of Instagram and Messenger

What Posthorn does when Instagram or Messenger refuses a message. This page is generated from the error table in
`src/channels/meta_messaging/error_entries.cpp`; a test compares the two. The most special row decides: code and subcode,
then the subcode, then the code, then the HTTP status.

| class | what happens |
|---|---|
| `reconcile` | it may have gone out: never sent again by itself before the echo or the conversation has told |
| `retry_backoff` | tried again after a growing delay |
| `slow_account` | the account's rate is lowered, then tried again |
| `thread_held` | another app owns the conversation: tried again, then given up with that reason |
| `window_closed` | given up: the person has to write first |
| `recipient_permanent` | given up for this person; others go on |
| `message_permanent` | given up: the message cannot be sent as it is |
| `media_permanent` | given up: the file cannot be sent as it is |
| `configuration`, `account_paused` | sending of the account stops until an operator acts; nothing is lost |
| `placeholder` | only the profile is missing: a placeholder is shown |

| code | name | class | tries | meaning | next step |
|---|---|---|---|---|---|
)";

}  // namespace

std::string render_error_document() {
  std::string out(kIntroduction);
  for (const ErrorInfo& info : error_table()) {
    out += fmt::format("| {} | `{}` | `{}` | {} | {} | {} |\n", code_text(info), info.name,
                       to_string(info.error_class), tries_text(info), info.meaning, info.next_step);
  }
  return out;
}

}  // namespace posthorn::meta_messaging
