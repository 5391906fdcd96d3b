// Links over TLS between real processes: both ends show a certificate.
#include <gmock/gmock.h>

#include <csignal>
#include <ctime>
#include <memory>
#include <string>

#include "codec/pkt.pb.h"
#include "tests/common/certificates.h"
#include "tests/common/free_port.h"
#include "tests/integration/command_run.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

class LinkFiles {
 public:
  LinkFiles() {
    write("ca.pem", authority_.pem());
    for (const char* const name : {"login", "chat", "gateway"}) sign(name, name);
  }
  // NAME.pem and NAME.key, for that DNS name.
  void sign(const std::string& name, const std::string& for_name,
            const std::string& usages = {}) const {
    const MadeCertificate made = MadeCertificate::make(
        {.common_name = for_name, .names = {for_name}, .usages = usages}, &authority_);
    write(name + ".pem", made.pem());
    write(name + ".key", made.key_pem());
  }
  void write(const std::string& name, const std::string& text) const { folder_.write(name, text); }
  [[nodiscard]] std::string path(const std::string& name) const {
    return (folder_.path() / name).string();
  }
  [[nodiscard]] Settings service(const std::string& name, Settings more = {}) const {
    more.merge(Settings{{"Listen", "tls://127.0.0.1:0?client_cert=required"},
                        {"TlsCert", path(name + ".pem")},
                        {"TlsKey", path(name + ".key")},
                        {"TlsClientCA", path("ca.pem")}});
    return more;
  }
  [[nodiscard]] Settings gateway(Settings more = {}) const {
    more.merge(Settings{{"LinkTlsCA", path("ca.pem")},
                        {"LinkTlsCert", path("gateway.pem")},
                        {"LinkTlsKey", path("gateway.key")}});
    return more;
  }

 private:
  TempDir folder_;
  MadeCertificate authority_ = MadeCertificate::authority();
};

void expect_talk(Client& from, Client& to, std::uint32_t sequence, const std::string& text) {
  from.send(talk(to.account, text, sequence));
  const Event answer = from.next();
  ASSERT_TRUE(answer.is_answer(sequence)) << answer;
  EXPECT_EQ(to.next().parse<pkt::MessagePush>().body(), text);
}

// A login, talks and their pushes, a kick-out, and a chat service that is killed and comes again:
// with a lane for each shard, as over plain links.
TEST(TlsLinks, CarryWhatPlainOnesDo) {
  const LinkFiles files;
  const World world;
  const Redis redis(world);
  const Settings logic = {{"RedisAddrs", redis.address()}, {"Shards", "2"}};
  const Server login(world, "login", "login01", files.service("login", logic));
  auto chat = std::make_unique<Server>(world, "chat", "chat01", files.service("chat", logic));
  const Server gateway(world, "gateway", "g1", files.gateway({{"Shards", "2"}}));
  gateway.wait_metric("ringgate_links", 4);
  EXPECT_EQ(gateway.metric("ringgate_link_tls_handshakes_total"), 4);
  EXPECT_EQ(gateway.metric("ringgate_link_tls_handshakes_failed_total"), 0);
  EXPECT_EQ(login.metric("ringgate_tls_handshakes_total"), 2);

  auto [alice, bob] = log_in_on_two_shards(gateway);
  expect_talk(alice, bob, 2, "hello");
  expect_talk(bob, alice, 2, "and back");
  expect_talk(alice, bob, 3, std::string(18'000, 'x'));  // more than a record

  Client again = log_in(gateway, bob.account);
  EXPECT_EQ(bob.next().parse<pkt::KickoutNotify>().channelid(), bob.channel);
  EXPECT_EQ(bob.next().payload, "kicked_out");
  expect_talk(alice, again, 4, "moved");

  chat->process().signal(SIGKILL);
  chat->process().wait_exit();
  chat = std::make_unique<Server>(world, "chat", "chat01", files.service("chat", logic));
  std::uint32_t sequence = 4;
  wait_until("chat is back", [&] {
    alice.send(talk(bob.account, "after all", ++sequence));
    return alice.next().header.status() == pkt::Success;
  });
  EXPECT_EQ(again.next().parse<pkt::MessagePush>().body(), "after all");
  gateway.wait_metric("ringgate_link_tls_handshakes_total", 6);  // the other lane, too

  // An ending service tells its gateways, and the gateway drains it.
  chat->process().signal(SIGTERM);
  EXPECT_EQ(chat->process().wait_exit(), 0);
}

// Its sessions were in memory: only a roll call tells the new one who is there.
TEST(TlsLinks, ARollCallGoesOverThem) {
  const LinkFiles files;
  const World world;
  const Settings in_memory = files.service("chat", {{"MemorySessions", "true"}});
  auto chat = std::make_unique<Server>(world, "chat", "chat01", in_memory);
  const Server gateway(world, "gateway", "g1", files.gateway({{"Routes", "{login: chat}"}}));
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  chat->process().signal(SIGKILL);
  chat->process().wait_exit();
  chat = std::make_unique<Server>(world, "chat", "chat01", in_memory);
  std::uint32_t sequence = 1;
  wait_until("bob is found", [&] {
    alice.send(talk("bob", "there you are", ++sequence));
    static_cast<void>(alice.next());
    return bob.frames.has_next(50ms);
  });
  EXPECT_EQ(bob.next().parse<pkt::MessagePush>().body(), "there you are");
  EXPECT_GE(gateway.metric("ringgate_rollcall_channels_total"), 2);
}

TEST(TlsLinks, WithoutAnAuthorityTheyAreRefusedAndSighupMendsIt) {
  const LinkFiles files;
  const World world;
  const Server chat(world, "chat", "chat01", files.service("chat", {{"MemorySessions", "true"}}));
  Settings settings = {
      {"Routes", "{login: chat}"}, {"RedialMax", "100ms"}, {"Shards", "2"}, {"Lanes", "on"}};
  settings["MonitorPort"] = std::to_string(free_port());
  Server gateway(world, "gateway", "g1", settings);
  gateway.process().wait_for_line("it takes links over TLS only (tls=1), and LinkTlsCA is not set");
  gateway.wait_metric("ringgate_link_tls_refused_total", 3);
  EXPECT_EQ(chat.metric("ringgate_tls_handshakes_total"), 0);
  const std::string told = gateway.process().output();
  EXPECT_EQ(told.find("; trying again"), told.rfind("; trying again")) << "told once, not by lanes";
  EXPECT_THAT(gateway.get("/ready").body, HasSubstr("LinkTlsCA is not set"));

  settings.merge(files.gateway());
  world.config("gateway", "g1", settings);
  gateway.process().signal(SIGHUP);
  gateway.wait_metric_is("ringgate_links", 2);
  Client alice = log_in(gateway, "alice");
  EXPECT_GT(gateway.metric("ringgate_tls_certificate_expiry_timestamp_seconds", "gateway.pem"),
            static_cast<double>(std::time(nullptr) + 20 * 3600));
}

// The certificate of a service is for its ServiceName; a new one is for links that come then.
TEST(TlsLinks, AServiceWithAnothersCertificateIsNotUsedUntilItIsMended) {
  const LinkFiles files;
  files.sign("chat", "login");
  const World world;
  Server chat(world, "chat", "chat01", files.service("chat", {{"MemorySessions", "true"}}));
  Server gateway(world, "gateway", "g1",
                 files.gateway({{"Routes", "{login: chat}"}, {"RedialMax", "100ms"}}));
  gateway.process().wait_for_line(
      "is for login and not for chat: a service's certificate has its "
      "ServiceName as a DNS name");
  gateway.wait_metric("ringgate_link_tls_handshakes_failed_total", 3);
  EXPECT_EQ(gateway.metric("ringgate_links"), 0);
  files.sign("chat", "chat");
  chat.process().signal(SIGHUP);
  gateway.wait_metric_is("ringgate_links", 1);
  Client alice = log_in(gateway, "alice");
}

TEST(TlsLinks, AServiceTakesGatewaysOnly) {
  const LinkFiles files;
  const World world;
  Server chat(world, "chat", "chat01",
              files.service("chat", {{"MemorySessions", "true"}, {"LoginWait", "300ms"}}));
  Socket plain = Socket::connect(chat.tls_port());
  plain.write_all(packet(header("login.signin", 1)));
  std::string nothing;
  while (plain.read_some(nothing)) {
  }
  chat.wait_metric_is("ringgate_closed_by_reason_total", 1, "tls_plain_text");
  chat.process().wait_for_line(": tls_plain_text");

  Socket stranger = Socket::connect_tls(chat.tls_port());
  while (stranger.read_some(nothing)) {
  }
  chat.wait_metric_is("ringgate_closed_by_reason_total", 1,
                      "reason=\"tls_client_certificate_missing\"");
  chat.process().wait_for_line(": tls_client_certificate_missing");

  Socket half = Socket::connect(chat.tls_port());
  const std::string hello = TlsClient().step();
  half.write_all(std::string_view(hello).substr(0, 100));
  while (half.read_some(nothing)) {
  }
  chat.wait_metric_is("ringgate_closed_by_reason_total", 1, "reason=\"handshake\"");
  chat.wait_metric_is("ringgate_links", 0);

  Server gateway(world, "gateway", "g1",
                 {{"Routes", "{login: chat}"}, {"LinkTlsCA", files.path("ca.pem")}});
  gateway.process().wait_for_line(
      "it wants a certificate of ours; name one with LinkTlsCert and LinkTlsKey");
}

TEST(TlsLinks, ABadConfigurationIsRefusedWithASentence) {
  const LinkFiles files;
  Settings open = files.service("chat");
  open["TlsClientCA"] = "";
  open["Listen"] = "tls://127.0.0.1:0";
  expect_refused({"open", "chat", open, {"TlsClientCA"}});
  Settings off = files.service("chat");
  off["Listen"] = "tls://127.0.0.1:0?client_cert=off";
  expect_refused({"off", "chat", off, {"client_cert=off"}});
  Settings half = files.gateway();
  half["LinkTlsKey"] = "";
  expect_refused({"half", "gateway", half, {"LinkTlsCert and LinkTlsKey go together"}});
  Settings mismatched = files.gateway();
  mismatched["LinkTlsKey"] = files.path("chat.key");
  expect_refused({"mismatch", "gateway", mismatched, {"LinkTlsKey"}});
  files.sign("server", "gateway", "serverAuth");
  Settings purpose = files.gateway();
  purpose["LinkTlsCert"] = files.path("server.pem");
  purpose["LinkTlsKey"] = files.path("server.key");
  expect_refused({"purpose", "gateway", purpose, {"LinkTlsCert", "clientAuth is not among them"}});
  files.sign("client", "chat", "clientAuth");
  expect_refused({"client",
                  "chat",
                  files.service("client", {{"MemorySessions", "true"}}),
                  {"TlsCert", "serverAuth is not"}});
  Settings missing = files.gateway();
  missing["LinkTlsCA"] = files.path("nowhere.pem");
  expect_refused({"missing", "gateway", missing, {"LinkTlsCA", "nowhere.pem"}});
}

}  // namespace
}  // namespace ringgate::test
