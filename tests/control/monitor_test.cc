#include "control/monitor.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "control/address.h"
#include "control/metrics.h"

namespace ringgate {
namespace {

class Numbers final : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override {
    MetricsSnapshot snapshot;
    snapshot.gauge("answer", "The answer", {}, 42);
    return snapshot.take();
  }
};

struct Wellbeing {
  std::mutex mutex;
  std::optional<std::string> health;
  std::optional<std::string> ready;
};

Probes probes_of(Wellbeing& state) {
  return {[&state] {
            const std::lock_guard lock(state.mutex);
            return state.health;
          },
          [&state] {
            const std::lock_guard lock(state.mutex);
            return state.ready;
          },
          std::make_shared<Numbers>()};
}

httplib::Result get(const Monitor& monitor, const std::string& path) {
  httplib::Client client("127.0.0.1", monitor.port());
  return client.Get(path.c_str());
}

TEST(Monitor, AnswersProbesAndMetrics) {
  Wellbeing state;
  auto monitor = Monitor::start("127.0.0.1", 0, probes_of(state));
  ASSERT_TRUE(monitor) << monitor.error().message;
  Monitor& port = **monitor;
  ASSERT_NE(port.port(), 0);

  auto health = get(port, "/health");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  EXPECT_EQ(health->body, "ok");
  {
    const std::lock_guard lock(state.mutex);
    state.health = "shard 1 does not answer";
    state.ready = "no login service";
  }
  health = get(port, "/health");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 503);
  EXPECT_EQ(health->body, "shard 1 does not answer\n");
  const auto ready = get(port, "/ready");
  ASSERT_TRUE(ready);
  EXPECT_EQ(ready->status, 503);
  EXPECT_EQ(ready->body, "no login service\n");

  const auto metrics = get(port, "/metrics");
  ASSERT_TRUE(metrics);
  EXPECT_EQ(metrics->status, 200);
  EXPECT_NE(metrics->body.find("answer 42"), std::string::npos) << metrics->body;
  EXPECT_NE(metrics->get_header_value("Content-Type").find("version=0.0.4"), std::string::npos);

  const auto none = get(port, "/nothing");
  ASSERT_TRUE(none);
  EXPECT_EQ(none->status, 404);
}

TEST(Monitor, HandlersCanBeAddedLater) {
  auto monitor = Monitor::start("127.0.0.1", 0, {}).value();
  EXPECT_EQ(get(*monitor, "/links")->status, 404);
  monitor->add_get("/links", [](const HttpRequest& request) {
    return HttpReply{201, request.path + " " + request.query.at("id"), "text/x-links"};
  });
  const auto reply = get(*monitor, "/links?id=7&id=8&more");
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->status, 201);
  EXPECT_EQ(reply->body, "/links 7");
  EXPECT_EQ(get(*monitor, "/health")->body, "ok");  // No probe: well.
  EXPECT_EQ(get(*monitor, "/metrics")->status, 200);
}

// Clients that connect and keep silent must not be able to hold up a probe for ever.
TEST(Monitor, SilentClientsDoNotBlockProbes) {
  auto monitor = Monitor::start("127.0.0.1", 0, {}).value();
  const auto address = numeric_address({"127.0.0.1", monitor->port()});
  std::vector<int> silent;
  for (int i = 0; i < 4; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(connect(fd, address->get(), address->length), 0);
    silent.push_back(fd);
  }
  httplib::Client client("127.0.0.1", monitor->port());
  client.set_read_timeout(20);
  const auto health = client.Get("/health");
  ASSERT_TRUE(health);
  EXPECT_EQ(health->status, 200);
  for (const int fd : silent) close(fd);
}

TEST(Monitor, ATakenPortIsAnError) {
  auto first = Monitor::start("127.0.0.1", 0, {});
  ASSERT_TRUE(first);
  const auto second = Monitor::start("127.0.0.1", (*first)->port(), {});
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos) << second.error().message;
  EXPECT_NE(second.error().message.find(std::to_string((*first)->port())), std::string::npos);

  // Also when the other one would share it.
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ASSERT_EQ(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on), 0);
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  socklen_t length = sizeof any;
  ASSERT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&any), &length), 0);
  EXPECT_FALSE(Monitor::start("127.0.0.1", ntohs(any.sin_port), {}));
  close(fd);
}

TEST(Monitor, AWrongAddressIsAnError) {
  const auto monitor = Monitor::start("203.0.113.1", 0, {});
  ASSERT_FALSE(monitor);
  EXPECT_NE(monitor.error().message.find("203.0.113.1"), std::string::npos);
}

TEST(Monitor, StopFreesThePortAndEndsHandlers) {
  auto monitor = Monitor::start("127.0.0.1", 0, {}).value();
  const std::uint16_t port = monitor->port();
  EXPECT_TRUE(get(*monitor, "/health"));
  monitor->stop();
  EXPECT_FALSE(get(*monitor, "/health"));
  monitor->stop();
  EXPECT_TRUE(Monitor::start("127.0.0.1", port, {}));
}

}  // namespace
}  // namespace ringgate
