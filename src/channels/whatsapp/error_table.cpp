#include "channels/whatsapp/error_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "channels/whatsapp/error_entries.h"

namespace posthorn::whatsapp {
namespace {

// The most special row for a code: one with the same subcode, else the general one; nullptr if the code is
// not listed.
const ErrorInfo* find_row(int code, int subcode) {
  const auto rows = error_entries();
  auto it = std::ranges::upper_bound(rows, code, {}, &ErrorInfo::code);
  const ErrorInfo* general = nullptr;
  while (it != rows.begin()) {
    const ErrorInfo& row = *--it;
    if (code < row.code || code > row.last_code) break;
    if (row.subcode == subcode) return &row;
    if (row.subcode == 0) general = &row;
  }
  return general;
}

int pseudo_code_of(int http_status) {
  if (http_status == 429) return kHttpThrottled;
  if (http_status == 401) return kHttpUnauthorized;
  if (http_status == 403) return kHttpForbidden;
  if (http_status == 404) return kHttpNotFound;
  if (http_status >= 500) return kHttpServerError;
  if (http_status >= 300 && http_status < 400) return kHttpRedirect;
  return kNoCode;
}

// Meta names the offending parameter in the details: "… param: to", "'to' is not a valid phone number",
// "recipient …".
bool speaks_of_recipient(std::string_view text) {
  for (const std::string_view sign :
       {"'to'", "\"to\"", "[to]", "(to)", "`to`", "param to ", "parameter to ", "parameter: to", "param: to",
        "ecipient", "phone number is not valid", "not a valid phone number", "not a valid WhatsApp"}) {
    if (text.find(sign) != std::string_view::npos) return true;
  }
  return false;
}

bool is_authoring_code(int subcode) {
  return subcode >= 2388000 && subcode <= 2388999;
}

}  // namespace

std::string_view to_string(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::retry_backoff:
      return "retry_backoff";
    case ErrorClass::retry_pair:
      return "retry_pair";
    case ErrorClass::slow_number:
      return "slow_number";
    case ErrorClass::pause_campaign:
      return "pause_campaign";
    case ErrorClass::recipient_permanent:
      return "recipient_permanent";
    case ErrorClass::template_permanent:
      return "template_permanent";
    case ErrorClass::configuration:
      return "configuration";
  }
  return "unknown";
}

std::string GraphError::summary() const {
  std::string text = code < 0 ? std::string() : fmt::format("({}) ", code);
  if (!message.empty()) {
    text += message;
  } else if (!title.empty()) {
    text += title;
  } else {
    text += find_error(*this).meaning;
  }
  if (!details.empty() && details != message) text += ": " + details;
  if (text.size() > 500) {
    std::size_t end = 500;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U)
      --end;  // not inside a character
    text.resize(end);
  }
  return text;
}

const ErrorInfo& find_error(int code, int http_status, int subcode) {
  if (is_authoring_code(subcode)) {
    if (const ErrorInfo* row = find_row(subcode, 0)) return *row;
  }
  const ErrorInfo* row = code == kNoCode ? nullptr : find_row(code, subcode);
  if (row != nullptr) return *row;
  return *find_row(pseudo_code_of(http_status), 0);
}

const ErrorInfo& find_error(const GraphError& error) {
  int subcode = error.subcode;
  const bool about_parameter = error.code == 100 || error.code == 131009;
  if (about_parameter && subcode != 33 && !is_authoring_code(subcode) &&
      (speaks_of_recipient(error.details) || speaks_of_recipient(error.message))) {
    subcode = kAboutRecipient;
  }
  const ErrorInfo& info = find_error(error.code, error.http_status, subcode);
  // An unlisted code that Meta itself calls transient says nothing about the message.
  if (info.code == kNoCode && error.transient) return *find_row(kHttpServerError, 0);
  return info;
}

std::optional<Duration> retry_delay(const ErrorInfo& info, int tries) {
  const bool waits_for_people =
      info.error_class == ErrorClass::pause_campaign || info.error_class == ErrorClass::configuration;
  if (waits_for_people || tries < 1 || (info.max_tries != 0 && tries >= info.max_tries)) return std::nullopt;
  constexpr Duration kLongest = std::chrono::hours(1);
  if (info.error_class == ErrorClass::slow_number) return info.min_delay;
  const int factor = info.error_class == ErrorClass::retry_pair ? 4 : 2;
  Duration delay = info.min_delay;
  for (int i = 1; i < tries && delay < kLongest; ++i) delay *= factor;
  return std::max(info.min_delay, std::min(delay, kLongest));
}

std::span<const ErrorInfo> error_table() {
  return error_entries();
}

}  // namespace posthorn::whatsapp
