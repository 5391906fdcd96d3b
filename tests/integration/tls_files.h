// The certificates of a gateway that serves TLS, and how to connect to it.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/common/certificates.h"
#include "tests/common/temp_dir.h"
#include "tests/integration/world.h"
#include "tests/integration/ws_client.h"

namespace ringgate::test {

inline constexpr const char* kTlsListen =
    R"(["127.0.0.1:0", "tls://127.0.0.1:0", "wss://127.0.0.1:0/"])";

// Certificates in a folder of their own, since a gateway's folder comes with it.
class TlsFiles {
 public:
  TlsFiles() { renew("localhost"); }
  void renew(const std::string& name, long to_s = 24L * 3600, long from_s = -3600) {
    certificate_ = MadeCertificate::make(
        {.common_name = name, .names = {name, "IP:127.0.0.1"}, .from_s = from_s, .to_s = to_s},
        &authority_);
    folder_.write("server.pem", certificate_.pem());
    folder_.write("server.key", certificate_.key_pem());
    folder_.write("ca.pem", authority_.pem());
  }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_.path() / name).string();
  }
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    return folder_.write(name, text).string();
  }
  [[nodiscard]] Settings settings(Settings more = {}) const {
    more.merge(Settings{
        {"Listen", kTlsListen}, {"TlsCert", path("server.pem")}, {"TlsKey", path("server.key")}});
    return more;
  }
  [[nodiscard]] const MadeCertificate& authority() const { return authority_; }

 private:
  TempDir folder_;
  MadeCertificate authority_ = MadeCertificate::authority();
  MadeCertificate certificate_;
};

inline AnyClient connect_tls(const Server& gateway, Transport transport,
                             const TlsClient::Wish& wish = {}) {
  if (transport == Transport::kTcp) {
    return AnyClient(FrameSocket(Socket::connect_tls(gateway.tls_port(), wish)));
  }
  WsSocket socket(Socket::connect_tls(gateway.wss_port(), wish));
  EXPECT_EQ(socket.upgrade({}).status, 101);
  return AnyClient(std::move(socket));
}

// The common name of the certificate that is shown.
inline std::string name_shown_to(Socket& socket) {
  X509* const shown = SSL_get1_peer_certificate(socket.tls().ssl());
  char name[64] = {};
  X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
  X509_free(shown);
  return name;
}
inline std::string shown_name(const Server& gateway) {
  Socket socket = Socket::connect_tls(gateway.tls_port());
  return name_shown_to(socket);
}

}  // namespace ringgate::test
