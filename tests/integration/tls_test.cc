// TLS of a real gateway with a real ring: clients of OpenSSL's, and programs that everybody has.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <ctime>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "control/base/text_file.h"
#include "dataplane/connection.h"
#include "tests/integration/command_run.h"
#include "tests/integration/tls_files.h"
#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

void log_in_tls(AnyClient& client, Link& login_service, const std::string& account) {
  client.send(login(token(account)));
  answer_login(login_service, account);
  EXPECT_TRUE(client.next().is_answer(1));
}

struct Way {
  Transport transport;
  int version;
};

class Tls : public testing::TestWithParam<Way> {};

TEST_P(Tls, ALoginAPingAndAPushGoThrough) {
  const TlsFiles files;
  ChatBench bench{files.settings()};
  AnyClient client =
      connect_tls(bench.gateway, GetParam().transport,
                  {.max_version = GetParam().version, .trusts = files.authority().certificate()});
  log_in_tls(client, bench.link, "alice");
  client.send(ping());
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
  client.send(packet(header("chat.user.talk", 2), std::string(30'000, 'x')));
  const Event asked = bench.chat_link.request("chat.user.talk");
  EXPECT_EQ(asked.body.size(), 30'000U);
  bench.chat_link.respond(asked);
  EXPECT_TRUE(client.next().is_answer(2));
  const bool is_1_2 = GetParam().version == TLS1_2_VERSION;
  EXPECT_EQ(bench.gateway.metric("ringgate_tls_1_2_sessions"), is_1_2 ? 1 : 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_tls_handshakes_total"), 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_tls_handshakes_under_way"), 0);
  // And at the end of the gateway it is told why, and that this was all.
  bench.gateway.process().signal(SIGTERM);
  expect_sent_away(client);
}

INSTANTIATE_TEST_SUITE_P(Ways, Tls,
                         testing::Values(Way{Transport::kTcp, TLS1_2_VERSION},
                                         Way{Transport::kTcp, TLS1_3_VERSION},
                                         Way{Transport::kWebSocket, TLS1_2_VERSION},
                                         Way{Transport::kWebSocket, TLS1_3_VERSION}),
                         [](const auto& test) {
                           return name_of(test.param.transport) +
                                  (test.param.version == TLS1_2_VERSION ? "1_2" : "1_3");
                         });

TEST(TlsClients, OfEveryMakeAreServed) {
  const TlsFiles files;
  Bench bench{files.settings({{"LoginWait", "60s"}})};
  const std::string script = RINGGATE_SOURCE "/tests/integration/tls_clients.py";
  ProcessUnderTest clients({"/usr/bin/python3", script, std::to_string(bench.gateway.tls_port()),
                            std::to_string(bench.gateway.wss_port()), files.path("ca.pem")});
  EXPECT_EQ(clients.wait_exit(std::chrono::seconds(60)), 0) << clients.whole_output();
  EXPECT_EQ(bench.gateway.metric("ringgate_tls_handshakes_resumed_total"), 2);
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "tls_plain_text"), 1);
}

TEST(TlsListeners, AreRegisteredForWhatTheyAre) {
  const TlsFiles files;
  Settings settings = files.settings();
  settings["Listen"] = R"(["tls://127.0.0.1:0", "wss://127.0.0.1:0/"])";
  Bench bench{settings};
  wait_until("the registration", [&] {
    const Result<std::string> registry = read_text_file(bench.world.registry_file(), 64 * 1024);
    return registry && registry->contains("\"tls\"");
  });
}

// A gateway with clients that have logged in over wss and say nothing more.
struct IdleWss {
  void log_in_more(int count, int version = TLS1_3_VERSION) {
    for (int i = 0; i < count; ++i) {
      std::string account = std::to_string(clients.size());
      account.insert(0, 16 - account.size(), 'a');
      clients.push_back(connect_tls(gateway, Transport::kWebSocket, {.max_version = version}));
      clients.back().send(login(token(account)));
      ASSERT_TRUE(clients.back().next().is_answer(1));
    }
  }
  void wait_ready() const {
    wait_until("the login service", [&] { return gateway.get("/ready").status == 200; });
  }

  TlsFiles files;
  World world;
  Server chat{world, "chat", "chat01", {{"MemorySessions", "true"}}};
  Server gateway{world, "gateway", "gateway-0001",
                 files.settings({{"Routes", "{login: chat}"}, {"Shards", "1"}})};
  std::vector<AnyClient> clients;
};

// As UserSpaceMemoryPerIdleConnection has it for plain ones: the entry in the table, the block with
// the channel, and what TLS adds.
TEST(TlsMemory, OfAnIdleWssClientIsBounded) {
  constexpr int kConnections = 400;
  constexpr double kMostBytes = 640;
  IdleWss idle;
  const auto settled = [&] {  // the gauge is set every sweep
    double last = -1;
    wait_until("a settled gauge", [&] {
      std::this_thread::sleep_for(250ms);
      return std::exchange(last, idle.gateway.metric("ringgate_pool_used_bytes")) ==
             idle.gateway.metric("ringgate_pool_used_bytes");
    });
    return last;
  };
  idle.wait_ready();
  idle.log_in_more(20);
  const double before = settled();
  idle.log_in_more(kConnections);
  const double used = (settled() - before) / kConnections;
  const double all = static_cast<double>(sizeof(Connection) + sizeof(void*)) + used;
  std::printf("user-space bytes per logged-in idle client over wss: %.1f\n", all);
  RecordProperty("bytes_used", static_cast<int>(all));
  EXPECT_GT(used, 300) << "the gauge does not count";
  EXPECT_LE(all, kMostBytes);
}

// The pool's gauge does not know of what OpenSSL takes from the heap. An object of it that is kept
// weighs 14 kB at least, as those of TLS 1.2 show: without them this test would see nothing.
TEST(TlsMemory, OfTheProcessHasNoObjectOfOpensslForAnIdleClient) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "what is freed stays in memory under a sanitizer";
#endif
  constexpr int kConnections = 250;
  constexpr double kObjectBytes = 10'000;
  const auto per_client = [](int version) {
    IdleWss idle;
    idle.wait_ready();
    idle.log_in_more(50, version);  // what is there once, and heaps that have grown to their size
    const double before = idle.gateway.metric("process_resident_memory_bytes");
    idle.log_in_more(kConnections, version);
    return (idle.gateway.metric("process_resident_memory_bytes") - before) / kConnections;
  };
  const double with_object = per_client(TLS1_2_VERSION);
  const double without = per_client(TLS1_3_VERSION);
  std::printf("resident bytes per idle client: TLS 1.2 %.0f, TLS 1.3 %.0f\n", with_object, without);
  EXPECT_GT(with_object, kObjectBytes);
  EXPECT_LT(without, kObjectBytes / 2);
}

// --- Certificates -------------------------------------------------------------------------------

TEST(TlsReload, ANewCertificateIsForThoseWhoComeAndABadOneIsRefused) {
  TlsFiles files;
  Bench bench{files.settings()};
  AnyClient before = connect_tls(bench.gateway, Transport::kTcp);
  log_in_tls(before, bench.link, "alice");
  EXPECT_EQ(shown_name(bench.gateway), "localhost");
  const auto days_left = [&] {
    const double ends = bench.gateway.metric("ringgate_tls_certificate_expiry_timestamp_seconds");
    return (ends - static_cast<double>(std::time(nullptr))) / (24 * 3600);
  };
  EXPECT_GT(days_left(), 0.9);
  EXPECT_LE(days_left(), 1.0);

  files.renew("renewed", 100L * 24 * 3600);
  bench.gateway.process().signal(SIGHUP);
  wait_until("the new certificate", [&] { return shown_name(bench.gateway) == "renewed"; });
  EXPECT_GT(days_left(), 99);

  files.renew("expired", -3600, -2L * 24 * 3600);
  bench.gateway.process().signal(SIGHUP);
  EXPECT_THAT(bench.gateway.process().wait_for_line("nothing is reloaded: TlsCert: "),
              HasSubstr(" has expired on "));
  EXPECT_EQ(shown_name(bench.gateway), "renewed");
  EXPECT_GT(days_left(), 99);
  EXPECT_EQ(bench.gateway.metric("ringgate_last_reload_successful"), 0);

  files.renew("mismatched");
  EXPECT_NE(files.write("server.key", MadeCertificate::make({}).key_pem()), "");
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("nothing is reloaded: TlsKey: ");
  EXPECT_EQ(shown_name(bench.gateway), "renewed");
  before.send(ping());
  EXPECT_EQ(before.next().kind, Event::Kind::kPong) << "nobody was disturbed";
}

TEST(TlsReload, ACertificateThatEndsSoonIsTold) {
  TlsFiles files;
  // Half an hour more than what is told: it does not change while the test runs.
  files.renew("localhost", 24L * 3600 + 1800, -10L * 24 * 3600);
  Bench bench{files.settings()};
  bench.gateway.process().wait_for_line("expires in 24 hours");
  wait_until("ready, until it has ended",
             [&] { return bench.gateway.get("/ready").status == 200; });
  EXPECT_THAT(bench.gateway.get("/ready").body, HasSubstr("ok\nwarning: the certificate in "));
  EXPECT_LT(bench.gateway.metric("ringgate_tls_certificate_renewal_timestamp_seconds"),
            static_cast<double>(std::time(nullptr)));
  const World world;
  const Ended checked =
      run({"gateway", "-c", world.config("gateway", "x1", files.settings()), "--check-config"});
  EXPECT_EQ(checked.code, 0) << checked.output;
  EXPECT_THAT(checked.output,
              testing::ContainsRegex("note: the certificate in .* expires in 24 hours"));
  files.renew("localhost", 30L * 3600 + 1800, -10L * 24 * 3600);
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("expires in 30 hours");
}

TEST(TlsReload, TicketsAreOfAllWhoShareTheirKeys) {
  const TlsFiles files;
  const std::string keys = files.write("tickets", std::string(160, 'a') + "\n");
  const World world;
  const RawService login(world, "login01", "login");
  const Server one(world, "gateway", "g1", files.settings({{"TlsTicketKeys", keys}}));
  const Server other(world, "gateway", "g2", files.settings({{"TlsTicketKeys", keys}}));
  FrameSocket first(Socket::connect_tls(one.tls_port()));
  first.send(ping());
  EXPECT_EQ(first.next().kind, Event::Kind::kPong);
  SSL_SESSION* const session = first.socket().tls().session();
  FrameSocket second(Socket::connect_tls(other.tls_port(), {.session = session}));
  SSL_SESSION_free(session);
  EXPECT_EQ(SSL_session_reused(second.socket().tls().ssl()), 1);
  second.send(ping());
  EXPECT_EQ(second.next().kind, Event::Kind::kPong);
  EXPECT_EQ(other.metric("ringgate_tls_handshakes_resumed_total"), 1);
}

TEST(TlsClientCertificates, AreAskedForWhereTheListenerSaysSo) {
  const TlsFiles files;
  Settings settings = files.settings({{"TlsClientCA", files.path("ca.pem")}});
  settings["Listen"] =
      R"(["127.0.0.1:0", "tls://127.0.0.1:0", "wss://127.0.0.1:0/?client_cert=off"])";
  Bench bench{settings};
  const MadeCertificate own = MadeCertificate::make({.common_name = "device"}, &files.authority());
  AnyClient known = connect_tls(bench.gateway, Transport::kTcp,
                                {.certificate = own.certificate(), .key = own.key()});
  log_in_tls(known, bench.link, "alice");
  // In TLS 1.3 the client hears of it after what is the end of the handshake for it.
  Socket unknown = Socket::connect_tls(bench.gateway.tls_port());
  std::string nothing;
  EXPECT_FALSE(unknown.read_some(nothing));
  bench.gateway.wait_metric_is("ringgate_closed_by_reason_total", 1,
                               "reason=\"tls_client_certificate_missing\"");
  EXPECT_THAT(
      bench.gateway.process().wait_for_line("tls_client_certificate_missing"),
      testing::ContainsRegex("closed 127.0.0.1:[0-9]+ .a client that has not logged in.: tls_"));
  AnyClient browser = connect_tls(bench.gateway, Transport::kWebSocket);
  log_in_tls(browser, bench.link, "bob");
}

TEST(TlsStart, IsRefusedWithASentence) {
  const TlsFiles files;
  const std::string other = files.write("other.key", MadeCertificate::make({}).key_pem());
  Settings mismatched = files.settings();
  mismatched["TlsKey"] = other;
  expect_refused({"mismatch", "gateway", mismatched, {"TlsKey", "is not the key of"}});
  Settings without = files.settings();
  without["TlsCert"] = "";
  expect_refused({"without", "gateway", without, {"TlsCert is missing"}});
}

// --- Hostile ------------------------------------------------------------------------------------

TEST(TlsHostile, HalfAHandshakeEndsWithTheTimeForALogin) {
  const TlsFiles files;
  Bench bench{files.settings({{"LoginWait", "200ms"}})};
  Socket half = Socket::connect(bench.gateway.tls_port());
  const std::string hello = TlsClient().step();
  half.write_all(std::string_view(hello).substr(0, 100));
  std::string nothing;
  EXPECT_FALSE(half.read_some(nothing));
  bench.gateway.wait_metric_is("ringgate_closed_by_reason_total", 1, "login_timeout");
  bench.gateway.wait_metric_is("ringgate_tls_handshakes_under_way", 0);
}

// Each costs us a derivation, and nothing comes of it.
TEST(TlsHostile, KeyUpdatesWithoutEndAreEnded) {
  const TlsFiles files;
  Bench bench{files.settings({{"LoginWait", "60s"}})};
  Socket socket = Socket::connect_tls(bench.gateway.tls_port());
  for (int i = 0; i < 200; ++i) {
    SSL_key_update(socket.tls().ssl(), SSL_KEY_UPDATE_NOT_REQUESTED);
    socket.write_raw(socket.tls().step());
  }
  bench.gateway.wait_metric_is("ringgate_closed_by_reason_total", 1, "tls_bad_record");
}

}  // namespace
}  // namespace ringgate::test
