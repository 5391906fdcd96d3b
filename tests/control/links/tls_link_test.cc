// Links over TLS: a manager over real shards, and services that are OpenSSL's.
#include <gmock/gmock.h>
#include <openssl/ssl.h>

#include <atomic>
#include <csignal>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/tls/client_context.h"
#include "tests/common/certificates.h"
#include "tests/common/temp_dir.h"
#include "tests/control/links/fixture.h"

namespace ringgate {
namespace {

using test::kHandshake;
using test::Links;
using test::LinksOptions;
using test::MadeCertificate;
using test::quick;
using test::TcpPeer;
using test::TcpService;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

// Shakes hands with whoever comes, and keeps what they say.
class TlsService {
 public:
  struct Wish {
    MadeCertificate certificate;
    x509_st* trusts = nullptr;  // whoever comes has to show a certificate of this authority
    int max_version = TLS1_3_VERSION;
    std::size_t tickets = 2;
    std::string first_words{};  // behind the handshake, at once
  };
  explicit TlsService(const Wish& wish) : wish_(wish), context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate(context_, wish.certificate.certificate());
    SSL_CTX_use_PrivateKey(context_, wish.certificate.key());
    SSL_CTX_set_max_proto_version(context_, wish.max_version);
    SSL_CTX_set_num_tickets(context_, wish.tickets);
    if (wish.trusts != nullptr) {
      X509_STORE_add_cert(SSL_CTX_get_cert_store(context_), wish.trusts);
      SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    }
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to whoever has left
    thread_ = std::thread([this] { serve(); });
  }
  ~TlsService() {
    ended_ = true;
    thread_.join();
    talks_.clear();
    SSL_CTX_free(context_);
  }
  TlsService(const TlsService&) = delete;
  TlsService& operator=(const TlsService&) = delete;

  [[nodiscard]] std::uint16_t port() const { return socket_.port(); }
  [[nodiscard]] bool heard(std::string_view words) {
    const std::scoped_lock lock(mutex_);
    return heard_.contains(words);
  }
  [[nodiscard]] int links() const { return links_; }
  void drop_links() { ++drops_; }

 private:
  void serve() {
    while (!ended_) {
      if (socket_.called()) talks_.emplace_back([this, peer = socket_.accept()] { talk(peer); });
      std::this_thread::sleep_for(1ms);
    }
  }
  void talk(const TcpPeer& peer) {
    const int drops = drops_;
    SSL* const ssl = SSL_new(context_);
    SSL_set_fd(ssl, peer.fd());
    if (SSL_accept(ssl) == 1) {
      ++links_;
      if (!wish_.first_words.empty()) {
        SSL_write(ssl, wish_.first_words.data(), static_cast<int>(wish_.first_words.size()));
      }
      while (!ended_ && drops == drops_) {
        char bytes[1024];
        if (!test::readable(peer.fd(), 1)) continue;
        const int read = SSL_read(ssl, bytes, sizeof bytes);
        if (read <= 0) break;
        const std::scoped_lock lock(mutex_);
        heard_.append(bytes, static_cast<std::size_t>(read));
      }
    }
    SSL_free(ssl);
    ERR_clear_error();
  }

  Wish wish_;
  SSL_CTX* context_;
  TcpService socket_;
  std::mutex mutex_;
  std::string heard_;
  std::atomic<bool> ended_ = false;
  std::atomic<int> links_ = 0;
  std::atomic<int> drops_ = 0;
  std::vector<std::jthread> talks_;  // of thread_, until that has ended
  std::thread thread_;
};

class LinkTlsTest : public testing::Test {
 protected:
  LinkTlsTest() { settings_.ca = folder_.write("ca.pem", authority_.pem()).string(); }

  [[nodiscard]] MadeCertificate signed_for(const std::string& name) const {
    return MadeCertificate::make({.names = {name}}, &authority_);
  }
  void show(const MadeCertificate& certificate) {
    settings_.certificate = folder_.write("own.pem", certificate.pem()).string();
    settings_.key = folder_.write("own.key", certificate.key_pem()).string();
  }
  [[nodiscard]] std::shared_ptr<SSL_CTX> context() const {
    tls::ClientSettings settings = settings_;
    settings.names = kLinkTlsNames;
    settings.only_1_3 = true;
    auto made = tls::new_client_context(settings);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  [[nodiscard]] LinksOptions options() const {
    LinksOptions options = quick();
    options.manager.tls = context();
    return options;
  }
  static Instance service(std::uint16_t port, bool lanes = false) {
    Instance chat = test::tcp_service("chat01", port, lanes);
    chat.meta["tls"] = "1";
    return chat;
  }
  // Why it cannot be dialled, once that is known.
  static std::string why_not(Links& links, std::uint16_t port) {
    links.update("chat", {service(port)});
    EXPECT_TRUE(links.eventually([&] { return !last_error(links).empty(); }));
    EXPECT_FALSE(links.thread.call([&] { return links.manager->connected("chat"); }));
    return links.thread.call([&] { return last_error(links); });
  }
  std::string why_not(const TlsService::Wish& wish) const {
    TlsService chat(wish);
    Links links(options());
    const std::string why = why_not(links, chat.port());
    EXPECT_GE(links.manager->tls_counts().failed.get(), 1U);
    return why;
  }
  static std::string last_error(const Links& links) {
    const auto instances = links.manager->instances();
    return instances.empty() ? "" : instances[0].lanes[0].last_error;
  }

  test::TempDir folder_;
  MadeCertificate authority_ = MadeCertificate::authority();
  tls::ClientSettings settings_;
};

TEST_F(LinkTlsTest, AServiceThatSaysSoIsDialledOverTlsAgainAndAgain) {
  show(signed_for("gateway-1"));
  TlsService chat({.certificate = signed_for("chat"), .trusts = authority_.certificate()});
  Links links(options());
  links.update("chat", {service(chat.port())});
  ASSERT_TRUE(links.connected("chat"));
  EXPECT_TRUE(links.eventually([&] { return chat.heard(kHandshake); }));
  EXPECT_EQ(links.manager->tls_counts().handshakes.get(), 1U);
  chat.drop_links();
  ASSERT_TRUE(links.eventually([&] { return chat.links() == 2; }));
  EXPECT_TRUE(links.connected("chat"));
}

// What a service says at once reaches the shard, whether it came with the handshake or later.
TEST_F(LinkTlsTest, WhatComesBehindTheHandshakeIsTheShards) {
  const std::string frame = test::framed(Opcode::kPing, "are you there");
  TlsService chat({.certificate = signed_for("chat"), .first_words = frame});
  Links links(options());
  links.update("chat", {service(chat.port())});
  EXPECT_TRUE(
      links.eventually([&] { return chat.heard(test::framed(Opcode::kPong, "are you there")); }));
}

TEST_F(LinkTlsTest, EachLaneHasItsHandshake) {
  TlsService chat({.certificate = signed_for("chat")});
  Links links(options());
  links.update("chat", {service(chat.port(), true)});
  ASSERT_TRUE(links.connected("chat"));
  EXPECT_TRUE(links.eventually([&] { return chat.heard("g1\x10\x01"); })) << "lane 1";
  EXPECT_EQ(chat.links(), 2);
}

TEST_F(LinkTlsTest, AServerThatGivesNoTicketsIsTakenAfterAMoment) {
  TlsService chat({.certificate = signed_for("chat"), .tickets = 0});
  Links links(options());
  links.update("chat", {service(chat.port())});
  EXPECT_TRUE(links.connected("chat"));
}

TEST_F(LinkTlsTest, WhoeverIsNotTheServiceIsNotSpokenTo) {
  EXPECT_THAT(why_not({.certificate = signed_for("login")}),
              HasSubstr("is for login and not for chat: a service's certificate has its "
                        "ServiceName as a DNS name"));
  const MadeCertificate stranger = MadeCertificate::authority("stranger");
  EXPECT_THAT(why_not({.certificate = MadeCertificate::make({.names = {"chat"}}, &stranger)}),
              HasSubstr("name the authority's certificate with LinkTlsCA"));
  EXPECT_THAT(why_not({.certificate = MadeCertificate::make(
                           {.names = {"chat"}, .from_s = -7200, .to_s = -3600}, &authority_)}),
              HasSubstr("has expired on"));
  EXPECT_THAT(why_not({.certificate = signed_for("chat"), .max_version = TLS1_2_VERSION}),
              HasSubstr("no version of TLS that we do"));
}

// In TLS 1.3 the gateway is done before the service has judged it.
TEST_F(LinkTlsTest, AGatewayThatIsNotTakenIsToldWhy) {
  EXPECT_THAT(
      why_not({.certificate = signed_for("chat"), .trusts = authority_.certificate()}),
      HasSubstr("it wants a certificate of ours; name one with LinkTlsCert and LinkTlsKey"));
  show(MadeCertificate::make({.names = {"gateway-1"}}));
  EXPECT_THAT(why_not({.certificate = signed_for("chat"), .trusts = authority_.certificate()}),
              HasSubstr("it does not take our certificate"));
}

TEST_F(LinkTlsTest, AServiceThatIsPlainIsToldOf) {
  TcpService chat;
  Links links(options());
  std::jthread answers([&] {
    const TcpPeer peer = chat.accept();
    EXPECT_NE(peer.read(5), "");
    EXPECT_TRUE(peer.send("HTTP/1.1 400 Bad Request\r\n\r\n"));
  });
  EXPECT_THAT(
      why_not(links, chat.port()),
      HasSubstr("does not speak TLS: the registry says tls=1, but its Listen is not tls://"));
}

TEST_F(LinkTlsTest, AServiceThatSaysNothingEndsWithTheTimeToDial) {
  const TcpService chat;
  LinksOptions short_time = options();
  short_time.manager.dial_timeout = 50ms;
  Links links(short_time);
  // On a busy machine the time may be over before there is a connection.
  EXPECT_THAT(why_not(links, chat.port()), HasSubstr("within the dial timeout"));
}

// Never in plain text; and an authority that is named later is taken up at once.
TEST_F(LinkTlsTest, WithoutAnAuthorityItIsNotDialled) {
  TlsService chat({.certificate = signed_for("chat")});
  LinksOptions without = quick();
  without.manager.redial_min = 1h;
  without.manager.redial_max = 1h;
  Links links(without);
  EXPECT_THAT(why_not(links, chat.port()), HasSubstr("LinkTlsCA is not set"));
  EXPECT_EQ(links.manager->tls_counts().refused.get(), 1U);
  EXPECT_EQ(chat.links(), 0);
  links.thread.call([&] { links.manager->use_tls(context()); });
  EXPECT_TRUE(links.connected("chat"));
}

// A registry that says otherwise from now on: as if it had moved.
TEST_F(LinkTlsTest, AServiceThatTurnsToTlsIsDialledAnew) {
  TlsService chat({.certificate = signed_for("chat")});
  Links links(options());
  Instance plain = service(chat.port());
  plain.meta.erase("tls");
  links.update("chat", {plain});
  links.update("chat", {service(chat.port())});
  EXPECT_TRUE(links.eventually([&] { return chat.heard(kHandshake); }));
}

}  // namespace
}  // namespace ringgate
