#include "platform/crypto.h"

#include <stdexcept>
#include <utility>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace posthorn {
namespace {

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// OpenSSL calls that can only fail when the library is broken or memory is out.
void require(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("OpenSSL failed: ") + what);
}

struct Free {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
  void operator()(EVP_MAC* m) const { EVP_MAC_free(m); }
  void operator()(EVP_MAC_CTX* c) const { EVP_MAC_CTX_free(c); }
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free>;

// Fetching walks OpenSSL's providers under a lock, so it is done once.
EVP_MAC* hmac_algorithm() {
  static const std::unique_ptr<EVP_MAC, Free> algorithm(EVP_MAC_fetch(nullptr, "HMAC", nullptr));
  require(algorithm != nullptr, "no HMAC");
  return algorithm.get();
}

int value_of_hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<signed char, 256> base64_values() {
  std::array<signed char, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kBase64Url.size(); ++i) {
    values[static_cast<unsigned char>(kBase64Url[i])] = static_cast<signed char>(i);
  }
  return values;
}
constexpr auto kBase64Values = base64_values();

// A sealed secret: one byte of version, nonce, ciphertext, tag. NIST SP 800-38D allows 2^32 random 96-bit
// nonces a key.
constexpr char kSealVersion = 1;
constexpr std::size_t kNonceSize = 12;
constexpr std::size_t kTagSize = 16;
constexpr std::size_t kKeySize = 32;

}  // namespace

Sha256Digest sha256(std::string_view data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

struct Sha256::Impl {
  std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  require(EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) == 1, "SHA-256 init");
}
Sha256::~Sha256() = default;

void Sha256::update(std::string_view data) {
  require(EVP_DigestUpdate(impl_->context.get(), data.data(), data.size()) == 1, "SHA-256 update");
}

Sha256Digest Sha256::finish() {
  Sha256Digest digest{};
  require(EVP_DigestFinal_ex(impl_->context.get(), digest.data(), nullptr) == 1, "SHA-256 final");
  return digest;
}

struct HmacSha256::Impl {
  std::unique_ptr<EVP_MAC_CTX, Free> context{EVP_MAC_CTX_new(hmac_algorithm())};
};

HmacSha256::HmacSha256(const Secret& key) : impl_(std::make_unique<Impl>()) {
  char digest_name[] = "SHA256";
  const std::array<OSSL_PARAM, 2> parameters{
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest_name, 0), OSSL_PARAM_construct_end()};
  require(
      EVP_MAC_init(impl_->context.get(), bytes_of(key.reveal()), key.reveal().size(), parameters.data()) == 1,
      "HMAC init");
}
HmacSha256::HmacSha256(HmacSha256&&) noexcept = default;
HmacSha256& HmacSha256::operator=(HmacSha256&&) noexcept = default;
HmacSha256::~HmacSha256() = default;

Sha256Digest HmacSha256::operator()(std::string_view data) {
  EVP_MAC_CTX* context = impl_->context.get();
  Sha256Digest digest{};
  std::size_t size = 0;
  require(EVP_MAC_init(context, nullptr, 0, nullptr) == 1 &&
              EVP_MAC_update(context, bytes_of(data), data.size()) == 1 &&
              EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1,
          "HMAC");
  return digest;
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string to_hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex += kDigits[byte >> 4U];
    hex += kDigits[byte & 15U];
  }
  return hex;
}

std::string to_hex(const Sha256Digest& digest) {
  return to_hex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

Result<std::string> from_hex(std::string_view hex) {
  if (hex.size() % 2 != 0)
    return fail(ErrorCode::invalid_argument, "a text in hexadecimal has an even number of digits");
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = value_of_hex(hex[i]);
    const int low = value_of_hex(hex[i + 1]);
    if (high < 0 || low < 0) {
      return fail(ErrorCode::invalid_argument,
                  "only the digits 0-9 and a-f may stand in a text in hexadecimal");
    }
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string to_base64url(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() * 4 + 2) / 3);
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : bytes) {
    buffer = (buffer << 8U) | static_cast<unsigned char>(c);
    for (bits += 8; bits >= 6; bits -= 6)
      text += kBase64Url[(buffer >> static_cast<unsigned>(bits - 6)) & 63U];
  }
  if (bits > 0) text += kBase64Url[(buffer << static_cast<unsigned>(6 - bits)) & 63U];
  return text;
}

Result<std::string> from_base64url(std::string_view text) {
  const auto malformed =
      fail(ErrorCode::invalid_argument, "not base64url (letters, digits, - and _; no padding)");
  if (text.size() % 4 == 1) return malformed;
  std::string bytes;
  bytes.reserve(text.size() * 3 / 4);
  unsigned buffer = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = kBase64Values[static_cast<unsigned char>(c)];
    if (value < 0) return malformed;
    buffer = (buffer << 6U) | static_cast<unsigned>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>((buffer >> static_cast<unsigned>(bits)) & 255U);
    }
  }
  // One text a value: leftover bits that are not zero would let two tokens mean the same.
  if ((buffer & ((1U << static_cast<unsigned>(bits)) - 1U)) != 0) return malformed;
  return bytes;
}

SecretBox::SecretBox(Secret master_key_32_bytes, Random& random)
    : key_(std::move(master_key_32_bytes)), random_(random) {
  if (key_.reveal().size() != kKeySize) throw std::invalid_argument("the master key must have 32 bytes");
}

std::string SecretBox::seal(const Secret& plain, std::string_view context) {
  const std::string& text = plain.reveal();
  std::string sealed(1 + kNonceSize + text.size() + kTagSize, '\0');
  sealed[0] = kSealVersion;
  random_.fill(std::as_writable_bytes(std::span(sealed.data() + 1, kNonceSize)));
  unsigned char* nonce = bytes_of(sealed) + 1;
  unsigned char* body = nonce + kNonceSize;
  const CipherContext cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  require(EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_.reveal()), nonce) == 1 &&
              EVP_EncryptUpdate(cipher.get(), nullptr, &length, bytes_of(context),
                                static_cast<int>(context.size())) == 1 &&
              EVP_EncryptUpdate(cipher.get(), body, &length, bytes_of(text), static_cast<int>(text.size())) ==
                  1 &&
              EVP_EncryptFinal_ex(cipher.get(), body + length, &length) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, kTagSize, body + text.size()) == 1,
          "AES-256-GCM");
  return sealed;
}

Result<Secret> SecretBox::open(std::string_view sealed, std::string_view context) const {
  const auto damaged =
      fail(ErrorCode::data_loss,
           "a stored secret cannot be opened: it was changed, or the master key is another one; "
           "restore the key file that belongs to this data folder, or enter the secret again");
  if (sealed.size() < 1 + kNonceSize + kTagSize || sealed[0] != kSealVersion) return damaged;
  const std::string_view nonce = sealed.substr(1, kNonceSize);
  const std::string_view body = sealed.substr(1 + kNonceSize, sealed.size() - 1 - kNonceSize - kTagSize);
  std::string tag(sealed.substr(sealed.size() - kTagSize));
  std::string plain(body.size(), '\0');
  const CipherContext cipher(EVP_CIPHER_CTX_new());
  int length = 0;
  const bool intact = EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key_.reveal()),
                                         bytes_of(nonce)) == 1 &&
                      EVP_DecryptUpdate(cipher.get(), nullptr, &length, bytes_of(context),
                                        static_cast<int>(context.size())) == 1 &&
                      EVP_DecryptUpdate(cipher.get(), bytes_of(plain), &length, bytes_of(body),
                                        static_cast<int>(body.size())) == 1 &&
                      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, kTagSize, tag.data()) == 1 &&
                      EVP_DecryptFinal_ex(cipher.get(), bytes_of(plain) + length, &length) == 1;
  if (!intact) return damaged;
  return Secret(std::move(plain));
}

}  // namespace posthorn
