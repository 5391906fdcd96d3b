// The monitor's port over TLS, on real sockets, with clients that are OpenSSL's.
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "control/http/monitor.h"
#include "tests/common/tcp_peer.h"
#include "tests/control/tls/tls_fixture.h"
#include "tests/dataplane/tls_client.h"

namespace ringgate::test {
namespace {

using std::chrono_literals::operator""ms;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kHealth = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

class HttpTls : public testing::Test {
 protected:
  void start(const http::Bounds& bounds = {}) {
    files_.add("port", MadeCertificate::make({.common_name = "first", .names = {"localhost"}}));
    monitor_ = http::Monitor::bind("127.0.0.1", 0, "MonitorPort", bounds).value();
    monitor_->use_tls(files_.context({.is_http = true}));
    monitor_->add_probes({});
    monitor_->add_get("/long", [](const http::Request&) {
      return http::Reply{200, std::string(5'000'000, 'x') + "end"};
    });
    monitor_->serve();
  }
  [[nodiscard]] TcpPeer connect() const { return TcpPeer::connect_to(monitor_->port()); }

  // Whatever comes until the end, or until the client has had enough.
  static std::string read_some(const TcpPeer& peer) {
    std::string got(64 * 1024, '\0');
    if (!readable(peer.fd())) ADD_FAILURE() << "nothing came";
    const ssize_t count = recv(peer.fd(), got.data(), got.size(), 0);
    got.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return got;
  }
  static void send(const TcpPeer& peer, const std::string& bytes, bool byte_by_byte) {
    if (!byte_by_byte) {
      EXPECT_TRUE(peer.send(bytes));
      return;
    }
    for (const char c : bytes) EXPECT_TRUE(peer.send(std::string_view(&c, 1)));
  }
  // The answer, whole.
  std::string ask(const std::string& request, int version = TLS1_3_VERSION, bool slowly = false) {
    const TcpPeer peer = connect();
    TlsClient client({.max_version = version});
    std::string to_send = client.step();
    while (!client.is_done()) {
      send(peer, to_send, slowly);
      const std::string got = read_some(peer);
      if (got.empty()) return "no handshake";
      to_send = client.step(got);
    }
    send(peer, to_send + client.seal(request), slowly);
    std::string answer = client.open("");
    while ((SSL_get_shutdown(client.ssl()) & SSL_RECEIVED_SHUTDOWN) == 0) {
      const std::string got = read_some(peer);
      if (got.empty()) return answer + " (cut off)";
      answer += client.open(got);
    }
    X509* const shown = SSL_get1_peer_certificate(client.ssl());
    char name[64] = {};
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name, sizeof name);
    X509_free(shown);
    shown_name_ = name;
    return answer;
  }

  TlsFiles files_;
  std::unique_ptr<http::Monitor> monitor_;
  std::string shown_name_;  // of the last to be asked
};

TEST_F(HttpTls, PagesAreWholeAndEndInOrder) {
  start();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_THAT(ask(kHealth, version),
                testing::AllOf(StartsWith("HTTP/1.1 200 "), EndsWith("\r\n\r\nok")));
    EXPECT_THAT(ask(kHealth, version, true), EndsWith("\r\n\r\nok")) << "cut into bytes";
    const std::string page = ask("GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n", version);
    EXPECT_GT(page.size(), 5'000'000U);
    EXPECT_THAT(page.substr(page.size() - 20), EndsWith("xxxend"));
  }
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
}

TEST_F(HttpTls, HttpInPlainTextIsToldSo) {
  start();
  const auto ask_plainly = [&](const std::string& request) {
    const TcpPeer peer = connect();
    EXPECT_TRUE(peer.send(request));
    std::string answer;
    for (std::string got = read_some(peer); !got.empty(); got = read_some(peer)) answer += got;
    return answer;
  };
  const std::string rest = " /health HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const std::string method : {"GET", "POST", "PROPFIND", "get", "LOCK", "X"}) {
    EXPECT_THAT(ask_plainly(method + rest),
                testing::AllOf(StartsWith("HTTP/1.1 400 "), HasSubstr("https://")))
        << method;
  }
  EXPECT_THAT(ask_plainly("HEAD" + rest),
              testing::AllOf(StartsWith("HTTP/1.1 400 "), EndsWith("close\r\n\r\n")));
  EXPECT_THAT(ask_plainly("SSH-2.0-none\r\n"), StartsWith("\x15\x03"));
  EXPECT_THAT(ask(kHealth), EndsWith("ok"));
}

// As many as one address may have open say a part of a handshake and wait.
TEST_F(HttpTls, HalfHandshakesKeepNobodyFromHealthAndEnd) {
  http::Bounds bounds;
  bounds.max_connections_per_address = 8;
  bounds.request_time = 500ms;
  start(bounds);
  std::vector<TcpPeer> half;
  const std::string hello = TlsClient().step();
  for (std::size_t i = 0; i < 2 * bounds.max_connections_per_address; ++i) {
    half.push_back(connect());
    EXPECT_TRUE(half.back().send(std::string_view(hello).substr(0, i % 2 == 0 ? 50 : 600)));
  }
  for (int i = 0; i < 5; ++i) EXPECT_THAT(ask(kHealth), EndsWith("ok"));
  for (const TcpPeer& peer : half) {
    while (!read_some(peer).empty()) {
    }
  }
}

TEST_F(HttpTls, NewCertificatesAreForThoseWhoCome) {
  start();
  EXPECT_THAT(ask(kHealth), EndsWith("ok"));
  EXPECT_EQ(shown_name_, "first");
  TlsFiles renewed;
  renewed.add("port", MadeCertificate::make({.common_name = "second", .names = {"localhost"}}));
  monitor_->use_tls(renewed.context({.is_http = true}));
  // It is the port's thread that takes it.
  for (int i = 0; i < 1000 && shown_name_ != "second"; ++i) {
    EXPECT_THAT(ask(kHealth), EndsWith("ok"));
  }
  EXPECT_EQ(shown_name_, "second");
}

}  // namespace
}  // namespace ringgate::test
