#include "control/config/compare.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "control/config/keys.h"

namespace ringgate {
namespace {

using std::chrono_literals::operator""s;

std::string error_of(const Config& running, const Config& wanted, ProcessRole role) {
  const auto changes = reloadable_changes(running, wanted, role);
  return changes ? "(no error)" : changes.error().message;
}

Config other() {
  Config config;
  config.service_id = "gw02";
  config.listen = {ListenSpec{{"", 8000}}};
  config.tags = {"a"};
  config.app_secret = "s";
  config.allowed_origins = {"https://a.example"};
  config.trusted_proxies = {*AddressRange::parse("10.0.0.0/8")};
  config.proxy_protocol = true;
  config.monitor_port = 1;
  config.routes = {{"login", "chat"}};
  config.redis = Endpoint{"localhost", 6379};
  config.log_level = LogLevel::kWarn;
  config.consul_url = "http://127.0.0.1:8500";
  config.depends = {"chat"};
  config.max_frame = 1;
  config.max_metas = 1;
  config.idle_timeout = 1s;
  config.idle_poll_after = 1s;
  return config;
}

TEST(ConfigCompare, EveryKindOfKeyIsSeen) {
  const std::vector<std::string_view> changed = changed_keys(Config{}, other());
  EXPECT_EQ(changed,
            (std::vector<std::string_view>{
                "ServiceID", "Listen", "AllowedOrigins", "TrustedProxies", "ProxyProtocol", "Tags",
                "ConsulURL", "Depends", "Routes", "AppSecret", "RedisAddrs", "MonitorPort",
                "LogLevel", "MaxFrame", "MaxMetas", "IdleTimeout", "IdlePollAfter"}))
      << ::testing::PrintToString(changed);
  EXPECT_TRUE(changed_keys(other(), other()).empty());
}

TEST(ConfigCompare, AGatewayTakesSecretsOriginsLimitsAndTheLogLevel) {
  Config wanted;
  wanted.app_secret = "new";
  wanted.allowed_origins = {"https://a.example"};
  wanted.max_frame = 1000;
  wanted.log_level = LogLevel::kWarn;
  wanted.idle_poll_after = 1s;
  const auto changes = reloadable_changes(Config{}, wanted, ProcessRole::kGateway);
  ASSERT_TRUE(changes) << changes.error().message;
  EXPECT_EQ(changes->size(), 5U);
}

TEST(ConfigCompare, WhatNeedsARestartIsNamed) {
  Config wanted;
  wanted.app_secret = "new";
  wanted.listen = {ListenSpec{{"", 8000}}};
  wanted.max_connections = 7;
  const std::string message = error_of(Config{}, wanted, ProcessRole::kGateway);
  EXPECT_NE(message.find("Listen, MaxConnections cannot change while running"), std::string::npos)
      << message;
}

TEST(ConfigCompare, OtherProcessesTakeTheLogLevelAndTheAdminTokenOnly) {
  Config wanted;
  wanted.admin_token = "new";
  wanted.log_level = LogLevel::kWarn;
  EXPECT_EQ(error_of(Config{}, wanted, ProcessRole::kChat), "(no error)");
  wanted.max_frame = 1000;
  EXPECT_NE(error_of(Config{}, wanted, ProcessRole::kChat).find("MaxFrame"), std::string::npos);
}

TEST(ConfigCompare, ARotatedTokenFileIsNoChangeOfOurs) {
  Config running;
  running.consul_token_file = "token";
  running.consul_token = "old";
  Config wanted = running;
  wanted.consul_token = "new";
  EXPECT_EQ(error_of(running, wanted, ProcessRole::kGateway), "(no error)");
  wanted.consul_token_file = "";
  EXPECT_NE(error_of(running, wanted, ProcessRole::kGateway).find("ConsulToken"),
            std::string::npos);
}

TEST(ConfigCompare, EveryReloadableNameIsAKey) {
  int reloadable = 0;
  for (const ConfigKey& key : config_keys()) {
    reloadable += is_reloadable(key.name, ProcessRole::kGateway) ? 1 : 0;
  }
  EXPECT_EQ(reloadable, 36);  // as many as the list has: a key that was renamed would be missing
}

}  // namespace
}  // namespace ringgate
