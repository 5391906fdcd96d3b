#include "control/config/compare.h"

#include <gtest/gtest.h>

#include <memory>

#include "control/routing/route_file.h"

namespace ringgate {
namespace {

std::string error_of(const Config& running, const Config& wanted, ProcessRole role) {
  const auto plan = plan_reload(running, wanted, role);
  return plan ? "(no error)" : plan.error().message;
}

TEST(ConfigCompare, AGatewayTakesSecretsOriginsLimitsAndTheLogLevel) {
  Config wanted;
  wanted.app_secret = "new";
  wanted.upgrade.allowed_origins = {"https://a.example"};
  wanted.shard.limits[Config::kClients].max_frame_bytes = 1000;
  wanted.log_level = LogLevel::kWarn;
  wanted.shard.poll_after_ms = 1000;
  const auto plan = plan_reload(Config{}, wanted, ProcessRole::kGateway);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->changed.size(), 5U);
}

TEST(ConfigCompare, WhatNeedsARestartIsNamed) {
  Config wanted;
  wanted.app_secret = "new";
  wanted.listen = {ListenSpec{{"", 8000}}};
  wanted.shard.max_clients = 7;
  const std::string message = error_of(Config{}, wanted, ProcessRole::kGateway);
  EXPECT_NE(message.find("Listen, MaxConnections cannot change while running"), std::string::npos)
      << message;
}

TEST(ConfigCompare, OtherProcessesTakeTheLogLevelAndTheAdminTokenOnly) {
  Config wanted;
  wanted.admin_token = "new";
  wanted.log_level = LogLevel::kWarn;
  EXPECT_EQ(error_of(Config{}, wanted, ProcessRole::kChat), "(no error)");
  wanted.shard.limits[Config::kLinks].max_frame_bytes = 1000;
  EXPECT_NE(error_of(Config{}, wanted, ProcessRole::kChat).find("MaxLinkFrame"), std::string::npos);
}

TEST(ConfigCompare, ARotatedTokenFileIsNoChangeOfOurs) {
  Config running;
  running.consul.token_file = "token";
  running.consul.token = "old";
  Config wanted = running;
  wanted.consul.token = "new";
  EXPECT_EQ(error_of(running, wanted, ProcessRole::kGateway), "(no error)");
  wanted.consul.token_file = "";
  EXPECT_NE(error_of(running, wanted, ProcessRole::kGateway).find("ConsulToken"),
            std::string::npos);
}

TEST(ConfigCompare, WhatTheRouteFileSaysNowIsTakenOver) {
  Config wanted;
  const auto table = ZoneTable::parse(R"({"zones": [{"id": "a", "weight": 1}]})");
  wanted.route_table = std::make_shared<const ZoneTable>(*table);
  const auto plan = plan_reload(Config{}, wanted, ProcessRole::kGateway);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_TRUE(plan->changed.empty());
  EXPECT_EQ(plan->config.route_table, wanted.route_table);
}

}  // namespace
}  // namespace ringgate
