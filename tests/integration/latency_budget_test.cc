// Messages that gather (LatencyBudget): everybody is answered, and it can be seen and turned off.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <utility>

#include "dataplane/ring.h"
#include "tests/dataplane/ring_under_test.h"
#include "tests/integration/raw_service.h"
#include "tests/integration/world.h"

namespace ringgate::test {
namespace {

using namespace std::chrono_literals;

// A client that sends this again and again and waits for nothing, until this goes.
class Sending {
 public:
  explicit Sending(Client& client, std::string bytes = ping())
      : client_(client), bytes_(std::move(bytes)), thread_([this] { run(); }) {}
  ~Sending() { stop(); }
  Sending(const Sending&) = delete;
  Sending& operator=(const Sending&) = delete;
  [[nodiscard]] int sent() const { return sent_; }
  int stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
    return sent_;
  }

 private:
  void run() {
    while (!stop_) {
      client_.send(bytes_);
      ++sent_;
      std::this_thread::sleep_for(200us);
    }
  }

  Client& client_;
  const std::string bytes_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> sent_ = 0;
  std::thread thread_;
};

bool gathers() {
  return ring_under_test() == RingKind::kIoUring && ring_gathers(RingKind::kIoUring);
}

TEST(LatencyBudget, MessagesGatherAndAllAreAnsweredUntilItIsTakenAway) {
  if (!gathers()) GTEST_SKIP() << "no io_uring of Linux 6.12";
  constexpr const char* kMetric = "ringgate_gathered_waits_total";
  Settings settings{{"LatencyBudget", "1ms"}};
  Bench bench{settings};
  Client alice = bench.log_in("alice");
  int pings = 0;
  {
    Sending pinging(alice);
    bench.gateway.wait_metric(kMetric, 10);
    pings = pinging.stop();
  }
  for (int i = 0; i < pings; ++i) ASSERT_EQ(alice.next().kind, Event::Kind::kPong);
  settings["LatencyBudget"] = "0";
  settings["MonitorPort"] = std::to_string(bench.gateway.monitor());  // as it was given
  bench.world.config("gateway", "g1", settings);
  bench.gateway.process().signal(SIGHUP);
  bench.gateway.process().wait_for_line("SIGHUP: LatencyBudget changed");
  Sending pinging(alice);
  double before = -1;
  int sent = 0;
  wait_until("no wait gathers while hundreds of pings come", [&] {
    if (pinging.sent() < sent + 500) return false;
    sent = pinging.sent();
    const double waits = bench.gateway.metric(kMetric);
    return std::exchange(before, waits) == waits;
  });
  pings = pinging.stop();
  for (int i = 0; i < pings; ++i) ASSERT_EQ(alice.next().kind, Event::Kind::kPong);
}

// What comes over links gathers for a third of the budget.
TEST(LatencyBudget, RequestsGatherAtAServiceToo) {
  if (!gathers()) GTEST_SKIP() << "no io_uring of Linux 6.12";
  World world;
  Server chat(world, "chat", "chat01", {{"MemorySessions", "true"}, {"LatencyBudget", "1ms"}});
  const Server gateway(world, "gateway", "g1", {{"Routes", "{login: chat}"}});
  Client alice = log_in(gateway, "alice");
  const std::string few = talk("nobody", "hello", 2) + talk("nobody", "hello", 3);
  Sending talking(alice, few);
  chat.wait_metric("ringgate_gathered_waits_total", 10);
  for (int i = 0, sent = talking.stop() * 2; i < sent; ++i) {
    ASSERT_EQ(alice.next().kind, Event::Kind::kLogic);
  }
}

TEST(LatencyBudget, WhereItHasNoEffectTheLogSaysSo) {
  World world;
  Server gateway(world, "gateway", "g1", {{"LatencyBudget", "300us"}, {"Ring", "epoll"}});
  gateway.process().wait_for_line("LatencyBudget has no effect: it needs io_uring of Linux 6.12");
}

}  // namespace
}  // namespace ringgate::test
