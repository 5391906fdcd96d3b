// Bytes that a client sends without waiting for answers: none is lost, none overtakes another.
#include <gtest/gtest.h>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

constexpr std::size_t kKiB = 1024;

// A login, a ping and a talk at once: the login's answer comes first although the ping could be
// answered at once.
void expect_answers_in_order(ChatBench& bench, FrameSocket& client) {
  const Event request = bench.link.request("login.signin");
  bench.link.respond(request);
  const Event talked = bench.chat_link.request("chat.user.talk");
  EXPECT_EQ(talked.parse<pkt::MessageReq>().body(), "hello");
  bench.chat_link.respond(talked);
  EXPECT_TRUE(client.next().is_answer(1));
  EXPECT_EQ(client.next().kind, Event::Kind::kPong);
  EXPECT_TRUE(client.next().is_answer(2));
}

TEST(Pipeline, LoginPingAndTalkInOneWriteAreAnsweredInOrder) {
  ChatBench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice")) + ping() + talk("bob", "hello", 2));
  expect_answers_in_order(bench, client);
}

TEST(Pipeline, LoginPingAndTalkByteByByteAreAnsweredInOrder) {
  ChatBench bench;
  FrameSocket client = bench.gateway.connect();
  const std::string bytes = login(token("alice")) + ping() + talk("bob", "hello", 2);
  for (const char byte : bytes) client.send(std::string_view(&byte, 1));
  expect_answers_in_order(bench, client);
}

TEST(Pipeline, NothingIsForwardedBeforeTheLoginIsAnswered) {
  ChatBench bench;
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice")) + talk("bob", "too early", 2));
  const Event request = bench.link.request("login.signin");
  // A second client's talk shows that the gateway has gone on meanwhile.
  Client other = bench.log_in("other");
  other.send(talk("bob", "in time", 2));
  EXPECT_EQ(bench.chat_link.request("chat.user.talk").parse<pkt::MessageReq>().body(), "in time");
  bench.link.respond(request);
  EXPECT_EQ(bench.chat_link.request("chat.user.talk").parse<pkt::MessageReq>().body(), "too early");
}

TEST(Pipeline, AMebibyteBeforeTheLoginsAnswerIsAllAnsweredAfterIt) {
  Bench bench{{{"MaxLoginBacklogBytes", "16KiB"}, {"MaxQueuedBytes", "4MiB"}}};
  FrameSocket client = bench.gateway.connect();
  client.send(login(token("alice")));
  const Event request = bench.link.request("login.signin");
  const std::size_t pings = 1024 * kKiB / ping().size();
  std::string bytes;
  for (std::size_t i = 0; i < pings; ++i) bytes += ping();
  // As much as the sockets' buffers hold: the gateway must have stopped reading before the end.
  std::size_t sent = client.socket().write_some(bytes);
  bench.gateway.wait_metric("ringgate_read_paused_total", 1);
  EXPECT_FALSE(client.has_next());
  bench.link.respond(request);
  EXPECT_TRUE(client.next().is_answer(1));
  std::size_t pongs = 0;
  while (pongs < pings) {
    if (sent < bytes.size())
      sent += client.socket().write_some(std::string_view(bytes).substr(sent));
    const Event event = client.next();
    ASSERT_EQ(event.kind, Event::Kind::kPong) << event;
    ++pongs;
  }
  EXPECT_EQ(sent, bytes.size());
}

TEST(Pipeline, OneClientsPacketsArriveInTheOrderSent) {
  ChatBench bench;
  Client client = bench.log_in("alice");
  constexpr std::uint32_t kTalks = 2000;
  std::string bytes;
  for (std::uint32_t i = 0; i < kTalks; ++i) bytes += talk("bob", "x", i + 10);
  client.send(bytes);
  for (std::uint32_t i = 0; i < kTalks; ++i) {
    ASSERT_EQ(bench.chat_link.request("chat.user.talk").header.sequence(), i + 10);
  }
}

TEST(Pipeline, PushesArriveInTheOrderTheLinkCarriedThem) {
  ChatBench bench{{{"Shards", "2"}}};
  auto [alice, bob] = log_in_on_two_shards(bench.gateway, bench.link);
  constexpr int kPushes = 2000;
  for (int i = 0; i < kPushes; ++i) {
    bench.chat_link.push("g1", alice.channel + "," + bob.channel, std::to_string(i));
  }
  for (int i = 0; i < kPushes; ++i) {
    ASSERT_EQ(alice.next().body, std::to_string(i));
    ASSERT_EQ(bob.next().body, std::to_string(i));
  }
}

TEST(Pipeline, WhatPrecedesTheEndOfTheStreamIsForwarded) {
  ChatBench bench;
  Client client = bench.log_in("alice");
  client.send(talk("bob", "last words", 2));
  client.frames.socket().close();
  const Event talked = bench.chat_link.request("chat.user.talk");
  EXPECT_EQ(talked.parse<pkt::MessageReq>().body(), "last words");
  bench.chat_link.respond(talked);
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), client.channel);
}

}  // namespace
}  // namespace ringgate::test
