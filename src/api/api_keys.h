// API keys as rows and in memory. Only the SHA-256 of a key exists outside its owner's hands.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actions/key_store.h"
#include "platform/clock.h"
#include "platform/random.h"
#include "storage/database.h"

namespace posthorn {

class ApiKeys {
 public:
  ApiKeys(Database& database, Clock& clock, Random& random)
      : database_(database), clock_(clock), random_(random) {}

  Task<Result<>> load();  // before anything else
  bool any() const;       // a key that is not revoked exists
  // The owner of "ph_…", compared in constant time against every key; revoked ones do not count.
  std::optional<ApiKeyInfo> find(std::string_view key);

  Task<Result<CreatedKey>> create(std::string name, Role role);
  std::vector<ApiKeyInfo> list() const;
  Task<Result<>> revoke(std::string name);  // with it, the sessions that its links opened
  Task<Result<>> save_last_used();          // call about once a minute

 private:
  struct Entry {
    ApiKeyInfo info;
    std::string hash;   // hex
    bool used = false;  // since the last save
  };
  Database& database_;
  Clock& clock_;
  Random& random_;
  std::map<std::int64_t, Entry> entries_;
};

// "ph_" and 256 random bits in base64url.
std::string random_token(Random& random);
std::string token_hash(std::string_view token);  // SHA-256, hex

}  // namespace posthorn
