// X.509 certificates that sign messages (not connections): reading, trust, and verification of signatures.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "core/time.h"

namespace posthorn {

// Authorities that are trusted to vouch for certificates.
class CertificateRoots {
 public:
  // PEM file; empty means the system's. invalid_argument when the file cannot be read or holds no
  // certificate.
  static Result<CertificateRoots> load(const std::string& ca_file);
  CertificateRoots(CertificateRoots&&) noexcept;
  CertificateRoots& operator=(CertificateRoots&&) noexcept;
  ~CertificateRoots();

 private:
  friend class SigningCertificate;
  struct Impl;
  explicit CertificateRoots(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

enum class SignatureHash { sha1, sha256 };

class SigningCertificate {
 public:
  enum class Chain {
    complete,     // leads to one of the roots
    issuer_apart  // nothing wrong, but its issuer came neither with it nor is it a root
  };

  // The first certificate of the PEM text signs, others are its issuers. invalid_argument: unreadable, or its
  // key is not RSA of at least 2048 bits.
  static Result<SigningCertificate> from_pem(std::string_view pem);
  SigningCertificate(SigningCertificate&&) noexcept;
  SigningCertificate& operator=(SigningCertificate&&) noexcept;
  ~SigningCertificate();

  // Valid at `now`, for one of `names` (exactly, no wildcards), and vouched for. permission_denied says what
  // is wrong.
  Result<Chain> check(const CertificateRoots& roots, std::span<const std::string> names, WallTime now) const;
  bool valid_at(WallTime now) const;
  // Where the certificate says its issuer can be had (RFC 5280, 4.2.2.1), and the way to add what was found
  // there, in DER. Neither needs to be trusted: check() decides.
  std::vector<std::string> issuer_urls() const;
  Result<> add_issuer(std::string_view der);
  // RSA PKCS #1 v1.5.
  bool verifies(std::string_view data, std::string_view signature, SignatureHash hash) const;

 private:
  struct Impl;
  explicit SigningCertificate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace posthorn
