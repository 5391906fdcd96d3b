// Files of certificates and keys for the tests of TLS, and contexts that are made of them.
#pragma once

#include <gtest/gtest.h>
#include <openssl/err.h>

#include <ctime>
#include <memory>
#include <string>

#include "control/tls/material.h"
#include "tests/common/certificates.h"
#include "tests/common/temp_dir.h"
#include "tests/dataplane/tls_client.h"

namespace ringgate::test {

class TlsFiles {
 public:
  // With the chain's PEM where there is an issuer's.
  void add(const std::string& name, const MadeCertificate& certificate) {
    settings.certificates.push_back(write(name + ".pem", certificate.pem()));
    settings.keys.push_back(write(name + ".key", certificate.key_pem()));
  }
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    return folder_.write(name, text).string();
  }
  [[nodiscard]] Result<std::shared_ptr<const tls::Material>> load() const {
    return tls::Material::load(settings, std::time(nullptr));
  }
  [[nodiscard]] TlsContext context(const tls::ListenerUse& use = {}) const {
    const auto material = load();
    EXPECT_TRUE(material) << material.error().message;
    auto context = (*material)->context(use);
    EXPECT_TRUE(context) << context.error().message;
    return *context;
  }
  [[nodiscard]] std::string error() const {
    const auto material = load();
    return material ? "" : material.error().message;
  }

  tls::Settings settings;

 private:
  TempDir folder_;
};

// A certificate for chat.example.com, of an authority.
struct TlsServer {
  TlsServer() { files.add("server", certificate); }

  [[nodiscard]] std::unique_ptr<TlsHandshake> begin(const tls::ListenerUse& use = {}) const {
    return TlsHandshake::begin(files.context(use));
  }

  MadeCertificate authority = MadeCertificate::authority();
  MadeCertificate certificate = MadeCertificate::make({.names = {"chat.example.com"}}, &authority);
  TlsFiles files;
};

// Of a handshake that has to fail.
inline TlsFailure failure_of(const TlsServer& server, TlsClient& client,
                             const tls::ListenerUse& use = {}) {
  const auto ours = server.begin(use);
  EXPECT_EQ(converse(client, *ours), TlsStatus::kFailed);
  EXPECT_EQ(ERR_peek_error(), 0U);
  return ours->failure();
}

}  // namespace ringgate::test
