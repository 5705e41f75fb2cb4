// A self-signed certificate made on the spot, written as PEM files into a temporary folder.
#pragma once
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

namespace posthorn::test {

class TestCertificate {
 public:
  // `names` as in the subjectAltName extension: "DNS:localhost,IP:127.0.0.1".
  explicit TestCertificate(const std::string& names) {
    std::string pattern = (std::filesystem::temp_directory_path() / "posthorn-tls-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* name = X509_get_subject_name(certificate.get());
    const unsigned char common_name[] = "posthorn test";
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0);
    X509_set_issuer_name(certificate.get(), name);
    X509_EXTENSION* alternative = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(certificate.get(), alternative, -1);
    X509_EXTENSION_free(alternative);
    X509_sign(certificate.get(), key.get(), EVP_sha256());
    write(certificate_file(), [&](FILE* file) { PEM_write_X509(file, certificate.get()); });
    write(key_file(),
          [&](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  }
  ~TestCertificate() { std::filesystem::remove_all(folder_); }
  TestCertificate(const TestCertificate&) = delete;
  TestCertificate& operator=(const TestCertificate&) = delete;

  std::string certificate_file() const { return folder_ + "/certificate.pem"; }
  std::string key_file() const { return folder_ + "/key.pem"; }

 private:
  template <class Fill>
  static void write(const std::string& path, Fill fill) {
    FILE* file = std::fopen(path.c_str(), "w");
    fill(file);
    std::fclose(file);
  }
  std::string folder_;
};

}  // namespace posthorn::test
