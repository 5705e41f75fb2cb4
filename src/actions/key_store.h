// API keys and one-time links as actions see them. api/access.h implements it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "actions/role.h"
#include "core/ids.h"
#include "core/result.h"
#include "core/secret.h"
#include "core/time.h"
#include "platform/async.h"

namespace posthorn {

struct ApiKeyInfo {
  ApiKeyId id;
  std::string name;
  Role role = Role::viewer;
  WallTime created_at;
  std::optional<WallTime> last_used_at;  // to the minute
  std::optional<WallTime> revoked_at;
};

struct CreatedKey {
  ApiKeyInfo info;
  Secret key;  // "ph_…"; shown this once, only its SHA-256 is kept
};

class KeyStore {
 public:
  virtual ~KeyStore() = default;
  virtual Task<Result<CreatedKey>> create_key(std::string name,
                                              Role role) = 0;     // conflict: the name is taken
  virtual Task<Result<std::vector<ApiKeyInfo>>> list_keys() = 0;  // by id
  virtual Task<Result<>> revoke_key(std::string name) = 0;        // not_found; in force at once
  // A path like "/login#…" that opens one session with `role`; good for 15 minutes and one use. The session
  // ends with the key of `actor`; without an actor the server itself made it.
  virtual std::string make_login_path(Role role, std::string next_path, std::string actor) = 0;
};

}  // namespace posthorn
