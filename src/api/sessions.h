// Browser sessions and the one-time links that open them. In memory, by the hash of their token: a restart
// ends them all.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "actions/role.h"
#include "core/time.h"
#include "platform/clock.h"
#include "platform/random.h"

namespace posthorn {

struct Session {
  std::string actor;  // "web:<first characters of the session's hash>"
  Role role = Role::viewer;
};

struct OpenedSession {
  std::string token;      // for the cookie; not kept
  std::string next_path;  // page to show
};

class Sessions {
 public:
  static constexpr Duration kLinkLife = std::chrono::minutes(15);
  static constexpr Duration kIdle = std::chrono::hours(2);
  static constexpr Duration kAbsolute = std::chrono::hours(12);
  static constexpr std::size_t kMaxLinks = 100, kMaxSessions = 1000;  // the oldest go first

  Sessions(Clock& clock, Random& random) : clock_(clock), random_(random) {}

  // "/login#<token>": the token stands behind the #, so that it reaches neither logs nor Referer headers.
  std::string make_link(Role role, std::string next_path);
  std::optional<OpenedSession> open(std::string_view link_token);  // uses the link up
  std::optional<Session> find(std::string_view token);             // and keeps it alive
  void close(std::string_view token);

 private:
  struct Link {
    Role role = Role::viewer;
    std::string next_path;
    MonotonicTime made;
  };
  struct Entry {
    Session session;
    MonotonicTime opened, seen;
  };
  Clock& clock_;
  Random& random_;
  std::map<std::string, Link> links_;
  std::map<std::string, Entry> entries_;
};

// "/…" without host: anything else becomes "/", so that a link cannot lead away.
std::string local_path(std::string path);

}  // namespace posthorn
