// Port: handing an e-mail to a mail server (SMTP).
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

struct MailAttachment {
  std::string file_name;  // any text; made safe by the mailer
  std::string mime_type;
  std::string bytes;
};

// One mail to one person, so that the refusal of one address concerns nobody else. Texts are UTF-8; line
// breaks and control characters in header fields are taken out.
struct Mail {
  std::string to;       // address only
  std::string to_name;  // may be empty
  std::string subject;
  std::string text;  // plain text, always there
  std::string html;  // empty: plain text only
  std::string
      message_id;  // without angle brackets; equal on every attempt, so that a server can tell a repetition
  WallTime date{};
  std::vector<MailAttachment> attachments;
};

enum class MailOutcome {
  taken,    // the server has taken responsibility (2xx after the data)
  refused,  // for good: this address or this mail (5xx)
  failed,   // perhaps later: no connection, 4xx, login refused, TLS
};

struct MailAnswer {
  MailOutcome outcome = MailOutcome::failed;
  std::string detail;  // the server's words or ours; empty when taken
};

class Mailer {
 public:
  virtual ~Mailer() = default;
  virtual Task<MailAnswer> send(Mail mail) = 0;
};

// "anna@example.org": one @, no blanks or control characters, at most 254 bytes. Not a proof that it exists.
bool is_mail_address(std::string_view text);

}  // namespace posthorn
