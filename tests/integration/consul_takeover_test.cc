// --takeover where processes meet at Consul: its entry of the id is there all the while.
#include <gmock/gmock.h>
#include <simdjson.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "tests/common/free_port.h"
#include "tests/integration/consul_world.h"

namespace ringgate::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// Looks all the while at what others get from Consul.
class Onlooker {
 public:
  Onlooker(const ConsulWorld& world, std::string name)
      : world_(world), name_(std::move(name)), looking_([this](const std::stop_token& over) {
          while (!over.stop_requested()) look();
        }) {}
  void wait_for_looks(int more) const {
    const int until = looks_ + more;
    wait_until("looks", [&] { return looks_ >= until; });
  }
  // Every list that came, once where it did not change.
  std::vector<std::string> stop() {
    looking_.request_stop();
    looking_.join();
    return seen_;
  }

 private:
  void look() {
    std::string passing = world_.passing(name_);
    if (seen_.empty() || seen_.back() != passing) seen_.push_back(std::move(passing));
    ++looks_;
  }

  const ConsulWorld& world_;
  const std::string name_;
  std::vector<std::string> seen_;  // the thread's, until it has ended
  std::atomic<int> looks_ = 0;
  std::jthread looking_;
};

class ConsulTakeover : public testing::Test {
 protected:
  void SetUp() override {
    wait_until("login passes", [&] { return world_.passing("login") == "login01"; });
  }
  std::unique_ptr<Server> start(const std::string& id, const std::vector<std::string>& flags = {}) {
    auto gateway =
        std::make_unique<Server>(world_.files, "gateway", id, settings_, Streams{}, flags);
    wait_until_up(*gateway, {"login01"});
    return gateway;
  }
  [[nodiscard]] std::string started(const std::string& id) const {
    simdjson::dom::parser parser;
    std::string_view text;
    const std::string entry = world_.agent.get("/v1/agent/service/" + id).body;
    const bool is_there =
        parser.parse(entry).at_pointer("/Meta/started").get(text) == simdjson::SUCCESS;
    return is_there ? std::string(text) : std::string();
  }
  // What the agent's own check of it said last.
  [[nodiscard]] std::string check_of(const std::string& id) const {
    simdjson::dom::parser parser;
    std::string_view text;
    const std::string checks = world_.agent.get("/v1/agent/checks").body;
    const auto found = parser.parse(checks).at_pointer("/" + id + "_normal/Output").get(text);
    return found == simdjson::SUCCESS ? std::string(text) : std::string();
  }

  ConsulWorld world_;
  std::unique_ptr<Server> login_ = world_.start("login", "login01");
  const Settings settings_ = world_.settings(
      "gateway", {{"Listen", R"(["127.0.0.1:)" + std::to_string(free_port()) +
                                 R"(", "ws://127.0.0.1:)" + std::to_string(free_port()) + "/\"]"},
                  {"Depends", "[login]"}});
};

TEST_F(ConsulTakeover, OfTheSameIdKeepsTheEntryAndItsCheck) {
  const auto old = start("gateway01");
  wait_until("it passes", [&] {
    return world_.passing("tgateway") == "gateway01" &&
           world_.passing("wgateway") == "gateway01-ws";
  });
  const std::string old_started = started("gateway01");
  Client alice = log_in(*old, "alice");
  Onlooker tcp(world_, "tgateway");
  Onlooker ws(world_, "wgateway");
  tcp.wait_for_looks(10);
  const auto fresh = start("gateway01", {"--takeover"});
  wait_until("the entries are the new one's", [&] {
    return started("gateway01") != old_started && started("gateway01-ws") != old_started;
  });
  EXPECT_TRUE(sends_away(alice.next()));
  alice.frames.socket().close();
  EXPECT_EQ(old->process().wait_exit(), 0);
  log_in(*fresh, "bob");

  // The old one took nothing with it, and Consul has asked the new one, however often both look.
  const std::string fresh_started = started("gateway01");
  wait_until("the agent's own look", [&] { return !check_of("gateway01").empty(); });
  EXPECT_THAT(check_of("gateway01"), HasSubstr("200 OK"));
  tcp.wait_for_looks(50);
  ws.wait_for_looks(50);
  EXPECT_EQ(started("gateway01"), fresh_started);
  EXPECT_THAT(tcp.stop(), testing::ElementsAre("gateway01"));
  EXPECT_THAT(ws.stop(), testing::ElementsAre("gateway01-ws"));
  EXPECT_THAT(old->process().output(), Not(HasSubstr("ServiceIDs are unique")));
  EXPECT_THAT(fresh->process().output(), Not(HasSubstr("ServiceIDs are unique")));
  // What ends is the new one's entry, with the new one.
  fresh->process().signal(SIGTERM);
  EXPECT_EQ(fresh->process().wait_exit(), 0);
  EXPECT_FALSE(world_.agent.has("gateway01"));
  EXPECT_FALSE(world_.agent.has("gateway01-ws"));
}

TEST_F(ConsulTakeover, OfAnotherIdComesBeforeTheOldOneGoes) {
  const auto old = start("gateway01");
  wait_until("it is registered", [&] { return world_.agent.has("gateway01"); });
  std::atomic<bool> was_none = false;
  std::jthread onlooker([&](const std::stop_token& over) {
    // In that order: one that is not there any more has been followed by the other.
    while (!over.stop_requested()) {
      if (!world_.agent.has("gateway01") && !world_.agent.has("gateway02")) was_none = true;
    }
  });
  const auto fresh = start("gateway02", {"--takeover"});
  wait_until("only the new one", [&] { return world_.passing("tgateway") == "gateway02"; });
  EXPECT_EQ(old->process().wait_exit(), 0);
  EXPECT_FALSE(was_none);
  EXPECT_FALSE(world_.agent.has("gateway01-ws"));
  EXPECT_TRUE(world_.agent.has("gateway02-ws"));
}

}  // namespace
}  // namespace ringgate::test
