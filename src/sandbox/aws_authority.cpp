#include "sandbox/aws_authority.h"

#include <ctime>
#include <stdexcept>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "platform/crypto.h"

namespace posthorn::sandbox {
namespace {

constexpr int kKeyBits = 2048;
constexpr auto kBefore = std::chrono::hours(24), kLife = std::chrono::hours(24 * 365);

struct Free {
  void operator()(EVP_PKEY* p) const { EVP_PKEY_free(p); }
  void operator()(X509* p) const { X509_free(p); }
  void operator()(BIO* p) const { BIO_free(p); }
  void operator()(X509_EXTENSION* p) const { X509_EXTENSION_free(p); }
  void operator()(EVP_MD_CTX* p) const { EVP_MD_CTX_free(p); }
};
template <class T>
using Owned = std::unique_ptr<T, Free>;

void require(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL could not make the sandbox's certificates");
}

void set_time(ASN1_TIME* field, WallTime t) {
  require(ASN1_TIME_set(field, static_cast<std::time_t>(to_micros(t) / 1'000'000)) != nullptr);
}

void set_name(X509_NAME* name, const std::string& common) {
  const auto* text = reinterpret_cast<const unsigned char*>(common.c_str());
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1);
}

void extend(X509* certificate, int kind, const std::string& value) {
  const Owned<X509_EXTENSION> extension(X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()));
  require(extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1);
}

Owned<X509> begin_certificate(const std::string& common, long serial, EVP_PKEY* key, WallTime now) {
  Owned<X509> out(X509_new());
  require(out != nullptr && X509_set_version(out.get(), 2) == 1);
  ASN1_INTEGER_set(X509_get_serialNumber(out.get()), serial);
  set_time(X509_getm_notBefore(out.get()), now - kBefore);
  set_time(X509_getm_notAfter(out.get()), now + kLife);
  require(X509_set_pubkey(out.get(), key) == 1);
  set_name(X509_get_subject_name(out.get()), common);
  return out;
}

std::string pem_of(X509* certificate) {
  const Owned<BIO> bio(BIO_new(BIO_s_mem()));
  require(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

}  // namespace

struct AwsAuthority::Impl {
  Owned<EVP_PKEY> key;  // of the signing certificate
  std::string ca_pem, certificate_pem, path;
};

AwsAuthority::AwsAuthority(std::string_view region, WallTime now) : impl_(std::make_unique<Impl>()) {
  const Owned<EVP_PKEY> ca_key(EVP_RSA_gen(kKeyBits));
  impl_->key.reset(EVP_RSA_gen(kKeyBits));
  require(ca_key != nullptr && impl_->key != nullptr);
  const Owned<X509> ca = begin_certificate("Posthorn sandbox authority", 1, ca_key.get(), now);
  require(X509_set_issuer_name(ca.get(), X509_get_subject_name(ca.get())) == 1);
  extend(ca.get(), NID_basic_constraints, "critical,CA:TRUE");
  extend(ca.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  require(X509_sign(ca.get(), ca_key.get(), EVP_sha256()) != 0);
  const std::string host = "sns." + std::string(region) + ".amazonaws.com";
  const Owned<X509> leaf = begin_certificate(host, 2, impl_->key.get(), now);
  require(X509_set_issuer_name(leaf.get(), X509_get_subject_name(ca.get())) == 1);
  extend(leaf.get(), NID_basic_constraints, "critical,CA:FALSE");
  extend(leaf.get(), NID_subject_alt_name, "DNS:sns.amazonaws.com,DNS:" + host);
  require(X509_sign(leaf.get(), ca_key.get(), EVP_sha256()) != 0);
  impl_->ca_pem = pem_of(ca.get());
  impl_->certificate_pem = pem_of(leaf.get());
  impl_->path = "/SimpleNotificationService-" + to_hex(sha256(impl_->certificate_pem)).substr(0, 32) + ".pem";
}

AwsAuthority::~AwsAuthority() = default;

const std::string& AwsAuthority::ca_pem() const {
  return impl_->ca_pem;
}
const std::string& AwsAuthority::certificate_pem() const {
  return impl_->certificate_pem;
}
const std::string& AwsAuthority::certificate_path() const {
  return impl_->path;
}

std::string AwsAuthority::sign(std::string_view text, int version) const {
  const Owned<EVP_MD_CTX> context(EVP_MD_CTX_new());
  const EVP_MD* digest = version == 1 ? EVP_sha1() : EVP_sha256();
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  std::size_t size = 0;
  require(EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, impl_->key.get()) == 1 &&
          EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size()) == 1);
  std::string out(size, '\0');
  require(EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes,
                         text.size()) == 1);
  out.resize(size);
  return out;
}

}  // namespace posthorn::sandbox
