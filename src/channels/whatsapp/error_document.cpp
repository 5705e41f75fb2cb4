// docs/errors.md, written from the table so that the two cannot differ.
#include <fmt/format.h>

#include "channels/whatsapp/error_table.h"

namespace posthorn::whatsapp {
namespace {

std::string code_text(const ErrorInfo& info) {
  if (info.code < 0)
    return info.code == kNoCode
               ? "any other"
               : fmt::format("HTTP {}", info.code == kHttpServerError ? "5xx"
                                        : info.code == kHttpRedirect  ? "3xx"
                                                                      : fmt::format("{}", -info.code));
  std::string text = info.last_code != info.code ? fmt::format("{}–{}", info.code, info.last_code)
                                                 : fmt::format("{}", info.code);
  if (info.subcode == kAboutRecipient) text += " (about the recipient)";
  if (info.subcode > 0) text += fmt::format(" (subcode {})", info.subcode);
  return text;
}

std::string flags_text(const ErrorInfo& info) {
  std::string text;
  const auto add = [&text](bool flag, std::string_view words) {
    if (!flag) return;
    if (!text.empty()) text += "; ";
    text += words;
  };
  add(info.pauses_campaign, "pauses the broadcast");
  add(info.blocks_account, "stops the number");
  add(info.opt_out, "suppresses the person");
  add(info.row_level, "this row only");
  add(info.country_wide, "the whole country");
  add(!info.definitive, "outcome unknown");
  add(info.max_tries > 1, fmt::format("at most {} tries", info.max_tries));
  if (info.min_delay.count() > 0) {
    add(true, fmt::format("not before {} s",
                          std::chrono::duration_cast<std::chrono::seconds>(info.min_delay).count()));
  }
  return text;
}

constexpr std::string_view kIntroduction = R"(# Error codes

What Posthorn does when WhatsApp refuses or fails a message. This page is generated from the error table in
`src/channels/whatsapp/error_entries.cpp`; a test compares the two.

| class | what happens |
|---|---|
| `retry_backoff` | tried again after a growing delay |
| `retry_pair` | tried again after 1, 4, 16 … seconds: one person gets too many messages |
| `slow_number` | the number's rate is lowered, then tried again |
| `pause_campaign` | the broadcast pauses; the recipient keeps his place |
| `recipient_permanent` | this recipient fails, the others go on |
| `template_permanent` | the message cannot be sent as it is |
| `configuration` | account or set-up: sending stops until an operator acts; the recipient keeps his place |

*Outcome unknown* means that Meta may have accepted the message all the same: it is not sent again before a hold has passed.

| code | name | class | effects | meaning | next step |
|---|---|---|---|---|---|
)";

}  // namespace

std::string render_error_document() {
  std::string out(kIntroduction);
  for (const ErrorInfo& info : error_table()) {
    out += fmt::format("| {} | `{}` | `{}` | {} | {} | {} |\n", code_text(info), info.name,
                       to_string(info.error_class), flags_text(info), info.meaning, info.next_step);
  }
  return out;
}

}  // namespace posthorn::whatsapp
