// Links as other implementations have them: their services behind our gateway, their gateways in
// front of our services.
#include <gmock/gmock.h>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

// --- Their services
// -------------------------------------------------------------------------------

TEST(ForeignService, GetsOneLinkPerGatewayProcessHoweverManyShards) {
  ChatBench bench{{{"Shards", "3"}}};
  EXPECT_EQ(bench.chat_link.handshake_bytes(), "\x0a\x02g1") << "ServiceId and nothing else";
  auto [alice, bob] = log_in_on_two_shards(bench.gateway, bench.link);
  alice.send(talk("x", "from alice", 5));
  EXPECT_EQ(bench.chat_link.request("chat.user.talk").header.channelid(), alice.channel);
  bob.send(talk("x", "from bob", 6));
  const Event from_bob = bench.chat_link.request("chat.user.talk");
  EXPECT_EQ(from_bob.header.channelid(), bob.channel);
  bench.chat_link.respond(from_bob, "answer");
  EXPECT_EQ(bob.next().body, "answer");
  EXPECT_FALSE(bench.chat.listener().somebody_waits());
  EXPECT_FALSE(bench.login.listener().somebody_waits());
}

TEST(ForeignService, GetsOneLinkAlsoWhenTheGatewayTakesNoLanes) {
  const World world;
  RawService chat(world, "chat01", "chat", {{"lanes", "1"}});
  RawService login(world, "login01", "login");
  const Server gateway(world, "gateway", "g1", {{"Shards", "2"}, {"Lanes", "false"}});
  const Link chat_link = chat.accept();
  EXPECT_EQ(chat_link.handshake_bytes(), "\x0a\x02g1");
  Link login_link = login.accept();
  log_in(gateway, login_link, "alice");
  EXPECT_FALSE(chat.listener().somebody_waits());
}

TEST(ForeignService, HeartbeatsComeAsPingFrames) {
  Bench bench{{{"LinkHeartbeat", "50ms"}}};
  const Event event = bench.link.frames().next();
  EXPECT_EQ(event.opcode, Opcode::kPing);
  bench.link.send(frame(Opcode::kPong, ""));  // an empty pong is as good as an echo
  EXPECT_EQ(bench.link.frames().next().opcode, Opcode::kPing);
}

TEST(ForeignService, ThatSaysNothingIsDialledAgain) {
  Bench bench{{{"LinkHeartbeat", "100ms"}, {"LinkReadTimeout", "300ms"}}};
  Link again = bench.login.accept();
  EXPECT_EQ(again.handshake().serviceid(), "g1");
}

// As one that speaks TLS does, where its registration does not say so.
TEST(ForeignService, ThatEndsEachLinkAtOnceIsToldOnceAndDialledOn) {
  const World world;
  RawService chat(world, "chat01", "chat");
  Server gateway(world, "gateway", "g1", {{"RedialMin", "10ms"}, {"RedialMax", "50ms"}});
  constexpr int kLinks = 20;
  for (int i = 0; i < kLinks; ++i) {
    Link link = chat.accept();
    EXPECT_EQ(link.handshake().serviceid(), "g1");
    link.send(std::string_view("\x15\x03\x03\0\x02\x02\x28", 7));  // an alert
  }
  gateway.process().wait_for_line("tls=1");
  const std::string output = gateway.process().output();
  EXPECT_THAT(output, testing::HasSubstr("is down as soon as it was up: bad_frame"));
  // Once; and again if the machine was so busy that a link lasted a second.
  const auto told = [&output](std::string_view line) {
    int times = 0;
    for (std::size_t at = output.find(line); at != output.npos; at = output.find(line, at + 1)) {
      ++times;
    }
    return times;
  };
  EXPECT_LT(told("is down"), kLinks / 2);
  EXPECT_LT(told("(chat) is up"), kLinks / 2);
}

TEST(ForeignService, ThatEndsTheLinkIsDialledAgainAndServesOn) {
  Bench bench;
  Client alice = bench.log_in("alice");
  bench.link.frames().socket().close();
  bench.link = bench.login.accept();
  bench.gateway.wait_metric("ringgate_links", 1);
  bench.log_in("bob");
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong) << "clients stay";
}

// --- Lanes
// ----------------------------------------------------------------------------------------

struct LaneBench {
  explicit LaneBench()
      : chat(world, "chat01", "chat", {{"lanes", "1"}}),
        login(world, "login", "login01", {{"MemorySessions", "true"}}),
        gateway(world, "gateway", "g1", {{"Shards", "2"}}) {
    for (int i = 0; i < 2; ++i) {
      Link link = chat.accept();
      const std::uint32_t lane = link.handshake().lane();
      lanes.emplace(lane, std::move(link));
    }
    gateway.wait_metric("ringgate_links", 4);  // two to each service
  }

  World world;
  RawService chat;
  Server login;
  Server gateway;
  std::map<std::uint32_t, Link> lanes;
};

TEST(Lanes, OneLinkPerShardNumberedAndOfTheSameId) {
  LaneBench bench;
  ASSERT_EQ(bench.lanes.size(), 2U) << "two different lanes";
  for (auto& [lane, link] : bench.lanes) {
    EXPECT_LT(lane, 2U);
    EXPECT_EQ(link.handshake().serviceid(), "g1");
  }
  log_in(bench.gateway, "alice");
  EXPECT_FALSE(bench.chat.listener().somebody_waits());
}

TEST(Lanes, RequestsTakeTheirShardsLaneAndPushesComeOnAny) {
  LaneBench bench;
  auto [alice, bob] = log_in_on_two_shards(bench.gateway);
  for (Client* const client : {&alice, &bob}) {
    client->send(talk("x", "hello", 2));
    Link& own = bench.lanes.at(client->shard());
    const Event request = own.request("chat.user.talk");
    EXPECT_EQ(request.header.channelid(), client->channel);
    own.respond(request, "answer");
    EXPECT_EQ(client->next().body, "answer");
  }
  for (auto& [lane, link] : bench.lanes) {
    link.push("g1", alice.channel + "," + bob.channel, "on " + std::to_string(lane));
    EXPECT_EQ(alice.next().body, "on " + std::to_string(lane));
    EXPECT_EQ(bob.next().body, "on " + std::to_string(lane));
  }
}

TEST(Lanes, ABrokenLaneIsAnswered300AndDialledAgainAlone) {
  LaneBench bench;
  auto [alice, bob] = log_in_on_two_shards(bench.gateway);
  alice.send(talk("x", "hello", 9));
  bench.lanes.at(alice.shard()).request("chat.user.talk");
  bench.lanes.at(alice.shard()).frames().socket().close();
  EXPECT_TRUE(alice.next().is_answer(9, pkt::SystemException));
  Link again = bench.chat.accept();
  EXPECT_EQ(again.handshake().lane(), alice.shard());
  bob.send(talk("x", "unaffected", 3));
  Link& other = bench.lanes.at(bob.shard());
  other.respond(other.request("chat.user.talk"));
  EXPECT_TRUE(bob.next().is_answer(3));
}

// --- Their gateways
// -------------------------------------------------------------------------------

Settings in_memory() {
  return {{"MemorySessions", "true"}, {"LoginWait", "300ms"}};
}

TEST(ForeignGatewayLink, SignsInAndTalksToAnAccountOnAnotherGateway) {
  const World world;
  const Server chat(world, "chat", "chat01", in_memory());
  ForeignGateway one(chat, "gate_1");
  ForeignGateway two(chat, "gate_2");
  one.sign_in("gate_1_alice_1", "alice", 3);
  const Event signed_in = one.next();
  ASSERT_TRUE(signed_in.is_answer(3)) << signed_in;
  EXPECT_EQ(signed_in.meta("dest.server"), "gate_1");
  EXPECT_EQ(signed_in.meta("dest.channels"), "gate_1_alice_1");
  EXPECT_EQ(signed_in.parse<pkt::LoginResp>().channelid(), "gate_1_alice_1");
  EXPECT_EQ(signed_in.parse<pkt::LoginResp>().account(), "alice");
  two.sign_in("gate_2_bob_1", "bob", 4);
  EXPECT_TRUE(two.next().is_answer(4));

  pkt::MessageReq message;
  message.set_type(1);
  message.set_body("hello");
  message.set_extra("more");
  one.send("gate_1_alice_1", "alice", header("chat.user.talk", 8, "bob"),
           message.SerializeAsString());
  const Event pushed = two.next();
  EXPECT_EQ(pushed.header.flag(), pkt::Push);
  EXPECT_EQ(pushed.meta("dest.server"), "gate_2");
  EXPECT_EQ(pushed.meta("dest.channels"), "gate_2_bob_1");
  EXPECT_EQ(pushed.count_meta("dest.server"), 1);
  EXPECT_EQ(pushed.count_meta("dest.channels"), 1);
  const Event answer = one.next();
  ASSERT_TRUE(answer.is_answer(8)) << answer;
  const auto push = pushed.parse<pkt::MessagePush>();
  const auto sent = answer.parse<pkt::MessageResp>();
  EXPECT_EQ(push.messageid(), sent.messageid());
  EXPECT_EQ(push.sendtime(), sent.sendtime());
  EXPECT_GT(sent.messageid(), 10'000);
  EXPECT_EQ(push.body() + push.extra() + push.sender(), "hellomorealice");
}

TEST(ForeignGatewayLink, TheLinksIdIsTrustedOverTheMeta) {
  const World world;
  const Server chat(world, "chat", "chat01", in_memory());
  ForeignGateway one(chat, "gate_1");
  pkt::Session session;
  session.set_channelid("gate_1_alice_1");
  session.set_gateid("gate_9");
  session.set_account("alice");
  pkt::Header request = header("login.signin", 3);
  request.set_channelid("gate_1_alice_1");
  add_meta(request, "dest.server", "gate_9");
  one.link().send(packet(request, session.SerializeAsString()));
  EXPECT_EQ(one.next().meta("dest.server"), "gate_1");
}

TEST(ForeignGatewayLink, ASecondOneOfTheSameIdReplacesTheFirst) {
  const World world;
  const Server chat(world, "chat", "chat01", in_memory());
  ForeignGateway first(chat, "gate_1");
  first.sign_in("gate_1_alice_1", "alice", 1);
  EXPECT_TRUE(first.next().is_answer(1));
  ForeignGateway second(chat, "gate_1");
  EXPECT_EQ(first.link().next().kind, Event::Kind::kEnd);
  second.send("gate_1_alice_1", "alice", header("chat.user.talk", 2, "alice"), {});
  EXPECT_TRUE(second.next().is_answer(2) || second.next().is_answer(2)) << "the push, the answer";
}

TEST(ForeignGatewayLink, PingFramesAreAnsweredAndNonsenseDoesNotEndIt) {
  const World world;
  const Server chat(world, "chat", "chat01", in_memory());
  ForeignGateway one(chat, "gate_1");
  one.link().send(frame(Opcode::kPing, "abc"));
  const Event pong = one.link().next();
  EXPECT_EQ(pong.opcode, Opcode::kPong);
  EXPECT_EQ(pong.payload, "abc");
  one.link().send(frame(Opcode::kBinary, "garbage") + raw_packet("\x0a\xff\xff") +
                  packet(header("chat.user.talk", 1)));
  one.send("gate_1_alice_1", "alice", header("chat.nonsense", 2), {});
  EXPECT_TRUE(one.next().is_answer(2, pkt::NotImplemented));
  one.send("gate_1_alice_1", "alice", header("chat.user.talk", 3, "bob"), {});
  EXPECT_TRUE(one.next().is_answer(3, pkt::SessionNotFound));
}

TEST(ForeignGatewayLink, WithoutAHandshakeItIsClosed) {
  const World world;
  const Server chat(world, "chat", "chat01", in_memory());
  FrameSocket silent = chat.connect();
  FrameSocket wrong = chat.connect();
  wrong.send(frame(Opcode::kBinary, "\x0a\xff\xff"));
  EXPECT_EQ(wrong.next().kind, Event::Kind::kEnd);
  EXPECT_EQ(silent.next().kind, Event::Kind::kEnd) << "after LoginWait";
}

TEST(Links, BeyondMaxLinksAreRefusedCountedAndToldOnce) {
  const World world;
  RawService chat(world, "chat01", "chat");
  Server gateway(world, "gateway", "g1",
                 {{"Shards", "1"}, {"MaxLinks", "1"}, {"RedialMax", "10ms"}});
  const Link first = chat.accept();
  RawService login(world, "login01", "login");
  const std::string line = gateway.process().wait_for_line("no place for the link to login01");
  EXPECT_NE(line.find("MaxLinks"), std::string::npos) << line;
  gateway.wait_metric("ringgate_links_refused_total", 5);
  EXPECT_EQ(gateway.metric("ringgate_links"), 1);
  const Server::Reply ready = gateway.get("/ready");
  EXPECT_EQ(ready.status, 503);
  EXPECT_NE(ready.body.find("login01"), std::string::npos) << ready.body;
  EXPECT_NE(ready.body.find("MaxLinks"), std::string::npos) << ready.body;
  const std::string log = gateway.process().output();
  EXPECT_EQ(log.find("no place for the link"), log.rfind("no place for the link")) << log;
}

}  // namespace
}  // namespace ringgate::test
