// What a notification says: one message, or a digest of many. Pure.
#pragma once
#include <string>
#include <vector>

#include "core/time.h"

namespace posthorn {

struct NotifiedFile {
  std::string name, kind;
  std::string link;  // empty: not stored (yet), or links are not wanted
};

struct NotifiedMessage {
  bool inbound = true;
  std::string person, address;  // the one at the other end: name, and number or user name
  std::string account;          // ours
  std::string type, text;       // text: body or caption; may be empty
  std::string author;           // outbound: who sent it
  WallTime at{};
  std::string link;  // to the conversation; empty: the server's public address is not known
  std::vector<NotifiedFile> files;
};

struct MailText {
  std::string subject, text, html;
};

// `messages`: at least one, oldest first; `left_out`: how many more there were. Everything that people wrote
// is escaped in the HTML, and never in the subject beyond one line.
MailText notification_mail(const std::vector<NotifiedMessage>& messages, int left_out);

}  // namespace posthorn
