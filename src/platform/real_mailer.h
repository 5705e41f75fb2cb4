// The real side of Mailer: SMTP by libcurl, on threads of its own.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/secret.h"
#include "core/time.h"
#include "platform/mailer.h"

namespace posthorn {

enum class MailSecurity {
  starttls,  // plain connection that must become TLS before anything is said
  tls,       // TLS from the first byte (port 465)
  none,      // for a server on this machine
};
std::optional<MailSecurity> mail_security_from(std::string_view text);  // "starttls", "tls", "none"

struct SmtpServer {
  std::string host;
  int port = 587;
  MailSecurity security = MailSecurity::starttls;
  std::string user;  // empty: no login
  Secret password;
  std::string from;  // address
  std::string from_name;
  std::string ca_file;  // empty: the system's roots
  Duration timeout = std::chrono::seconds(60);
};

// One connection for each mail; two at a time. The destructor waits for those under way, at most `timeout`.
std::unique_ptr<Mailer> make_smtp_mailer(SmtpServer server);

}  // namespace posthorn
