// A throw-away authority with signing certificates, and SNS messages signed by them. Shares nothing with the
// code it tests: the string to sign is put together from a list of keys and the JSON tree.
#pragma once
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <boost/json.hpp>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "core/time.h"
#include "platform/base64.h"

namespace posthorn::test {

using Key = std::shared_ptr<EVP_PKEY>;
using Certificate = std::shared_ptr<X509>;

inline Key new_key(unsigned bits = 2048) {
  return Key(EVP_RSA_gen(bits), &EVP_PKEY_free);
}

struct CertificateWishes {
  std::string names = "DNS:sns.amazonaws.com";
  WallTime from{}, until{};
  std::string issuer_at = {};  // address of the issuer's certificate
  bool authority = false;
};

class Authority {
 public:
  Authority(const std::string& name, WallTime now, const Authority* parent = nullptr)
      : key_(new_key()), name_(name) {
    const std::chrono::hours day(24);
    CertificateWishes wishes{
        .names = "", .from = now - day * 365, .until = now + day * 365, .authority = true};
    certificate_ =
        parent != nullptr ? parent->issue(key_, wishes, name) : make(key_, wishes, name, nullptr, key_);
    std::string pattern = (std::filesystem::temp_directory_path() / "posthorn-ca-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    FILE* file = std::fopen(ca_file().c_str(), "w");
    PEM_write_X509(file, certificate_.get());
    std::fclose(file);
  }
  ~Authority() { std::filesystem::remove_all(folder_); }
  Authority(const Authority&) = delete;
  Authority& operator=(const Authority&) = delete;

  Certificate issue(const Key& key, const CertificateWishes& wishes,
                    const std::string& subject = "SNS test") const {
    return make(key, wishes, subject, certificate_.get(), key_);
  }
  std::string ca_file() const { return folder_ + "/ca.pem"; }
  const Certificate& certificate() const { return certificate_; }

 private:
  static Certificate make(const Key& key, const CertificateWishes& wishes, const std::string& subject,
                          X509* issuer, const Key& issuer_key) {
    static long serial = 0;
    Certificate out(X509_new(), &X509_free);
    X509_set_version(out.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), ++serial);
    const auto seconds = [](WallTime t) { return static_cast<time_t>(to_micros(t) / 1'000'000); };
    ASN1_TIME_set(X509_getm_notBefore(out.get()), seconds(wishes.from));
    ASN1_TIME_set(X509_getm_notAfter(out.get()), seconds(wishes.until));
    X509_set_pubkey(out.get(), key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(out.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(subject.c_str()), -1, -1, 0);
    X509_set_issuer_name(out.get(), X509_get_subject_name(issuer != nullptr ? issuer : out.get()));
    extend(out.get(), NID_basic_constraints, wishes.authority ? "critical,CA:TRUE" : "");
    extend(out.get(), NID_subject_alt_name, wishes.names);
    extend(out.get(), NID_info_access, wishes.issuer_at.empty() ? "" : "caIssuers;URI:" + wishes.issuer_at);
    X509_sign(out.get(), issuer_key.get(), EVP_sha256());
    return out;
  }
  static void extend(X509* certificate, int nid, const std::string& value) {
    if (value.empty()) return;
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }

  Key key_;
  std::string name_;
  Certificate certificate_;
  std::string folder_;
};

inline std::string pem_of(const Certificate& certificate) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  PEM_write_bio_X509(bio.get(), certificate.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

inline std::string der_of(const Certificate& certificate) {
  unsigned char* bytes = nullptr;
  const int size = i2d_X509(certificate.get(), &bytes);
  std::string out(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  OPENSSL_free(bytes);
  return out;
}

inline std::string rsa_signature(const Key& key, const std::string& text, const EVP_MD* digest) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key.get());
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSign(context.get(), nullptr, &size, bytes, text.size());
  std::string out(size, '\0');
  EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes, text.size());
  out.resize(size);
  return out;
}

// Signs what the message holds and writes it down.
inline std::string signed_body(boost::json::object message, const Key& key) {
  const bool notification = message["Type"] == "Notification";
  const std::vector<const char*> keys =
      notification
          ? std::vector<const char*>{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
          : std::vector<const char*>{"Message", "MessageId", "SubscribeURL", "Timestamp",
                                     "Token",   "TopicArn",  "Type"};
  std::string text;
  for (const char* name : keys) {
    if (!message.contains(name)) continue;
    const auto& value = message[name].as_string();
    text += std::string(name) + "\n" + std::string(value.data(), value.size()) + "\n";
  }
  const bool first = message["SignatureVersion"] == "1";
  message["Signature"] = to_base64(rsa_signature(key, text, first ? EVP_sha1() : EVP_sha256()));
  return boost::json::serialize(message);
}

}  // namespace posthorn::test
