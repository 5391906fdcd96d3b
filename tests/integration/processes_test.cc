// The whole of it as a person runs it: processes, Redis, the terminal client.
#include <gmock/gmock.h>

#include <csignal>

#include "tests/common/free_port.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;

std::vector<std::string> client_words(const Server& gateway, const std::string& account) {
  return ProcessUnderTest::ringgate({"client", "--tcp",
                                     "127.0.0.1:" + std::to_string(gateway.port()), "--account",
                                     account, "--secret", gateway.secret()});
}

// printf 'ping\ntalk bob hello\nquit\n' | ringgate client … --account alice, with bob listening.
void expect_a_talk_between_terminals(const Server& gateway) {
  ProcessUnderTest bob(client_words(gateway, "bob"));
  bob.wait_for_line("logged in as bob");
  ProcessUnderTest alice(client_words(gateway, "alice"));
  alice.write("ping\ntalk bob hello\nquit\n");
  alice.close_stdin();
  EXPECT_EQ(alice.wait_exit(), 0);
  const std::string printed = alice.whole_output();
  EXPECT_THAT(printed, HasSubstr("pong "));
  EXPECT_THAT(printed, ContainsRegex("sent to bob: message id [0-9]+"));
  const std::string id = printed.substr(printed.find("message id ") + 11);
  const std::string received = bob.wait_for_line("from alice: hello");
  EXPECT_THAT(received, HasSubstr("message id " + id.substr(0, id.find(','))));
  bob.write("talk alice back\nquit\n");
  EXPECT_EQ(bob.wait_exit(), 0);
}

TEST(Processes, GatewayLoginAndChatWithRedisCarryATalkBetweenTerminals) {
  const World world;
  const Redis redis(world);
  const Settings logic = {{"RedisAddrs", redis.address()}, {"Shards", "2"}};
  const Server login(world, "login", "login01", logic);
  const Server chat(world, "chat", "chat01", logic);
  const Server gateway(world, "gateway", "gateway01", {{"Shards", "2"}});
  gateway.wait_metric("ringgate_links", 4);
  expect_a_talk_between_terminals(gateway);
}

TEST(Processes, TwoGatewaysReachEachOthersClients) {
  const World world;
  const Redis redis(world);
  const Settings logic = {{"RedisAddrs", redis.address()}};
  const Server login(world, "login", "login01", logic);
  const Server chat(world, "chat", "chat01", logic);
  const Server one(world, "gateway", "gateway01");
  const Server two(world, "gateway", "gateway02");
  for (const Server* const gateway : {&one, &two}) gateway->wait_metric("ringgate_links", 2);
  Client alice = log_in(one, "alice");
  Client bob = log_in(two, "bob");
  alice.send(talk("bob", "across", 2));
  EXPECT_TRUE(alice.next().is_answer(2));
  EXPECT_EQ(bob.next().parse<pkt::MessagePush>().body(), "across");

  Client again = log_in(one, "bob");
  EXPECT_EQ(bob.next().parse<pkt::KickoutNotify>().channelid(), bob.channel);
  EXPECT_EQ(bob.next().payload, "kicked_out");
  alice.send(talk("bob", "moved", 3));
  EXPECT_TRUE(alice.next().is_answer(3));
  EXPECT_EQ(again.next().parse<pkt::MessagePush>().body(), "moved");
}

TEST(Processes, ChatRestartedFindsTheSessionsInRedis) {
  const World world;
  const Redis redis(world);
  const Settings logic = {{"RedisAddrs", redis.address()}};
  const Server login(world, "login", "login01", logic);
  auto chat = std::make_unique<Server>(world, "chat", "chat01", logic);
  const Server gateway(world, "gateway", "gateway01");
  gateway.wait_metric("ringgate_links", 2);
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  chat->process().signal(SIGKILL);
  chat->process().wait_exit();
  chat = std::make_unique<Server>(world, "chat", "chat01", logic);  // on another port
  std::uint32_t sequence = 1;
  wait_until("chat is back", [&] {
    alice.send(talk("bob", "hello", ++sequence));
    return alice.next().header.status() == pkt::Success;
  });
  EXPECT_EQ(bob.next().parse<pkt::MessagePush>().body(), "hello");
}

TEST(Processes, RedisDownIsAnswered300) {
  const World world;
  auto redis = std::make_unique<Redis>(world);
  const Settings logic = {{"RedisAddrs", redis->address()}, {"Routes", ""}};
  const Server chat(world, "chat", "chat01", logic);
  const Server gateway(world, "gateway", "gateway01", {{"Routes", "{login: chat}"}});
  Client alice = log_in(gateway, "alice");
  redis.reset();
  alice.send(talk("bob", "hello", 2));
  EXPECT_TRUE(alice.next().is_answer(2, pkt::SystemException));
  FrameSocket bob = gateway.connect();
  bob.send(login(token("bob")));
  EXPECT_TRUE(bob.next().is_answer(1, pkt::SystemException));
}

TEST(Dev, CarriesATalkBetweenTerminals) {
  Server dev({});
  EXPECT_THAT(dev.process().output(), HasSubstr("DEVELOPMENT MODE"));
  expect_a_talk_between_terminals(dev);
  EXPECT_EQ(dev.get("/ready").status, 200);
}

TEST(Dev, ServesTheClientsDefaultsAndEcho) {
  const Server dev({"--shards", "2"});
  ProcessUnderTest client(ProcessUnderTest::ringgate(
      {"client", "--tcp", "127.0.0.1:" + std::to_string(dev.port()), "--account", "carol"}));
  client.write("echo over and back\nnonsense\nquit\n");
  client.wait_for_line("echo: over and back");
  client.wait_for_line("nonsense: no such command");
}

// More than a chat lets wait.
TEST(Client, ManyPipedTalksAreAllAnswered) {
  const Server dev({});
  ProcessUnderTest client(ProcessUnderTest::ringgate(
      {"client", "--tcp", "127.0.0.1:" + std::to_string(dev.port()), "--account", "carol"}));
  constexpr int kTalks = 300;
  std::string lines;
  for (int i = 0; i < kTalks; ++i) lines += "talk bob " + std::to_string(i) + "\n";
  client.write(lines + "quit\n");
  EXPECT_EQ(client.wait_exit(), 0) << client.output();
  const std::string said = client.whole_output();
  std::size_t sent = 0;
  for (std::size_t at = 0; (at = said.find("sent to bob", at)) != std::string::npos; ++at) ++sent;
  EXPECT_EQ(sent, std::size_t{kTalks});
}

TEST(Client, ARefusedLoginIsASentenceAndCode1) {
  const Server dev({});
  ProcessUnderTest client(
      ProcessUnderTest::ringgate({"client", "--tcp", "127.0.0.1:" + std::to_string(dev.port()),
                                  "--account", "carol", "--secret", "another secret"}));
  EXPECT_EQ(client.wait_exit(), 1);
  EXPECT_THAT(client.whole_output(), HasSubstr("the login failed: the token was refused"));
}

TEST(Client, AnOutputThatCannotBeWrittenIsASentenceAndCode1) {
  const Server dev({});
  ProcessUnderTest client(
      ProcessUnderTest::ringgate(
          {"client", "--tcp", "127.0.0.1:" + std::to_string(dev.port()), "--account", "carol"}),
      {.out = Sink::kFullDisk});
  client.write("ping\n");
  EXPECT_EQ(client.wait_exit(), 1);
  EXPECT_THAT(client.whole_output(), HasSubstr("the output cannot be written: No space left"));
}

TEST(Client, NobodyThereIsASentenceAndCode1) {
  const std::string port = std::to_string(free_port());
  ProcessUnderTest client(
      ProcessUnderTest::ringgate({"client", "--tcp", "127.0.0.1:" + port, "--account", "carol"}));
  EXPECT_EQ(client.wait_exit(), 1);
  EXPECT_THAT(client.whole_output(), HasSubstr(port));
}

TEST(Token, ThatTheToolPrintsLogsIn) {
  const Server dev({});
  ProcessUnderTest tool(ProcessUnderTest::ringgate(
      {"token", "--account", "dave", "--secret", dev.secret(), "--ttl", "1h"}));
  EXPECT_EQ(tool.wait_exit(), 0);
  std::string printed = tool.whole_output();
  printed.erase(printed.find_last_not_of('\n') + 1);
  FrameSocket client = dev.connect();
  client.send(login(printed));
  EXPECT_EQ(client.next().parse<pkt::LoginResp>().account(), "dave");
}

}  // namespace
}  // namespace ringgate::test
