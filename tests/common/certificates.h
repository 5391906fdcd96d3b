// Certificates made for a test: authorities, and what they sign.
#pragma once

#include <ctime>
#include <memory>
#include <string>
#include <vector>

struct evp_pkey_st;
struct x509_st;

namespace ringgate::test {

class MadeCertificate {
 public:
  struct Wish {
    std::string common_name = "test";
    std::vector<std::string> names{};  // DNS names; "IP:127.0.0.1" is an address
    bool is_authority = false;
    std::string usages{};    // extended ones: "clientAuth,serverAuth"; empty: it says nothing
    long from_s = -3600;     // from now
    long to_s = 24L * 3600;  // the same
  };
  // Of P-256. Signed by `issuer`, or by itself.
  static MadeCertificate make(const Wish& wish, const MadeCertificate* issuer = nullptr);
  static MadeCertificate authority(const std::string& name = "test authority");

  [[nodiscard]] std::string pem() const;
  [[nodiscard]] std::string key_pem(const std::string& password = {}) const;
  [[nodiscard]] x509_st* certificate() const { return certificate_.get(); }
  [[nodiscard]] evp_pkey_st* key() const { return key_.get(); }

 private:
  std::shared_ptr<x509_st> certificate_;
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace ringgate::test
