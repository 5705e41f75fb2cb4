// Who is calling, and may this request be believed: API keys (Bearer), sessions (cookie) with protection
// against requests that other sites make in a visitor's name.
#pragma once
#include <string>

#include "actions/key_store.h"
#include "actions/role.h"
#include "api/api_keys.h"
#include "api/auth_limiter.h"
#include "api/client_address.h"
#include "api/sessions.h"
#include "platform/http.h"
#include "platform/log.h"

namespace posthorn {

struct Caller {
  std::string actor;
  Role role = Role::viewer;
};

struct AccessOptions {
  bool secure_cookie = false;  // set when people reach the server by https
  ClientAddress clients;       // who is behind trusted proxies
};

class Access final : public KeyStore {
 public:
  Access(Database& database, Clock& clock, Random& random, Log& log, AccessOptions options = {})
      : clock_(clock),
        log_(log),
        options_(std::move(options)),
        keys_(database, clock, random),
        sessions_(database, clock, random) {}

  ApiKeys& keys() { return keys_; }
  Task<Result<>> load();            // keys and sessions; before anything else
  Task<Result<>> save_last_used();  // of both; call about once a minute
  // The address that failures are counted for and logs name: the peer, or who stands behind a trusted proxy.
  std::string client_address(const HttpRequest& request, const std::string& peer) const {
    return options_.clients.of(request, peer);
  }

  // unauthenticated; permission_denied (a browser's request from another site); resource_exhausted (too many
  // failures from this address). `peer` is the connection's other end.
  Result<Caller> authenticate(const HttpRequest& request, const std::string& peer);

  // The Set-Cookie value and where to go; unauthenticated for a used, expired or wrong link.
  struct Login {
    std::string cookie, next_path;
  };
  Task<Result<Login>> log_in(const HttpRequest& request, std::string link_token, std::string peer);
  // The Set-Cookie value that removes the cookie. The session has ended even if its row could not be deleted.
  Task<std::string> log_out(const HttpRequest& request);

  Task<Result<CreatedKey>> create_key(std::string name, Role role) override;
  Task<Result<std::vector<ApiKeyInfo>>> list_keys() override;
  Task<Result<>> revoke_key(std::string name) override;
  std::string make_login_path(Role role, std::string next_path, std::string actor) override;

 private:
  Result<Caller> by_key(std::string_view authorization);
  Result<Caller> by_session(const HttpRequest& request, std::string_view token);

  Clock& clock_;
  Log& log_;
  AccessOptions options_;
  ApiKeys keys_;
  Sessions sessions_;
  AuthLimiter limiter_;
};

// The value of one cookie of the request; empty if absent.
std::string cookie(const HttpRequest& request, std::string_view name);

// Whether a browser made this request on behalf of our own pages: Sec-Fetch-Site, or Origin against Host.
// Requests without either are refused.
Result<> check_same_origin(const HttpRequest& request);

}  // namespace posthorn
