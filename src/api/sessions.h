// Browser sessions and the one-time links that open them, known by the hash of their token. Sessions are
// rows, so that a restart ends none; links live for minutes and in memory only.
#pragma once
#include <map>
#include <optional>
#include <string>

#include "actions/role.h"
#include "core/time.h"
#include "platform/clock.h"
#include "platform/random.h"
#include "storage/database.h"

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

  Sessions(Database& database, Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  Task<Result<>> load();  // before anything else; what has expired is left out

  // "/login#<token>": the token stands behind the #, so that it reaches neither logs nor Referer headers.
  // `actor` made the link: "key:<name>", or "web:…" for what that session's key made. Empty: the server
  // itself.
  std::string make_link(Role role, std::string next_path, std::string_view actor);
  // Uses the link up; nothing for a used, expired or wrong one. The session is durable when this returns.
  Task<Result<std::optional<OpenedSession>>> open(std::string link_token);
  std::optional<Session> find(std::string_view token);  // and keeps it alive
  Task<Result<>> close(std::string token);              // ended at once, whatever the disk says
  // In memory, after the key and its rows have gone (ApiKeys::revoke): its links and sessions end.
  void forget_key(std::string_view name);
  Task<Result<>> save_last_seen();  // call about once a minute; deletes what has expired

 private:
  struct Link {
    Role role = Role::viewer;
    std::string next_path, made_by;
    MonotonicTime made;
  };
  struct Entry {
    Session session;
    std::string made_by;  // the API key behind it; empty: none
    WallTime opened, seen;
    bool used = false;  // since the last save
  };
  bool expired(const Entry& entry, WallTime now) const;
  std::string key_behind(std::string_view actor) const;
  std::string make_room();  // the hash of the session that had to go, if one had to

  Database& database_;
  Clock& clock_;
  Random& random_;
  std::map<std::string, Link> links_;
  std::map<std::string, Entry> entries_;
};

// "/…" without host: anything else becomes "/", so that a link cannot lead away.
std::string local_path(std::string path);

}  // namespace posthorn
