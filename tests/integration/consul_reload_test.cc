// SIGHUP: what a gateway takes over while it runs, and what it refuses. And the selector route,
// whose file is one of the things that are reloaded.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/integration/consul_world.h"
#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;

const std::string kNewSecret = "a new secret of the tests";

// A gateway whose configuration is written anew, and the services behind it.
class Reloaded {
 public:
  explicit Reloaded(ConsulWorld& world, const Settings& settings)
      : world_(world), settings_(world.settings("gateway", settings)) {
    gateway_ = std::make_unique<Server>(world.files, "gateway", "gateway01", settings_);
  }
  [[nodiscard]] Server& gateway() { return *gateway_; }
  // Changes these, sends SIGHUP and waits for the line that tells of it. An empty value: the key's
  // default.
  std::string reload(const Settings& changes, const std::string& line) {
    for (const auto& [key, value] : changes) settings_[key] = value;
    world_.files.config("gateway", "gateway01", settings_);
    gateway_->process().signal(SIGHUP);
    return gateway_->process().wait_for_line("SIGHUP: " + line);
  }

 private:
  ConsulWorld& world_;
  Settings settings_;
  std::unique_ptr<Server> gateway_;
};

pkt::Status status_of_login(const Server& gateway, const std::string& secret) {
  FrameSocket client = gateway.connect();
  client.send(login(token("alice", {.secret = secret})));
  return client.next().header.status();
}

int status_of_upgrade(const Server& gateway, const std::string& origin) {
  WsSocket client(Socket::connect(gateway.ws_port()));
  return client.upgrade({"Origin: " + origin}).status;
}

// Whether a gateway goes on with a client that sends so long a packet.
bool takes(const Server& gateway, std::size_t bytes) {
  Client client = log_in(gateway, "bob");
  client.send(talk("nobody", std::string(bytes, 'a'), 2));
  return client.next().is_answer(2);
}

TEST(ConsulReload, SecretsOriginsLimitsAndLogLevelAreTakenOver) {
  ConsulWorld world;
  const auto login = world.start("login", "login01");
  const auto chat = world.start("chat", "chat01");
  const std::string old_secret(kSecret);
  Reloaded reloaded(world, with_ws({{"AllowedOrigins", "[https://one.test]"}}));
  Server& gateway = reloaded.gateway();
  wait_until_up(gateway, {"login01", "chat01"});
  Client stays = log_in(gateway, "carol");

  EXPECT_EQ(status_of_login(gateway, old_secret), pkt::Success);
  EXPECT_EQ(status_of_login(gateway, kNewSecret), pkt::Unauthorized);
  reloaded.reload({{"AppSecret", kNewSecret}, {"AppSecretPrevious", old_secret}},
                  "AppSecret, AppSecretPrevious changed");
  wait_until("the new secret",
             [&] { return status_of_login(gateway, kNewSecret) == pkt::Success; });
  EXPECT_EQ(status_of_login(gateway, old_secret), pkt::Success);

  EXPECT_EQ(status_of_upgrade(gateway, "https://one.test"), 101);
  EXPECT_EQ(status_of_upgrade(gateway, "https://two.test"), 403);
  reloaded.reload({{"AllowedOrigins", "[https://two.test]"}}, "AllowedOrigins changed");
  wait_until("the new origin",
             [&] { return status_of_upgrade(gateway, "https://two.test") == 101; });
  EXPECT_EQ(status_of_upgrade(gateway, "https://one.test"), 403);

  EXPECT_TRUE(takes(gateway, 2000));
  reloaded.reload({{"MaxFrame", "1KiB"}, {"MaxHeader", "512"}}, "MaxFrame, MaxHeader changed");
  wait_until("the new limit", [&] { return !takes(gateway, 2000); });
  EXPECT_TRUE(takes(gateway, 500));

  // A name, a number and a time; once they are taken there is nothing left to change.
  reloaded.reload({{"Selectors", "rendezvous"}, {"MaxMetas", "32"}, {"EjectAfter", "3s"}},
                  "Selectors, MaxMetas, EjectAfter changed");
  reloaded.reload({}, "no key has changed");

  reloaded.reload({{"AppSecretPrevious", ""},
                   {"LogLevel", "error"},
                   {"Selectors", "route"},
                   {"RouteFile", "no/such/file"}},
                  "nothing is reloaded");
  EXPECT_EQ(status_of_login(gateway, old_secret), pkt::Success) << "nothing else was taken over";
  // Who was there before has not noticed.
  stays.send(ping());
  EXPECT_EQ(stays.next().kind, Event::Kind::kPong);
}

TEST(ConsulReload, WhatCannotChangeIsNamedAndNothingElseIsTakenOver) {
  ConsulWorld world;
  const auto login = world.start("login", "login01");
  Reloaded reloaded(world, with_ws());
  Server& gateway = reloaded.gateway();
  wait_until_up(gateway, {"login01"});
  const std::string old_secret(kSecret);
  const std::string line =
      reloaded.reload({{"AppSecret", kNewSecret}, {"Listen", "127.0.0.1:1"}, {"Shards", "2"}},
                      "nothing is reloaded");
  EXPECT_THAT(line, HasSubstr("Listen"));
  EXPECT_THAT(line, HasSubstr("Shards"));
  EXPECT_THAT(line, testing::Not(HasSubstr("AppSecret")));
  EXPECT_EQ(status_of_login(gateway, kNewSecret), pkt::Unauthorized);
  EXPECT_EQ(status_of_login(gateway, old_secret), pkt::Success);
  // With both undone the rest is taken.
  reloaded.reload({{"Listen", kTcpAndWs}, {"Shards", "1"}}, "AppSecret changed");
  wait_until("the new secret",
             [&] { return status_of_login(gateway, kNewSecret) == pkt::Success; });
}

TEST(ConsulReload, LogLevel) {
  ConsulWorld world;
  Reloaded reloaded(world, {{"LogLevel", "error"}});
  EXPECT_THAT(reloaded.gateway().process().output(), testing::Not(HasSubstr("[info]")));
  // A line of a level that was off before.
  reloaded.reload({{"LogLevel", "info"}}, "LogLevel changed");
}

// --- Zones
// ----------------------------------------------------------------------------------------

std::string route_file(const std::string& kim, const std::string& other) {
  return R"({"route_by": "app", "zones": [{"id": "zone_1", "weight": 1}, )"
         R"({"id": "zone_2", "weight": 1}], "whitelist": [{"key": "kim", "value": ")" +
         kim + R"("}, {"key": "other", "value": ")" + other + R"("}]})";
}

// Which chats answer accounts of that app.
std::set<std::int64_t> nodes_of(const Server& gateway, const std::string& app) {
  std::set<std::int64_t> nodes;
  for (const std::string account : {"ann", "ben", "cleo", "dan", "eve", "fay", "gus", "hal"}) {
    FrameSocket frames = gateway.connect();
    frames.send(login(token(account, {.app = app})));
    if (!frames.next().is_answer(1)) throw std::runtime_error("the login failed");
    Client client{std::move(frames), account, {}};
    nodes.insert(node_that_answers(client));
  }
  return nodes;
}

TEST(ConsulReload, AccountsOfAnAppGoToItsZoneAsTheRouteFileSaysNow) {
  ConsulWorld world;
  const auto file = world.files.folder().write("route.json", route_file("zone_1", "zone_2"));
  const auto login = world.start("login", "login01");
  const auto chat_1 = world.start("chat", "chat01", {{"Zone", "zone_1"}});
  Reloaded reloaded(world, {{"Selectors", "{chat: route}"}, {"RouteFile", file.string()}});
  Server& gateway = reloaded.gateway();
  wait_until_up(gateway, {"login01", "chat01"});
  const std::set<std::int64_t> zone_1 = nodes_of(gateway, "kim");
  ASSERT_EQ(zone_1.size(), 1u);
  EXPECT_EQ(nodes_of(gateway, "other"), zone_1) << "there is no other";
  EXPECT_GE(gateway.metric("ringgate_zone_fallback_total"), 8);

  const auto chat_2 = world.start("chat", "chat02", {{"Zone", "zone_2"}});
  wait_until_up(gateway, {"chat02"});
  EXPECT_EQ(known_instances(gateway).at("chat02").zone, "zone_2");
  EXPECT_EQ(nodes_of(gateway, "kim"), zone_1);
  const std::set<std::int64_t> zone_2 = nodes_of(gateway, "other");
  EXPECT_EQ(zone_2.size(), 1u);
  EXPECT_NE(zone_2, zone_1);

  world.files.folder().write("route.json", R"({"zones": [{"id": "zone_1", "weight": 0}]})");
  EXPECT_THAT(reloaded.reload({}, "nothing is reloaded"), HasSubstr("route.json"));
  EXPECT_EQ(nodes_of(gateway, "kim"), zone_1);
  EXPECT_EQ(nodes_of(gateway, "other"), zone_2);

  world.files.folder().write("route.json", route_file("zone_2", "zone_1"));
  reloaded.reload({}, "no key has changed; the files that they name were read again");
  wait_until("the new zones", [&] { return nodes_of(gateway, "kim") == zone_2; });
  EXPECT_EQ(nodes_of(gateway, "other"), zone_1);
}

}  // namespace
}  // namespace ringgate::test
