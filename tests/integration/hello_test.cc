// services/examples/hello as a stranger would use it: behind a real gateway, with real sessions.
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>

#include "tests/integration/raw_service.h"
#include "tests/services/store/redis/server.h"

namespace ringgate::test {
namespace {

// Or one that was built elsewhere, with what is installed (tests/scripts/kit_test.py).
std::string hello_binary() {
  const char* other = std::getenv("RINGGATE_TEST_HELLO");
  return other != nullptr ? other : RINGGATE_HELLO_BINARY;
}

std::vector<std::string> hello_words(const World& world, const Settings& settings) {
  return {hello_binary(), "-c", world.config("hello", "hello01", settings)};
}

struct HelloBench {
  World world;
  RedisServer redis;
  Settings settings{{"RedisAddrs", "127.0.0.1:" + std::to_string(redis.port())}};
  Server login{world, "login", "login01", settings};
  ProcessUnderTest hello{hello_words(world, settings)};
  Server gateway{world, "gateway", "g1", {{"Routes", "{hello: hello}"}}};
};

TEST(Hello, AnswersAndPushes) {
  HelloBench bench;
  bench.gateway.wait_metric_is("ringgate_links", 2);  // login and hello
  Client alice = log_in(bench.gateway, "alice");
  Client bob = log_in(bench.gateway, "bob");

  alice.send(packet(header("hello.say", 2)));
  const Event said = alice.next();
  EXPECT_TRUE(said.is_answer(2)) << said;
  EXPECT_EQ(said.body, "hello alice");

  alice.send(packet(header("hello.wave", 3, "bob")));
  EXPECT_TRUE(alice.next().is_answer(3));
  const Event waved = bob.next();
  EXPECT_EQ(waved.header.flag(), pkt::Push);
  EXPECT_EQ(waved.parse<pkt::MessagePush>().body(), "hello from alice");

  bench.redis.ask({"DEL", "ringgate:data:new"});  // else nobody can be said to be offline yet
  wait_until("nobody is online", [&] {
    alice.send(packet(header("hello.wave", 4, "nobody")));
    return alice.next().is_answer(4, pkt::NoDestination);
  });
  alice.send(packet(header("hello.unheard.of", 5)));
  EXPECT_TRUE(alice.next().is_answer(5, pkt::NotImplemented));

  bench.hello.signal(SIGTERM);
  EXPECT_EQ(bench.hello.wait_exit(), 0);
}

TEST(Hello, SaysHowItIsStarted) {
  ProcessUnderTest hello({hello_binary()});
  EXPECT_EQ(hello.wait_exit(), 2);
  EXPECT_EQ(hello.whole_output(), "hello: usage: hello -c FILE\n");
}

}  // namespace
}  // namespace ringgate::test
