// Accounts on TCP and on WebSocket through one gateway process: they talk, are pushed to, and throw
// each other out.
#include <gtest/gtest.h>

#include <bit>

#include "tests/integration/ws_client.h"

namespace ringgate::test {
namespace {

void expect_talk(AnyClient& from, AnyClient& to, std::uint32_t sequence) {
  const std::string text = "from " + from.account;
  from.send(talk(to.account, text, sequence));
  const Arrival answer = from.next();
  ASSERT_TRUE(answer.is_answer(sequence)) << answer;
  const Arrival push = to.next();
  ASSERT_EQ(push.kind, Event::Kind::kLogic) << push;
  EXPECT_EQ(push.opcode, Opcode::kBinary);
  EXPECT_EQ(push.header.flag(), pkt::Push);
  EXPECT_EQ(push.header.meta_size(), 0);
  const auto message = push.parse<pkt::MessagePush>();
  EXPECT_EQ(message.body(), text);
  EXPECT_EQ(message.sender(), from.account);
  EXPECT_EQ(message.messageid(), answer.parse<pkt::MessageResp>().messageid());
}

Transport kind_of(std::size_t number) {
  return number % 2 == 0 ? Transport::kTcp : Transport::kWebSocket;
}

class MixedTalk : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(MixedTalk, EverybodyReachesEverybody) {
  const auto& [shards, lanes] = GetParam();
  TalkBench bench{with_ws({{"Shards", shards}, {"Lanes", lanes}})};
  constexpr std::size_t kClients = 12;
  constexpr std::size_t kMostClients = 128;
  const bool sharded = std::string_view(shards) != "1";
  std::vector<AnyClient> clients;
  unsigned shards_of_ws = 0;
  // As many more as it takes until the WebSockets are on two shards: the kernel chooses.
  while (clients.size() < kClients || (sharded && std::has_single_bit(shards_of_ws))) {
    ASSERT_LT(clients.size(), kMostClients) << "all WebSockets are on one shard";
    const Transport kind = kind_of(clients.size());
    clients.push_back(log_in(bench.gateway, "account" + std::to_string(clients.size()), kind));
    if (kind == Transport::kWebSocket) shards_of_ws |= 1U << clients.back().shard();
  }
  EXPECT_EQ(bench.gateway.metric("ringgate_websockets"), clients.size() / 2);
  std::uint32_t sequence = 1;
  for (AnyClient& from : clients) {
    for (AnyClient& to : clients) {
      if (&from != &to) expect_talk(from, to, ++sequence);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(WsTalk, MixedTalk,
                         testing::Combine(testing::Values("1", "3"),
                                          testing::Values("true", "false")),
                         [](const auto& test) {
                           const bool lanes = std::string_view(std::get<1>(test.param)) == "true";
                           return std::string("Shards") + std::get<0>(test.param) +
                                  (lanes ? "Lanes" : "NoLanes");
                         });

class MixedKickOut : public testing::TestWithParam<std::tuple<Transport, Transport>> {};

TEST_P(MixedKickOut, EndsTheOlderSessionAndLeavesTheNewerAlone) {
  const auto [was_on, is_on] = GetParam();
  TalkBench bench{with_ws({{"Shards", "2"}})};
  AnyClient carol = log_in(bench.gateway, "carol", Transport::kWebSocket);
  for (int round = 0; round < 4; ++round) {  // same and different shards
    AnyClient old = log_in(bench.gateway, "alice", was_on);
    AnyClient now = log_in(bench.gateway, "alice", is_on);
    const Arrival kicked = old.next();
    EXPECT_EQ(kicked.header.command(), "login.signin");
    EXPECT_EQ(kicked.header.flag(), pkt::Push);
    EXPECT_EQ(kicked.parse<pkt::KickoutNotify>().channelid(), old.channel);
    expect_closed(old, WsCloseCode::kPolicyViolation, "kicked_out");
    old.socket().close();
    expect_talk(carol, now, 10);
    expect_talk(now, carol, 3);
    now.socket().close();
    bench.gateway.wait_metric_is("ringgate_clients", 1);
    bench.gateway.wait_metric_is("ringgate_signouts_total", round + 1);  // one for two logins
  }
}

INSTANTIATE_TEST_SUITE_P(WsTalk, MixedKickOut,
                         testing::Values(std::tuple(Transport::kTcp, Transport::kWebSocket),
                                         std::tuple(Transport::kWebSocket, Transport::kTcp),
                                         std::tuple(Transport::kWebSocket, Transport::kWebSocket)),
                         [](const auto& test) {
                           return name_of(std::get<0>(test.param)) + "By" +
                                  name_of(std::get<1>(test.param));
                         });

class MixedPush : public testing::TestWithParam<const char*> {};

// Above 1 KiB a push is encoded once for all receivers of a shard, of either kind.
TEST_P(MixedPush, OfAnySizeIsTheSameBytesForReceiversOfBothKinds) {
  ChatBench bench{with_ws({{"Shards", GetParam()}, {"MaxQueuedBytes", "4MiB"}})};
  std::vector<AnyClient> clients;
  std::string channels;
  for (std::size_t i = 0; i < 10; ++i) {
    clients.push_back(log_in(bench.gateway, bench.link, "account" + std::to_string(i), kind_of(i)));
    channels += (i > 0 ? "," : "") + clients.back().channel;
  }
  pkt::Header stripped = header("chat.user.talk", 0);
  stripped.set_flag(pkt::Push);
  const std::size_t around = packet(stripped).size() - kTcpFrameHeadBytes;
  // Packets on both sides of where a frame's head grows, and of where blocks are shared.
  const std::vector<std::size_t> sizes = {around,     125,    126,     1024,   1025,
                                          0xffff - 1, 0xffff, 0x10000, 100'000};
  for (const std::size_t size : sizes) {
    std::string body(size - around, '\0');
    for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 251);
    bench.chat_link.push("g1", channels, body);
    const std::string expected = packet(stripped, body).substr(kTcpFrameHeadBytes);
    ASSERT_EQ(expected.size(), size);
    for (AnyClient& client : clients) {
      ASSERT_TRUE(client.next().payload == expected) << client.account << ", " << size << " bytes";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(WsPush, MixedPush, testing::Values("1", "3"),
                         [](const auto& test) { return std::string("Shards") + test.param; });

TEST(WsPush, ArriveInTheOrderTheLinkCarriedThem) {
  // Room for all of them on their way, however late the other shard gets its turn.
  ChatBench bench{
      with_ws({{"Shards", "2"}, {"MaxQueuedBytes", "4MiB"}, {"MailboxBytes", "16MiB"}})};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  AnyClient bob = log_in(bench.gateway, bench.link, "bob", Transport::kTcp);
  constexpr int kPushes = 2000;
  for (int i = 0; i < kPushes; ++i) {
    // Every third is shared, the others are copied.
    std::string body = std::to_string(i);
    if (i % 3 == 0) body.append(1500, '.');
    bench.chat_link.push("g1", alice.channel + "," + bob.channel, body);
  }
  for (int i = 0; i < kPushes; ++i) {
    for (AnyClient* const client : {&alice, &bob}) {
      const std::string body = client->next().body;
      ASSERT_EQ(body.substr(0, body.find('.')), std::to_string(i));
    }
  }
  EXPECT_EQ(bench.gateway.metric("ringgate_mail_full_total"), 0);
}

TEST(WsPush, ASlowReaderCostsItsOwnConnectionOnly) {
  ChatBench bench{with_ws({{"MaxQueuedBytes", "64KiB"}})};
  AnyClient fast = log_in(bench.gateway, bench.link, "fast", Transport::kWebSocket);
  WsSocket slow(Socket::connect(bench.gateway.ws_port(), 4096));
  EXPECT_EQ(slow.upgrade().status, 101);
  slow.send_packets(login(token("slow")));
  const Event request = bench.link.request("login.signin");
  bench.link.respond(request);
  const std::string channel = request.header.channelid();

  const std::string body(32 * 1024, 'x');
  std::thread service([&] {  // until the gateway has enough of it
    for (int i = 0; i < 2000; ++i) bench.chat_link.push("g1", channel, body);
    bench.chat_link.push("g1", fast.channel, "the end");
  });
  fast.send(ping());
  EXPECT_EQ(fast.next().kind, Event::Kind::kPong);
  EXPECT_EQ(fast.next().body, "the end");
  service.join();
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "slow_consumer"), 1);
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), channel);
  EXPECT_NE(bench.gateway.process().wait_for_line("slow_consumer").find("slow of kim"),
            std::string::npos);
  EXPECT_EQ(bench.gateway.metric("ringgate_links"), 2);
}

TEST(WsEcho, OverTheDevelopmentGatewayComesBack) {
  const Server dev({"--shards", "2"});
  AnyClient alice = log_in(dev, "alice", Transport::kWebSocket);
  AnyClient bob = log_in(dev, "bob", Transport::kTcp);
  const std::string body(5000, 'e');
  alice.send(packet(header("echo.it", 65'535), body));
  const Arrival answer = alice.next();
  EXPECT_TRUE(answer.is_answer(65'535)) << answer;
  EXPECT_TRUE(answer.body == body);
  expect_talk(alice, bob, 0);  // the web SDK's sequences wrap
  expect_talk(bob, alice, 2);
}

// The protocol's answers to what cannot be served, on WebSocket too.
TEST(WsForward, WhatCannotBeServedIsAnsweredAndTheConnectionGoesOn) {
  Bench bench{with_ws()};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  alice.send(talk("bob", "no chat service", 2));
  EXPECT_TRUE(alice.next().is_answer(2, pkt::SystemException));
  alice.send(packet(header("login.signin", 3)));
  EXPECT_TRUE(alice.next().is_answer(3, pkt::InvalidCommand));
  pkt::Header forged = header("chat.user.talk", 4);
  forged.set_flag(pkt::Push);
  alice.send(packet(forged));
  EXPECT_TRUE(alice.next().is_answer(4, pkt::InvalidCommand));
  alice.send(ping());
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
}

TEST(WsForward, AClientsClaimsAboutItselfAreNotBelieved) {
  ChatBench bench{with_ws()};
  AnyClient alice = log_in(bench.gateway, bench.link, "alice", Transport::kWebSocket);
  pkt::Header forged = header("chat.user.talk", 2, "bob");
  forged.set_channelid("g1_bob_1");
  forged.set_status(pkt::Unauthorized);
  add_meta(forged, "account", "bob");
  add_meta(forged, "dest.server", "g2");
  add_meta(forged, "mine", "kept");
  alice.send(packet(forged, "hello"));
  const Event request = bench.chat_link.request("chat.user.talk");
  EXPECT_EQ(request.header.channelid(), alice.channel);
  EXPECT_EQ(request.header.status(), pkt::Success);
  EXPECT_EQ(request.count_meta("account"), 1);
  EXPECT_EQ(request.meta("account"), "alice");
  EXPECT_EQ(request.meta("dest.server"), "g1");
  EXPECT_EQ(request.meta("mine"), "kept");
}

}  // namespace
}  // namespace ringgate::test
