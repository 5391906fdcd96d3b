#include "control/config/config.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>

#include "codec/growth.h"
#include "codec/names.h"
#include "codec/tcp_frame.h"
#include "control/discovery/consul/options.h"
#include "parse.h"
#include "tests/common/temp_dir.h"

namespace ringgate::test {
namespace {

using std::chrono_literals::operator""s;

std::vector<Endpoint> endpoints(const Config& config) {
  std::vector<Endpoint> all;
  for (const ListenSpec& listen : config.listen) all.push_back(listen.endpoint);
  return all;
}

TEST(Config, AnExistingFileLoads) {
  const auto config = parse(R"(
ServiceID: gate01
ServiceName: wgateway
Listen: ":8000"
PublicAddress: 10.0.0.1
PublicPort: 8000
Tags:
  - IDC:SH_ALI
  - beta
Zone: zone_ali_03
Domain: ws://kingimcloud.com
MonitorPort: 8001
AppSecret: jwt-1 of sixteen bytes
RedisAddrs: localhost:6379
LogLevel: DEBUG
ConsulURL:
MessageGPool: 5000
ConnectionGPool: 500
RoyalURL: http://localhost:8080
RegistryFile: /srv/services.json
)");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->service_id, "gate01");
  EXPECT_EQ(config->service_name, "wgateway");
  EXPECT_EQ(endpoints(*config), (std::vector<Endpoint>{{"", 8000}}));
  EXPECT_EQ(config->public_address, "10.0.0.1");
  EXPECT_EQ(config->public_port, 8000);
  EXPECT_EQ(config->tags, (std::vector<std::string>{"IDC:SH_ALI", "beta"}));
  EXPECT_EQ(config->zone, "zone_ali_03");
  EXPECT_EQ(config->domain, "ws://kingimcloud.com");
  EXPECT_EQ(config->monitor_port, 8001);
  EXPECT_EQ(config->monitor_address, "127.0.0.1");
  EXPECT_EQ(config->app_secret, "jwt-1 of sixteen bytes");
  EXPECT_EQ(config->redis, (Endpoint{"localhost", 6379}));
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
  EXPECT_EQ(config->registry_file, "/srv/services.json");
  ASSERT_EQ(config->notices.size(), 4U);  // three keys, and a TCP listener named wgateway
  EXPECT_CONTAINS(config->notices[0], "MessageGPool");
}

TEST(Config, DefaultsByRole) {
  const auto gateway = parse(kRequired);
  ASSERT_TRUE(gateway) << gateway.error().message;
  EXPECT_EQ(gateway->service_name, "tgateway");
  EXPECT_EQ(endpoints(*gateway), (std::vector<Endpoint>{{"127.0.0.1", 8001}}));
  EXPECT_EQ(gateway->client_limits().max_frame_bytes, 65536U);
  EXPECT_EQ(gateway->client_limits().read_timeout_ms, 120'000U);
  EXPECT_EQ(gateway->shard.poll_after_ms, 10'000U);
  EXPECT_TRUE(gateway->links.lanes);
  EXPECT_TRUE(gateway->notices.empty());
  const std::string yaml = "ServiceID: a\nRegistryFile: f\n";
  EXPECT_EQ(parse(yaml, {}, ProcessRole::kLogin)->service_name, "login");
  EXPECT_EQ(parse(yaml, {}, ProcessRole::kChat)->service_name, "chat");
  EXPECT_EQ(parse(yaml, {}, ProcessRole::kEcho)->service_name, "echo");
  EXPECT_EQ(endpoints(*parse(yaml, {}, ProcessRole::kEcho)),
            (std::vector<Endpoint>{{"127.0.0.1", 0}}));
}

TEST(Config, KeysOfAnyCaseAndBounds) {
  const auto config = parse(kRequired +
                            "shards: 4\nPINSHARDS: off\nlanes: false\nmaxframe: 128KiB\n"
                            "MAXLINKFRAME: 32MiB\nidletimeout: 250ms\nmaxmetas: 8\n"
                            "Routes: {login: chat, group: chat}\nListen: [\"tcp://[::1]:1\", "
                            "\"127.0.0.1:2\"]\nTags: a, b\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->shards, 4U);
  EXPECT_FALSE(config->pin_shards);
  EXPECT_FALSE(config->links.lanes);
  EXPECT_EQ(config->client_limits().max_frame_bytes, 131072U);
  EXPECT_EQ(config->link_limits().max_frame_bytes, 32U << 20);
  EXPECT_EQ(config->client_limits().read_timeout_ms, 250U);
  EXPECT_EQ(config->gateway.max_metas, 8U);
  EXPECT_EQ(config->routes,
            (std::map<std::string, std::string>{{"login", "chat"}, {"group", "chat"}}));
  EXPECT_EQ(endpoints(*config), (std::vector<Endpoint>{{"::1", 1}, {"127.0.0.1", 2}}));
  EXPECT_EQ(config->tags, (std::vector<std::string>{"a", "b"}));
}

TEST(Config, EnvironmentOverrides) {
  const auto config =
      parse(kRequired + "Listen: :1\nMaxFrame: 1KiB\n", {{"RINGGATE_LISTEN", "127.0.0.1:2,[::1]:3"},
                                                         {"RINGGATE_MAXFRAME", "2KiB"},
                                                         {"RINGGATE_MAXHEADER", "1KiB"},
                                                         {"RINGGATE_TAGS", "x,y"},
                                                         {"RINGGATE_ROUTES", "login=chat, a=b"},
                                                         {"RINGGATE_SERVICEID", ""}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(endpoints(*config), (std::vector<Endpoint>{{"127.0.0.1", 2}, {"::1", 3}}));
  EXPECT_EQ(config->client_limits().max_frame_bytes, 2048U);
  EXPECT_EQ(config->tags, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(config->routes, (std::map<std::string, std::string>{{"login", "chat"}, {"a", "b"}}));
  EXPECT_EQ(config->service_id, "gw01");  // An empty variable is one that is not set.

  const auto message = error_of(parse(kRequired, {{"RINGGATE_IDLETIMEOUT", "10"}}));
  EXPECT_CONTAINS(message, "RINGGATE_IDLETIMEOUT");
  EXPECT_CONTAINS(message, "unit");
}

TEST(Config, EverythingFromTheEnvironment) {
  const auto config = parse("", {{"RINGGATE_SERVICEID", "g"},
                                 {"RINGGATE_REGISTRYFILE", "f"},
                                 {"RINGGATE_APPSECRET", kSecret}});
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->service_id, "g");
}

TEST(Config, UnknownKeyNamesTheNearestAndTheLine) {
  const auto message = error_of(parse(kRequired + "IdleTimout: 10s\n"));
  EXPECT_CONTAINS(message, "line 4");
  EXPECT_CONTAINS(message, "IdleTimout");
  EXPECT_CONTAINS(message, "IdleTimeout?");
}

TEST(Config, RequiredKeys) {
  EXPECT_CONTAINS(error_of(parse("RegistryFile: f\n" + kAppSecret)), "ServiceID");
  EXPECT_CONTAINS(error_of(parse("ServiceID: g\n" + kAppSecret)), "RegistryFile");
  EXPECT_CONTAINS(error_of(parse("ServiceID: g\nRegistryFile: f\n")), "AppSecret");
  EXPECT_TRUE(parse("ServiceID: g\nRegistryFile: f\n", {}, ProcessRole::kChat));
  EXPECT_CONTAINS(error_of(parse("")), "ServiceID");
}

TEST(Config, ConsulInPlaceOfAFile) {
  const TempDir dir;
  const std::string ca = dir.write("ca.pem", "-----BEGIN CERTIFICATE-----\n").string();
  const std::string base = "ServiceID: g\n" + kAppSecret;
  const auto config = parse(base + "ConsulURL: https://localhost:8501\nConsulCA: " + ca + "\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->consul.url, "https://localhost:8501");
  EXPECT_EQ(parse(base + "ConsulURL: localhost:8500\n")->consul.url, "http://localhost:8500");
  EXPECT_CONTAINS(error_of(parse(base + "ConsulURL: :8500\nRegistryFile: f\n")), "both set");
  EXPECT_CONTAINS(error_of(parse(base)), "ConsulURL");
}

TEST(Config, EveryKeyOfConsulIsWhereItBelongs) {
  const TempDir dir;
  const std::string ca = dir.write("ca.pem", "-----BEGIN CERTIFICATE-----\n").string();
  const auto config = parse("ServiceID: g\n" + kAppSecret +
                            "ConsulURL: https://localhost:8501\nConsulToken: t\nConsulCA: " + ca +
                            "\n"
                            "ConsulDatacenter: dc2\nConsulStale: true\nConsulTag: blue\n"
                            "ConsulWait: 5m\nConsulCheckInterval: 2s\nConsulCheckTimeout: 3s\n"
                            "ConsulDeregisterAfter: 2m\nConsulRecheck: 4s\n");
  ASSERT_TRUE(config) << config.error().message;
  const consul::Options& options = config->consul;
  EXPECT_EQ(options.url, "https://localhost:8501");
  EXPECT_EQ(options.token, "t");
  EXPECT_EQ(options.ca_file, ca);
  EXPECT_EQ(options.datacenter, "dc2");
  EXPECT_TRUE(options.stale);
  EXPECT_EQ(options.tag, "blue");
  EXPECT_EQ(options.wait, 300s);
  EXPECT_EQ(options.check_interval, 2s);
  EXPECT_EQ(options.check_timeout, 3s);
  EXPECT_EQ(options.deregister_after, 120s);
  EXPECT_EQ(options.recheck, 4s);
}

TEST(Config, ListensOnTcpAndWebSocket) {
  const auto config = parse(kRequired + "Listen: [':8001', 'ws://127.0.0.1:8000/chat']\n");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->listen.size(), 2U);
  EXPECT_EQ(config->listen[0].transport, Transport::kTcp);
  EXPECT_EQ(config->listen[0].endpoint, (Endpoint{"", 8001}));
  EXPECT_EQ(config->listen[1].transport, Transport::kWebSocket);
  EXPECT_EQ(config->listen[1].endpoint, (Endpoint{"127.0.0.1", 8000}));
  EXPECT_EQ(config->listen[1].path, "/chat");
  EXPECT_EQ(config->service_name, "tgateway");

  const auto only_ws = parse(kRequired + "Listen: ws://:8000/\n");
  ASSERT_TRUE(only_ws) << only_ws.error().message;
  EXPECT_EQ(only_ws->service_name, "wgateway");
}

TEST(Config, ALogicServiceHasOneTcpListener) {
  EXPECT_CONTAINS(error_of(parse(kRequired + "Listen: ws://:1/\n", {}, ProcessRole::kChat)),
                  "a logic service has no ws:// listener");
  EXPECT_CONTAINS(error_of(parse(kRequired + "Listen: [':1', ':2']\n", {}, ProcessRole::kChat)),
                  "a logic service listens on one");
}

TEST(Config, ProxiesAreAddressesAndRanges) {
  const auto config =
      parse(kRequired + "TrustedProxies: [10.0.0.0/8, '::1']\nProxyProtocol: true\n");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_TRUE(contains(config->shard.trusted_proxies, PeerAddress::parse("10.1.2.3")));
  EXPECT_TRUE(contains(config->shard.trusted_proxies, PeerAddress::parse("::1")));
  EXPECT_FALSE(contains(config->shard.trusted_proxies, PeerAddress::parse("11.1.2.3")));
  EXPECT_TRUE(config->shard.proxy_protocol);
  EXPECT_CONTAINS(error_of(parse(kRequired + "ProxyProtocol: true\n")), "TrustedProxies is empty");
}

TEST(Config, AWebSocketNameOnATcpListenerIsNoticed) {
  const auto config = parse(kRequired + "ServiceName: wgateway\n");
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->notices.size(), 1U);
  EXPECT_CONTAINS(config->notices[0], "write ws://");
}

struct BadLine {
  const char* line;
  const char* said;
};

class BadConfig : public testing::TestWithParam<BadLine> {};

TEST_P(BadConfig, IsRefusedWithItsLine) {
  const auto message = error_of(parse(kRequired + GetParam().line));
  EXPECT_CONTAINS(message, "line 4");
  EXPECT_CONTAINS(message, GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    Lines, BadConfig,
    testing::Values(
        BadLine{"ConsulURL: localhost", "8500 for http"},
        BadLine{"ConsulURL: ftp://localhost:8500", "unknown scheme ftp"},
        BadLine{"ConsulURL: http://localhost:8500/v1", "is more than scheme://host:port"},
        BadLine{"ConsulURL: [a]", "not a list"}, BadLine{"ConsulWait: 11m", "out of range"},
        BadLine{"ConsulCheckInterval: 500ms", "out of range"},
        BadLine{"TlsMin: 1.1", "takes 1.2 or 1.3"}, BadLine{"MaxTlsHandshakes: 0", "out of range"},
        BadLine{"Listen: http://:8000/", "unknown scheme http; there are tcp, tls, ws, wss"},
        BadLine{"Listen: 'ws://:8000/a?b'", "a path to listen on has no query"},
        BadLine{"Listen: [':8000', 'ws://:8000/']", "is there twice"},
        BadLine{"Listen: ['ws://:8000/a', 'ws://:8000/b']", "a port has one path; write ws://"},
        BadLine{"Listen: ws://:8000/a*", "a * may only be all that follows the last slash"},
        BadLine{"Listen: ws://:8000/*/a", "a * may only be all that follows the last slash"},
        BadLine{"Listen: ws://:8000/a/../b", "no client sends a path with . or .."},
        BadLine{"Subprotocol: a b", "\"a b\" is never offered"},
        BadLine{"Subprotocol: 'a,b'", "\"a,b\" is never offered"},
        BadLine{"Subprotocol: [a, b]", "takes one subprotocol, not a list"},
        BadLine{"AllowedOrigins: *\n", "in quotes"},
        BadLine{"AllowedOrigins: chat.example.com", "has no scheme"},
        BadLine{"AllowedOrigins: https://chat.example.com/x", "an origin has no path"},
        BadLine{"AllowedOrigins: wss://chat.example.com", "write https://"},
        BadLine{"TrustedProxies: 10.1.0.0/8", "has bits set beyond its prefix; write 10.0.0.0/8"},
        BadLine{"MaxProxyHeader: 100", "out of range"},
        BadLine{"MaxUpgradeRequest: 65KiB", "may be 1KiB to 64KiB"},
        BadLine{"Routes: {a.prefix.that.is.longer.than.a.short.string.is: chat}",
                "\"a.prefix.that.is.longer.than.a.short.string.is\" is not a command prefix"},
        BadLine{"Selectors: {chat: a-selector-longer-than-a-short-string}",
                "\"a-selector-longer-than-a-short-string\" is no selector"},
        BadLine{"TrustedProxies: proxy.example.com", "is neither an address nor a range"},
        BadLine{"Listen: localhost", "host:port"}, BadLine{"Listen: []", "empty"},
        BadLine{"Listen: [\":1\", \":1\"]", "twice"}, BadLine{"Listen: {a: b}", "not a map"},
        BadLine{"Listen: [[1]]", "single values"}, BadLine{"MonitorPort: 65536", "65535"},
        BadLine{"MonitorPort: -1", "whole number"}, BadLine{"MonitorPort: 80x", "whole number"},
        BadLine{"MonitorPort: [1]", "not a list"}, BadLine{"PublicAddress: 10.0.0.1:80", "port"},
        BadLine{"PublicAddress: a b", "has a blank in it"},
        BadLine{"PublicAddress: http://a", "has a scheme in it"},
        BadLine{"MaxFrame: 64KB", "64KiB"}, BadLine{"MaxFrame: 1", "out of range"},
        BadLine{"MaxFrame: 99999999999999999999", "size"}, BadLine{"IdleTimeout: 10", "unit"},
        BadLine{"IdleTimeout: fast", "duration"}, BadLine{"IdleTimeout: 1000h", "out of range"},
        BadLine{"IdleTimeout: 0", "out of range"}, BadLine{"Shards: many", "whole number"},
        BadLine{"Shards: 1025", "1024"}, BadLine{"PinShards: 2", "true or false"},
        BadLine{"LogLevel: loud", "trace"}, BadLine{"RedisAddrs: localhost", "host:port"},
        BadLine{"RedisAddrs: [\"a:1\", \"b:1\"]", "one"},
        BadLine{"MessageStore: mysql://h/d", "postgresql://user@host"},
        BadLine{"MessageStore: /var/messages.db", "sqlite:///path"},
        BadLine{"MessageDays: 0", "out of range"}, BadLine{"OfflineDays: 1w", "whole number"},
        BadLine{"ServiceName: a,b", "not a valid name"},
        BadLine{"Routes: {login.signin: chat}", "prefix"}, BadLine{"Routes: {login: \"\"}", "name"},
        BadLine{"Routes: login", "service name"}, BadLine{"AppSecret: again", "twice"},
        BadLine{"appsecret: again", "twice"}, BadLine{"Tags: \"a\\u0001\"", "control"},
        BadLine{"? [a, b]\n: c", "single word"}, BadLine{"Zone: \"a", "YAML"},
        BadLine{"Zone: [", "YAML"}, BadLine{"Zone: *", "in quotes"},
        BadLine{"Zone: *a", "not taken here"}, BadLine{"\tZone: a", "indent"},
        BadLine{", a", "YAML"}),
    [](const testing::TestParamInfo<BadLine>& bad) { return std::to_string(bad.index); });

TEST(Config, ServiceIdIsChecked) {
  for (const char* id : {"\"\"", "\"a,b\"", "\"a b\"", "\"a\\nb\"", "\"\\u00e9\"", "a/b"}) {
    const std::string yaml = std::string("ServiceID: ") + id + "\nRegistryFile: f\n" + kAppSecret;
    EXPECT_CONTAINS(error_of(parse(yaml)), "ServiceID") << id;
  }
  EXPECT_TRUE(parse("ServiceID: " + std::string(64, 'a') + "\nRegistryFile: f\n" + kAppSecret));
  EXPECT_FALSE(parse("ServiceID: " + std::string(65, 'a') + "\nRegistryFile: f\n" + kAppSecret));
  EXPECT_EQ(kMaxServiceIdBytes, 64u);
}

TEST(Config, BoundsThatContradictEachOther) {
  EXPECT_CONTAINS(error_of(parse(kRequired + "MaxHeader: 128KiB")), "MaxHeader (128KiB)");
  EXPECT_CONTAINS(error_of(parse(kRequired + "MaxFrame: 32MiB")), "MaxLinkFrame");
  EXPECT_CONTAINS(error_of(parse(kRequired + "MailboxBytes: 32KiB")), "MailboxBytes");
  EXPECT_CONTAINS(error_of(parse(kRequired + "RedialMin: 1m")), "RedialMax");
  EXPECT_CONTAINS(error_of(parse(kRequired + "LinkHeartbeat: 3m")), "LinkReadTimeout");
}

// What a client may send has to fit a link with all that a gateway adds to it, to the byte.
TEST(Config, ClientsBoundsLeaveRoomOnLinks) {
  const auto with = [](std::string_view low, std::size_t low_bytes, std::string_view high,
                       std::size_t high_bytes) {
    return parse(fmt::format("{}MaxMetas: 10\n{}: {}\n{}: {}\n", kRequired, low, low_bytes, high,
                             high_bytes));
  };
  struct Case {
    std::string_view low, high;
    std::size_t low_bytes, growth;
  };
  const std::size_t packet = max_forward_growth_bytes(10);
  for (const Case& one :
       {Case{"MaxFrame", "MaxLinkQueuedBytes", 1024 * 1024, packet + kTcpFrameHeadBytes},
        Case{"MaxHeader", "MaxLinkHeader", 60 * 1024, max_header_growth_bytes(10)}}) {
    const std::size_t enough = one.low_bytes + one.growth;
    EXPECT_TRUE(with(one.low, one.low_bytes, one.high, enough)) << one.high;
    EXPECT_CONTAINS(error_of(with(one.low, one.low_bytes, one.high, enough - 1)),
                    fmt::format("the {} bytes that a gateway may add", one.growth));
  }
  const std::size_t frame = 1024 * 1024;  // MaxLinkHeader's default, too
  const std::string more = "MaxLinkHeader: 8KiB\nMaxMetas: 10\nMaxFrame: 1MiB\nMaxLinkFrame: ";
  EXPECT_TRUE(parse(kRequired + more + std::to_string(frame + packet)));
  EXPECT_CONTAINS(error_of(parse(kRequired + more + std::to_string(frame + packet - 1))),
                  "MaxLinkFrame");
  EXPECT_CONTAINS(
      error_of(parse(kRequired + "MaxLinkHeader: 8KiB\nMaxFrame: 1MiB\nMaxLinkFrame: 1MiB")),
      "do not fit MaxLinkFrame (1MiB)");
}

TEST(Config, NotAMap) {
  EXPECT_CONTAINS(error_of(parse("- a\n- b\n")), "Key: value");
  EXPECT_CONTAINS(error_of(parse("word")), "Key: value");
  EXPECT_CONTAINS(error_of(parse(kRequired + "---\nServiceID: b\n")), "document");
}

TEST(Config, LoadReadsFileAndEnvironment) {
  const TempDir dir;
  const auto file = dir.write("conf.yaml", kRequired + "Zone: a\n");
  ASSERT_EQ(setenv("RINGGATE_ZONE", "b", 1), 0);
  ASSERT_EQ(setenv("RINGGATE_ZONNE", "c", 1), 0);
  ASSERT_EQ(setenv("RINGGATE_AppSecret", "d", 1), 0);
  ASSERT_EQ(setenv("ringgate_domain", "e", 1), 0);
  const auto config = load_config(file, ProcessRole::kGateway);
  unsetenv("RINGGATE_ZONE");
  unsetenv("RINGGATE_ZONNE");
  unsetenv("RINGGATE_AppSecret");
  unsetenv("ringgate_domain");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->zone, "b");
  for (const std::string says : {"RINGGATE_ZONNE is no configuration key",
                                 "RINGGATE_AppSecret is not read; write RINGGATE_APPSECRET",
                                 "ringgate_domain is not read; write RINGGATE_DOMAIN"}) {
    const bool is_said =
        std::ranges::find(config->notices, "environment variable " + says) != config->notices.end();
    EXPECT_TRUE(is_said) << says;
  }
  EXPECT_EQ(config->domain, "");
}

TEST(Config, LoadErrorsNameTheFile) {
  const TempDir dir;
  const auto file = dir.write("conf.yaml", "Shard: 1\n");
  EXPECT_CONTAINS(error_of(load_config(file, ProcessRole::kEcho)),
                  "conf.yaml: line 1: unknown key Shard");
  EXPECT_CONTAINS(error_of(load_config(dir.path() / "none.yaml", ProcessRole::kEcho)), "none.yaml");
  EXPECT_CONTAINS(error_of(load_config(dir.path(), ProcessRole::kEcho)), "directory");
}

}  // namespace
}  // namespace ringgate::test
