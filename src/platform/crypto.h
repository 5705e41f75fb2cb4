// Port: cryptography, all of it from OpenSSL and libsodium.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "core/result.h"
#include "core/secret.h"
#include "platform/random.h"

namespace posthorn {

using Sha256Digest = std::array<unsigned char, 32>;

Sha256Digest sha256(std::string_view data);

// Incremental SHA-256 for streams.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(std::string_view data);
  Sha256Digest finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Keyed HMAC-SHA256 whose context is kept and re-initialised (twice as fast as one-shot calls). Not
// thread-safe.
class HmacSha256 {
 public:
  explicit HmacSha256(const Secret& key);
  HmacSha256(HmacSha256&&) noexcept;
  HmacSha256& operator=(HmacSha256&&) noexcept;
  ~HmacSha256();
  Sha256Digest operator()(std::string_view data);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

bool constant_time_equal(std::string_view a, std::string_view b);  // false at once only when lengths differ

std::string to_hex(std::string_view bytes);
std::string to_hex(const Sha256Digest& digest);
Result<std::string> from_hex(std::string_view hex);  // lower case only
std::string to_base64url(std::string_view bytes);    // without padding
Result<std::string> from_base64url(std::string_view text);

// AES-256-GCM envelope for secrets at rest. `context` (table and column and id) is authenticated, so that two
// ciphertexts cannot be swapped.
class SecretBox {
 public:
  explicit SecretBox(Secret master_key_32_bytes, Random& random);
  std::string seal(const Secret& plain, std::string_view context);
  Result<Secret> open(std::string_view sealed, std::string_view context) const;  // data_loss if tampered

 private:
  Secret key_;
  Random& random_;
};

}  // namespace posthorn
