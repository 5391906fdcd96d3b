// A location says where a live channel is, and nothing else: real processes over a real Redis.
#include <gmock/gmock.h>

#include <csignal>
#include <thread>

#include "services/logic/stall_watch.h"
#include "tests/integration/sessions_world.h"

namespace ringgate::test {
namespace {

struct Sessions : testing::Test, SessionsWorld {};

TEST_F(Sessions, WhoIsConnectedIsReachableAgainAfterALossOfData) {
  const Server gateway(world, "gateway", "g1", gateways());
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  wait_until("a talk arrives", [&] { return reaches(alice, bob); });
  redis.ask({"FLUSHALL"});
  wait_until("alice can talk to bob again", [&] { return reaches(alice, bob); });
  EXPECT_EQ(keys("login:loc:*"), 2);
}

TEST_F(Sessions, WhoIsConnectedIsReachableAgainAfterARestartWithoutData) {
  const Server gateway(world, "gateway", "g1", gateways());
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  redis.stop();
  redis.start();
  wait_until("alice can talk to bob again", [&] { return reaches(alice, bob); });
}

// Whoever says first that he is there has the account in a store that has lost its data: the older
// one must not keep it.
TEST_F(Sessions, OfTwoDevicesTheNewerStaysThroughLossesOfData) {
  const Server first(world, "gateway", "g1", gateways());
  const Server second(world, "gateway", "g2", gateways());
  Client older = log_in(first, "alice");
  redis.ask({"FLUSHALL"});  // so that nobody knows whom to send away
  Client newer = log_in(second, "alice");
  Client bob = log_in(second, "bob");
  for (int i = 0; i < 4; ++i) {
    redis.ask({"FLUSHALL"});
    wait_until("somebody has said where alice is", [&] { return keys("login:loc:alice") == 1; });
  }
  wait_until("a talk arrives", [&] { return reaches(bob, newer); });
  wait_until("the older one is sent away", [&] {
    return older.frames.has_next(10ms) && older.next().header.command() == "login.signin";
  });
  wait_until("the newer one can talk", [&] { return reaches(newer, bob); });
}

TEST_F(Sessions, OfAKilledGatewayNobodyIsOnline) {
  Server gateway(world, "gateway", "g1", gateways());
  const Server other(world, "gateway", "g2", gateways());
  Client alice = log_in(gateway, "alice");
  wait_until("it has said that it lives", [&] { return keys("ringgate:boot:g1,*") == 1; });
  gateway.process().signal(SIGKILL);
  wait_until("nobody believes it", [&] { return keys("ringgate:boot:g1,*") == 0; });
  EXPECT_EQ(keys("ringgate:boot:g2,*"), 1);
  EXPECT_EQ(keys("login:loc:alice"), 1) << "void, and taken away by its time or the next login";
  Client again = log_in(other, "alice");
  Client bob = log_in(other, "bob");
  wait_until("a talk arrives", [&] { return reaches(bob, again); });
}

TEST_F(Sessions, ADrainThatEndsTooEarlyLeavesNobodyOnline) {
  Server gateway(world, "gateway", "g1", gateways({{"DrainTime", "0s"}}));
  std::vector<Client> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(log_in(gateway, "client" + std::to_string(i)));
  wait_until("it has said that it lives", [&] { return keys("ringgate:boot:g1,*") == 1; });
  EXPECT_EQ(exit_of_signals(gateway.process(), SIGTERM), 0);
  EXPECT_GT(keys("login:loc:*"), 0) << "not all were signed out one by one";
  EXPECT_EQ(keys("ringgate:boot:g1,*"), 0) << "all at once";
}

// What it waited for has a name, and "drained" is said only of one that was.
TEST_F(Sessions, ADrainSaysThatSignOutsAreNotConfirmed) {
  Server gateway(world, "gateway", "g1", gateways({{"DrainTime", "200ms"}}));
  Client alice = log_in(gateway, "alice");
  chat.process().signal(SIGSTOP);
  alice.frames.socket().close();
  gateway.wait_metric("ringgate_signouts_total", 1);
  gateway.process().signal(SIGTERM);
  EXPECT_EQ(gateway.process().wait_exit(), 0);
  chat.process().signal(SIGCONT);
  const std::string output = gateway.process().whole_output();
  EXPECT_THAT(output, testing::HasSubstr("forwarded that no login service has confirmed"));
  EXPECT_THAT(output, testing::Not(testing::HasSubstr(" drained")));
}

TEST_F(Sessions, ADrainSaysThatItsLastWordIsNotAnswered) {
  Server gateway(world, "gateway", "g1", gateways());
  wait_until("it has said that it lives", [&] { return keys("ringgate:boot:g1,*") == 1; });
  chat.process().signal(SIGSTOP);
  gateway.process().signal(SIGTERM);
  EXPECT_EQ(gateway.process().wait_exit(), 0);
  chat.process().signal(SIGCONT);
  const std::string output = gateway.process().whole_output();
  EXPECT_THAT(output, testing::HasSubstr("services have not answered that this gateway ends"));
  EXPECT_THAT(output, testing::Not(testing::HasSubstr(" drained")));
}

// Its load balancer has to know before the first client is refused.
TEST_F(Sessions, AGatewayIsNotReadyWhileNoLoginCouldBeKept) {
  const Server gateway(world, "gateway", "g1", gateways());
  wait_until("ready", [&] { return gateway.get("/ready").status == 200; });
  redis.pause();
  wait_until("not ready", [&] {
    const Server::Reply reply = gateway.get("/ready");
    return reply.status == 503 && reply.body.find("logins would fail") != std::string::npos;
  });
  redis.resume();
  wait_until("ready again", [&] { return gateway.get("/ready").status == 200; });
}

TEST_F(Sessions, SignOutsOfAStallAreMadeWhenItIsOver) {
  const Server gateway(world, "gateway", "g1", gateways());
  {
    std::vector<Client> clients;
    for (int i = 0; i < 20; ++i) clients.push_back(log_in(gateway, "client" + std::to_string(i)));
    redis.pause();
  }
  gateway.wait_metric_is("ringgate_channels", 0);
  redis.resume();
  wait_until("nobody is online", [&] { return keys("login:*:*client*") == 0; });
}

// The gateway has answered it with 300 when the service, which stood still, reads it.
TEST_F(Sessions, ALoginThatIsReadAfterAStallTakesNobodysPlace) {
  const Server gateway(world, "gateway", "g1", gateways({{"LoginAnswerTimeout", "300ms"}}));
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  wait_until("a talk arrives", [&] { return reaches(bob, alice); });
  const auto stopped = SteadyClock::now();
  chat.process().freeze();
  FrameSocket late = gateway.connect();
  late.send(login(token("alice")));
  EXPECT_TRUE(late.next().is_answer(1, pkt::SystemException));
  // Nothing of it runs: there is no condition to wait for.
  std::this_thread::sleep_until(stopped + std::chrono::microseconds(StallWatch::kStallUs) + 100ms);
  chat.process().signal(SIGCONT);
  chat.wait_metric_is("ringgate_logins_after_stall_total", 1);
  wait_until("a talk arrives", [&] { return reaches(bob, alice); });
  EXPECT_EQ(keys("login:sn:g1_alice_*"), 1);
}

TEST_F(Sessions, ALoginThatFailedInAStallTakesNobodysPlace) {
  const Server gateway(world, "gateway", "g1", gateways());
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  wait_until("a talk arrives", [&] { return reaches(bob, alice); });
  redis.pause();
  FrameSocket late = gateway.connect();
  late.send(login(token("alice")));
  EXPECT_TRUE(late.next().is_answer(1, pkt::SystemException));
  redis.resume();
  wait_until("a talk arrives", [&] { return reaches(bob, alice); });
  EXPECT_EQ(keys("login:sn:g1_alice_*"), 1);
}

}  // namespace
}  // namespace ringgate::test
