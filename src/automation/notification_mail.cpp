#include "automation/notification_mail.h"

#include <fmt/format.h>

#include "core/time_text.h"

namespace posthorn {
namespace {

constexpr std::size_t kSubjectText = 60;  // code points of the message in a subject

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '\n':
        out += "<br>";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20) out += c;
    }
  }
  return out;
}

// The first code points of a text, on one line.
std::string shortened(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t points = 0;
  for (const char c : text) {
    const bool starts = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    if (starts && ++points > most) return out + "…";
    out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

std::string who(const NotifiedMessage& m) {
  if (m.person.empty() || m.person == m.address) return m.address.empty() ? "somebody" : m.address;
  return m.address.empty() ? m.person : fmt::format("{} ({})", m.person, m.address);
}

std::string what(const NotifiedMessage& m) {
  return m.text.empty() ? fmt::format("[{}]", m.type) : m.text;
}

std::string heading(const NotifiedMessage& m) {
  if (m.inbound) return fmt::format("{} wrote to {}", who(m), m.account);
  return fmt::format("{} answered {} from {}", m.author.empty() ? "Somebody" : m.author, who(m), m.account);
}

std::string text_of(const NotifiedMessage& m) {
  std::string out = fmt::format("{}, {}\n\n{}\n", heading(m), iso_time(m.at), what(m));
  for (const NotifiedFile& file : m.files)
    out += fmt::format("\n{}: {}{}\n", file.kind, file.name, file.link.empty() ? "" : "\n" + file.link);
  if (!m.link.empty()) out += "\nAnswer: " + m.link + "\n";
  return out;
}

std::string file_html(const NotifiedFile& file) {
  const std::string name = escaped(file.name.empty() ? file.kind : file.name);
  if (file.link.empty()) return fmt::format("<p>{}: {}</p>", escaped(file.kind), name);
  return fmt::format("<p>{}: <a href=\"{}\">{}</a></p>", escaped(file.kind), escaped(file.link), name);
}

std::string html_of(const NotifiedMessage& m) {
  std::string out = fmt::format(
      "<div style=\"border:1px solid #d5dbe1;border-radius:8px;padding:16px;margin:0 0 16px\">"
      "<p style=\"margin:0 0 8px;color:#52606d;font-size:13px\"><b>{}</b> · {}</p>"
      "<p style=\"margin:0;font-size:15px;white-space:pre-wrap\">{}</p>",
      escaped(heading(m)), escaped(iso_time(m.at)), escaped(what(m)));
  for (const NotifiedFile& file : m.files) out += file_html(file);
  if (!m.link.empty()) out += fmt::format("<p><a href=\"{}\">Open the conversation</a></p>", escaped(m.link));
  return out + "</div>";
}

std::string subject_of(const std::vector<NotifiedMessage>& messages, int left_out) {
  const NotifiedMessage& first = messages.front();
  const std::size_t all = messages.size() + static_cast<std::size_t>(left_out);
  if (all == 1) {
    const std::string name = first.person.empty() ? first.address : first.person;
    return fmt::format("{}: {}", shortened(name.empty() ? "Somebody" : name, 40),
                       shortened(what(first), kSubjectText));
  }
  return fmt::format("{} messages on {}", all, shortened(first.account, 40));
}

}  // namespace

MailText notification_mail(const std::vector<NotifiedMessage>& messages, int left_out) {
  MailText mail;
  mail.subject = subject_of(messages, left_out);
  mail.html =
      "<!doctype html><html><body style=\"font-family:system-ui,sans-serif;max-width:640px;margin:0 auto;"
      "padding:16px;color:#1f2933\">";
  for (const NotifiedMessage& message : messages) {
    if (!mail.text.empty()) mail.text += "\n----------------------------------------\n\n";
    mail.text += text_of(message);
    mail.html += html_of(message);
  }
  if (left_out > 0) {
    mail.text += fmt::format("\nAnd {} more.\n", left_out);
    mail.html += fmt::format("<p>And {} more.</p>", left_out);
  }
  mail.html += "</body></html>";
  return mail;
}

}  // namespace posthorn
