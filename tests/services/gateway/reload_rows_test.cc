// What a reload gives to the parts of a running gateway, for every row of the table of keys.
#include <gtest/gtest.h>

#include <algorithm>

#include "control/config/compare.h"
#include "services/gateway/settings.h"
#include "services/process/process.h"
#include "tests/control/config/rows.h"

namespace ringgate {
namespace {

using test::for_every_row;
using test::Rows;
using test::Variation;

constexpr ProcessRole kGateway = ProcessRole::kGateway;

// Whether running parts are given the same.
bool is_given_the_same(const Config& one, const Config& other) {
  const GatewayReload a = gateway_reload(one, "nonce");
  const GatewayReload b = gateway_reload(other, "nonce");
  return a.shards == b.shards && a.tls == b.tls && a.link_tls == b.link_tls &&
         *a.selectors == *b.selectors && a.drain_time == b.drain_time &&
         a.drain_delay == b.drain_delay && a.drain_pace == b.drain_pace &&
         process_settings(one) == process_settings(other);
}

// AppSecretFile: the secret that stands in it is AppSecret's value.
bool names_a_secret(const ConfigKey& key) {
  return std::ranges::any_of(config_keys(),
                             [&](const ConfigKey& other) { return file_key_of(other) == &key; });
}

TEST(GatewayReload, WhatARowCallsReloadableReachesTheRunningParts) {
  const Rows rows;
  for_every_row(rows, kGateway, [](const ConfigKey& key, const Variation& files) {
    if (!is_reloadable(key, kGateway) || names_a_secret(key)) return;
    const Result<ReloadPlan> plan = plan_reload(files.before, files.after, kGateway);
    ASSERT_TRUE(plan) << plan.error().message;
    EXPECT_FALSE(is_given_the_same(files.before, plan->config))
        << key.name << " is taken over, but nobody is told of it";
  });
}

// What no row reaches is not told, so it must not be applied either.
TEST(GatewayReload, WhatIsNotToldIsNotApplied) {
  const Rows rows;
  for_every_row(rows, kGateway, [](const ConfigKey& key, const Variation& files) {
    Config wanted = files.after;
    copy_value(key, files.before, wanted);
    wanted.route_table = files.before.route_table;
    const Result<ReloadPlan> plan = plan_reload(files.before, wanted, kGateway);
    ASSERT_TRUE(plan) << plan.error().message;
    ASSERT_TRUE(plan->changed.empty());
    EXPECT_TRUE(is_given_the_same(files.before, plan->config)) << key.name;
  });
}

// Beside a key that may change, one that may not: nothing is applied.
TEST(GatewayReload, WhatNeedsARestartReachesNobody) {
  const Rows rows;
  for_every_row(rows, kGateway, [](const ConfigKey& key, const Variation& files) {
    if (!is_heeded(key, kGateway) || is_reloadable(key, kGateway)) return;
    Config wanted = files.after;
    wanted.log_level = LogLevel::kTrace;
    EXPECT_FALSE(plan_reload(files.before, wanted, kGateway)) << key.name;
  });
}

TEST(ProcessReload, WhatEveryProcessReloadsReachesIt) {
  const Rows rows;
  for (const ProcessRole role : {ProcessRole::kLogin, ProcessRole::kChat, ProcessRole::kEcho}) {
    for_every_row(rows, role, [role](const ConfigKey& key, const Variation& files) {
      if (!is_reloadable(key, role) || names_a_secret(key)) return;
      // What is a service's own, it takes whole: StoreReload.TakesOverAnotherRedis. So are its
      // listeners' certificates: TlsLinks.AServiceWithAnothersCertificateIsNotUsedUntilItIsMended.
      if (key.use.reload == Reload::kInServices || key.use.needs == Need::kTls) return;
      const Result<ReloadPlan> plan = plan_reload(files.before, files.after, role);
      ASSERT_TRUE(plan) << plan.error().message;
      EXPECT_NE(process_settings(files.before), process_settings(plan->config)) << key.name;
    });
  }
}

}  // namespace
}  // namespace ringgate
