// services/examples/python behind a real gateway that finds it at Consul: a logic service needs no
// code of ours.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/integration/consul_world.h"

namespace ringgate::test {
namespace {

const std::string kSource = RINGGATE_SOURCE;

// With the schema beside it, as its text says.
class PythonHello {
 public:
  explicit PythonHello(const ConsulAgent& agent)
      : schema_(ProcessUnderTest({RINGGATE_PROTOC, "--python_out=" + folder_.path().string(), "-I",
                                  kSource + "/codec", "pkt.proto"})
                    .wait_exit()),
        process({"/usr/bin/env", "PYTHONPATH=" + folder_.path().string(),
                 "PYTHONDONTWRITEBYTECODE=1", "/usr/bin/python3",
                 kSource + "/services/examples/python/hello.py", "--port", "0", "--consul",
                 agent.url()}) {
    EXPECT_EQ(schema_, 0);
  }

 private:
  TempDir folder_;
  int schema_;

 public:
  ProcessUnderTest process;
};

TEST(PythonService, AnswersAndPushesBehindTheGateway) {
  const ConsulWorld world;
  const auto login = world.start("login", "login01");
  PythonHello hello(world.agent);
  const auto gateway = world.start("gateway", "g1", {{"Routes", "{hello: hello}"}});
  wait_until_up(*gateway, {"login01", "hello01"});
  Client alice = log_in(*gateway, "alice");
  Client bob = log_in(*gateway, "bob");

  alice.send(packet(header("hello.say", 2)));
  const Event said = alice.next();
  EXPECT_TRUE(said.is_answer(2)) << said;
  EXPECT_EQ(said.body, "hello alice");

  bob.send(packet(header("hello.wave", 7)));
  EXPECT_TRUE(bob.next().is_answer(7));
  const Event waved = alice.next();
  EXPECT_EQ(waved.header.flag(), pkt::Push);
  EXPECT_EQ(waved.parse<pkt::MessagePush>().body(), "hello from bob");

  bob.send(packet(header("hello.unheard.of", 8)));
  EXPECT_TRUE(bob.next().is_answer(8, pkt::NotImplemented));

  hello.process.signal(SIGTERM);
  EXPECT_EQ(hello.process.wait_exit(), 0) << hello.process.whole_output();
  EXPECT_FALSE(world.agent.has("hello01"));
}

}  // namespace
}  // namespace ringgate::test
