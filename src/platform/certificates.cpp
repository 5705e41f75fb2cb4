#include "platform/certificates.h"

#include <algorithm>
#include <ctime>

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

namespace posthorn {
namespace {

constexpr int kLeastKeyBits = 2048;

struct Free {
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(X509_STORE* p) const { X509_STORE_free(p); }
  void operator()(X509_STORE_CTX* p) const { X509_STORE_CTX_free(p); }
  void operator()(AUTHORITY_INFO_ACCESS* p) const { AUTHORITY_INFO_ACCESS_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
  void operator()(STACK_OF(X509) * p) const { sk_X509_pop_free(p, X509_free); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

std::time_t seconds_of(WallTime t) {
  return static_cast<std::time_t>(std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count());
}

std::unexpected<Error> distrust(std::string what) {
  return fail(ErrorCode::permission_denied, std::move(what));
}

}  // namespace

struct CertificateRoots::Impl {
  Owned<X509_STORE> store{X509_STORE_new()};
};

CertificateRoots::CertificateRoots(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CertificateRoots::CertificateRoots(CertificateRoots&&) noexcept = default;
CertificateRoots& CertificateRoots::operator=(CertificateRoots&&) noexcept = default;
CertificateRoots::~CertificateRoots() = default;

Result<CertificateRoots> CertificateRoots::load(const std::string& ca_file) {
  auto impl = std::make_unique<Impl>();
  const int loaded = ca_file.empty() ? X509_STORE_set_default_paths(impl->store.get())
                                     : X509_STORE_load_file(impl->store.get(), ca_file.c_str());
  ERR_clear_error();
  if (loaded != 1)
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} holds no readable certificates in PEM", ca_file));
  return CertificateRoots(std::move(impl));
}

struct SigningCertificate::Impl {
  Owned<X509> certificate;
  Owned<STACK_OF(X509)> issuers{sk_X509_new_null()};
};

SigningCertificate::SigningCertificate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SigningCertificate::SigningCertificate(SigningCertificate&&) noexcept = default;
SigningCertificate& SigningCertificate::operator=(SigningCertificate&&) noexcept = default;
SigningCertificate::~SigningCertificate() = default;

Result<SigningCertificate> SigningCertificate::from_pem(std::string_view pem) {
  const Owned<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  auto impl = std::make_unique<Impl>();
  impl->certificate.reset(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (impl->certificate != nullptr) {
    while (X509* issuer = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr))
      sk_X509_push(impl->issuers.get(), issuer);
  }
  ERR_clear_error();
  if (impl->certificate == nullptr)
    return fail(ErrorCode::invalid_argument, "the text is no certificate in PEM");
  const EVP_PKEY* key = X509_get0_pubkey(impl->certificate.get());
  if (key == nullptr || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA || EVP_PKEY_get_bits(key) < kLeastKeyBits)
    return fail(ErrorCode::invalid_argument,
                fmt::format("the certificate's key must be RSA of at least {} bits", kLeastKeyBits));
  return SigningCertificate(std::move(impl));
}

bool SigningCertificate::valid_at(WallTime now) const {
  std::time_t at = seconds_of(now);
  return X509_cmp_time(X509_get0_notBefore(impl_->certificate.get()), &at) < 0 &&
         X509_cmp_time(X509_get0_notAfter(impl_->certificate.get()), &at) > 0;
}

Result<SigningCertificate::Chain> SigningCertificate::check(const CertificateRoots& roots,
                                                            std::span<const std::string> names,
                                                            WallTime now) const {
  X509* certificate = impl_->certificate.get();
  if (!valid_at(now)) return distrust("the certificate has expired or is not valid yet");
  const bool named = std::ranges::any_of(names, [certificate](const std::string& name) {
    return X509_check_host(certificate, name.data(), name.size(), X509_CHECK_FLAG_NO_WILDCARDS, nullptr) == 1;
  });
  if (!named) return distrust(fmt::format("the certificate is not for {}", fmt::join(names, " or ")));
  const Owned<X509_STORE_CTX> context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), roots.impl_->store.get(), certificate, impl_->issuers.get());
  X509_STORE_CTX_set_time(context.get(), 0, seconds_of(now));
  const bool trusted = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (trusted) return Chain::complete;
  const int error = X509_STORE_CTX_get_error(context.get());
  const bool leaf = X509_STORE_CTX_get_error_depth(context.get()) == 0;
  if (leaf && error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY) return Chain::issuer_apart;
  return distrust(
      fmt::format("nobody trusted vouches for the certificate: {}", X509_verify_cert_error_string(error)));
}

std::vector<std::string> SigningCertificate::issuer_urls() const {
  std::vector<std::string> urls;
  const Owned<AUTHORITY_INFO_ACCESS> access(static_cast<AUTHORITY_INFO_ACCESS*>(
      X509_get_ext_d2i(impl_->certificate.get(), NID_info_access, nullptr, nullptr)));
  for (int i = 0; access != nullptr && i < sk_ACCESS_DESCRIPTION_num(access.get()); ++i) {
    const ACCESS_DESCRIPTION* one = sk_ACCESS_DESCRIPTION_value(access.get(), i);
    if (OBJ_obj2nid(one->method) != NID_ad_ca_issuers || one->location->type != GEN_URI) continue;
    const ASN1_IA5STRING* uri = one->location->d.uniformResourceIdentifier;
    urls.emplace_back(reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                      static_cast<std::size_t>(ASN1_STRING_length(uri)));
  }
  return urls;
}

Result<> SigningCertificate::add_issuer(std::string_view der) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  X509* issuer = d2i_X509(nullptr, &bytes, static_cast<long>(der.size()));
  ERR_clear_error();
  if (issuer == nullptr) return fail(ErrorCode::invalid_argument, "the bytes are no certificate in DER");
  sk_X509_push(impl_->issuers.get(), issuer);
  return {};
}

bool SigningCertificate::verifies(std::string_view data, std::string_view signature,
                                  SignatureHash hash) const {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const EVP_MD* digest = hash == SignatureHash::sha256 ? EVP_sha256() : EVP_sha1();
  EVP_PKEY* key = X509_get0_pubkey(impl_->certificate.get());
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  const bool ok =
      EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
      EVP_DigestVerify(context.get(), bytes(signature), signature.size(), bytes(data), data.size()) == 1;
  ERR_clear_error();
  return ok;
}

}  // namespace posthorn
