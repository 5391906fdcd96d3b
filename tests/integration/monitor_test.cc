// The monitor port: what probes and dashboards read.
#include <gmock/gmock.h>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MonitorPort, IsReadyOnlyWhileALoginCouldSucceed) {
  const World world;
  const Server gateway(world, "gateway", "g1");
  EXPECT_EQ(gateway.get("/health").status, 200);
  EXPECT_EQ(gateway.get("/health").body, "ok");
  EXPECT_EQ(gateway.get("/ready").status, 503);
  EXPECT_THAT(gateway.get("/ready").body, HasSubstr("login"));
  {
    RawService login(world, "login01", "login");
    Link link = login.accept();
    wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
    EXPECT_EQ(gateway.get("/ready").body, "ok");
  }
  wait_until("not ready", [&] { return gateway.get("/ready").status == 503; });
  EXPECT_EQ(gateway.get("/nonsense").status, 404);
}

TEST(MonitorPort, HasTheSeriesThatDashboardsRead) {
  ChatBench bench{{{"Zone", "zone_a"}}};
  Client alice = bench.log_in("alice");
  alice.send(talk("bob", "hello", 2));
  bench.chat_link.respond(bench.chat_link.request("chat.user.talk"));
  EXPECT_TRUE(alice.next().is_answer(2));
  const std::string who = R"(serviceId="g1",serviceName="tgateway")";
  const std::string what = who + R"(,command="chat.user.talk")";
  EXPECT_EQ(bench.gateway.metric("kim_channel_total", who), 1);
  EXPECT_EQ(bench.gateway.metric("kim_message_in_total", what), 1);
  EXPECT_GT(bench.gateway.metric("kim_message_in_flow_bytes", what), 0);
  EXPECT_GT(bench.gateway.metric("kim_message_out_flow_bytes", R"(command="chat.user.talk")"), 0);
  EXPECT_EQ(bench.gateway.metric("kim_no_server_found_error_total", R"(zone="zone_a")"), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_logins_total"), 1);
  EXPECT_EQ(bench.gateway.metric("ringgate_answered_total"), 2);
  EXPECT_EQ(bench.gateway.metric("ringgate_links"), 2);
  EXPECT_EQ(bench.gateway.metric("ringgate_channels"), 1);
}

TEST(MonitorPort, LabelsAreBoundedWhateverClientsSend) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  for (std::uint32_t i = 0; i < 50; ++i) {
    alice.send(packet(header("made.up\"\n" + std::to_string(i), i)));
    EXPECT_TRUE(alice.next().is_answer(i, pkt::SystemException));
  }
  const std::string metrics = bench.gateway.get("/metrics").body;
  EXPECT_THAT(metrics, Not(HasSubstr("made")));
  EXPECT_EQ(bench.gateway.metric("kim_message_in_total", R"(command="other")"), 50);
  EXPECT_EQ(bench.gateway.metric("kim_no_server_found_error_total"), 50);
}

TEST(MonitorPort, OfALogicServiceCountsItsLinks) {
  TalkBench bench;
  EXPECT_EQ(bench.chat.get("/health").status, 200);
  EXPECT_EQ(bench.chat.get("/ready").status, 200);
  bench.chat.wait_metric_is("ringgate_links", 1);
}

}  // namespace
}  // namespace ringgate::test
