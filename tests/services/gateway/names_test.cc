// What a gateway counts and why it ends connections: the names, and what clients are told.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <string_view>

#include "dataplane/counters.h"
#include "services/gateway/counters.h"

namespace ringgate {
namespace {

template <class... Names>
std::multiset<std::string_view> all_names(const Names&... names) {
  std::multiset<std::string_view> all;
  (..., [&] {
    for (const auto& name : names) all.insert(name.name);
  }());
  return all;
}

TEST(GatewayNames, AreThereAndDifferent) {
  const auto metrics = all_names(names_of<Counter>(), names_of<Gauge>(), kGatewayNames.counters,
                                 kGatewayNames.gauges);
  EXPECT_EQ(std::set(metrics.begin(), metrics.end()).size(), metrics.size());
  EXPECT_FALSE(metrics.contains(""));
  const auto reasons = all_names(names_of<CloseReason::Own>(), kGatewayNames.closes);
  EXPECT_EQ(std::set(reasons.begin(), reasons.end()).size(), reasons.size());
  EXPECT_FALSE(reasons.contains(""));
}

TEST(GatewayNames, TellWebSocketClientsWithWhichCodeTheyAreClosed) {
  const std::map<std::string_view, int> codes = {
      {"bad_packet", 1007},       {"header_too_long", 1009},      {"too_many_metas", 1008},
      {"not_a_login", 1008},      {"login_timeout", 1008},        {"login_refused", 1008},
      {"kicked_out", 1008},       {"token_expired", 1008},        {"kicked_by_operator", 1008},
      {"no_login_service", 1013}, {"login_answer_timeout", 1013}, {"link_removed", 1008},
      {"evacuated", 1001},        {"logins_too_often", 1013},     {"crowded_out", 1008},
      {"memory_full", 1013},      {"address_refused", 1008}};
  for (const CloseName& reason : kGatewayNames.closes) {
    EXPECT_EQ(static_cast<int>(reason.code), codes.at(reason.name)) << reason.name;
  }
  EXPECT_EQ(describe(GatewayClose::kKickedOut).name, "kicked_out");
  EXPECT_EQ(describe(GatewayClose::kTokenExpired).name, "token_expired");
  EXPECT_EQ(describe(GatewayClose::kLoginAnswerTimeout).name, "login_answer_timeout");
  EXPECT_EQ(describe(GatewayCounter::kEjections).name, "ejections_total");
  EXPECT_EQ(describe(GatewayGauge::kSignoutsWaiting).name, "signouts_waiting");
}

}  // namespace
}  // namespace ringgate
