// From services to channels: who gets a push, and what a service can not do to a gateway.
#include <gtest/gtest.h>

#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

TEST(Push, WithoutTheDestMetasReachesItsChannel) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  pkt::Header pushed = header("chat.user.talk", 3, "alice");
  pushed.set_flag(pkt::Push);
  add_meta(pushed, "before", "1");
  add_meta(pushed, "dest.server", "g1");
  add_meta(pushed, "between", "2");
  add_meta(pushed, "dest.channels", alice.channel);
  add_meta(pushed, "after", "3");
  bench.chat_link.send(packet(pushed, "hello"));
  const Event seen = alice.next();
  EXPECT_EQ(seen.body, "hello");
  EXPECT_EQ(seen.header.flag(), pkt::Push);
  EXPECT_EQ(seen.header.dest(), "alice");
  EXPECT_EQ(seen.header.meta_size(), 3);
  EXPECT_EQ(seen.meta("before") + seen.meta("between") + seen.meta("after"), "123");
}

TEST(Push, ThroughAGatewayThatIsNotAddressedIsDropped) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  bench.chat_link.push("g2", alice.channel, "for another gateway");
  bench.chat_link.push("g1", alice.channel, "for this one");
  EXPECT_EQ(alice.next().body, "for this one");
  EXPECT_EQ(bench.gateway.metric("ringgate_push_to_other_gateway_total"), 1);
}

TEST(Push, ToAChannelThatIsGoneIsCounted) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  Client bob = bench.log_in("bob");
  alice.frames.socket().close();
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), alice.channel);
  bench.chat_link.push("g1", alice.channel + ",no channel id," + bob.channel, "hello");
  EXPECT_EQ(bob.next().body, "hello");
  EXPECT_EQ(bench.gateway.metric("ringgate_push_to_gone_channel_total"), 2);
}

TEST(Push, ToAnOlderChannelOfTheSameSlotReachesNobody) {
  ChatBench bench;
  Client old = bench.log_in("alice");
  old.frames.socket().close();
  bench.link.request("login.signout");
  bench.gateway.wait_metric_is("ringgate_clients", 0);
  Client alice = bench.log_in("alice");
  bench.chat_link.push("g1", old.channel, "for the old one");
  bench.chat_link.push("g1", alice.channel, "for the new one");
  EXPECT_EQ(alice.next().body, "for the new one");
}

TEST(Push, WhatMakesNoSenseIsDroppedAndTheLinkStays) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  pkt::Header no_dest = header("chat.user.talk", 0);
  pkt::Header no_channels = no_dest;
  add_meta(no_channels, "dest.server", "g1");
  pkt::Header twice = no_channels;
  add_meta(twice, "dest.channels", alice.channel);
  add_meta(twice, "dest.channels", alice.channel);
  pkt::Header wrong_type = no_channels;
  add_meta(wrong_type, "dest.channels", alice.channel, pkt::int_);
  const std::vector<std::string> senseless = {
      frame(Opcode::kBinary, "garbage"),
      frame(Opcode::kBinary, ""),
      frame(Opcode::kBinary, std::string("\xc3\x11\xa3\x65\0\0\0\x09\0\0\0\0", 12)),
      raw_packet("\x0a\xff\xff"),
      packet(no_dest),
      packet(no_channels),
      packet(twice),
      packet(wrong_type),
  };
  for (const std::string& bytes : senseless) bench.chat_link.send(bytes);
  bench.chat_link.push("g1", alice.channel, "sense");
  EXPECT_EQ(alice.next().body, "sense");
  EXPECT_EQ(bench.gateway.metric("ringgate_link_packet_malformed_total"),
            static_cast<double>(senseless.size()));
  EXPECT_EQ(bench.gateway.metric("ringgate_links"), 2);
}

TEST(Push, ANonCanonicalHeaderIsDeliveredAllTheSame) {
  ChatBench bench;
  Client alice = bench.log_in("alice");
  pkt::Header pushed = header("chat.user.talk", 1);
  pushed.set_flag(pkt::Push);
  add_meta(pushed, "dest.server", "g1");
  add_meta(pushed, "dest.channels", alice.channel);
  bench.chat_link.send(raw_packet(pushed.SerializeAsString() + "\x18\x02\x18\x03", "hello"));
  const Event seen = alice.next();
  EXPECT_EQ(seen.header.sequence(), 3U) << "the last one counts";
  EXPECT_EQ(seen.header.meta_size(), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_pushes_slow_total"), 1);
}

TEST(Push, ToSeveralChannelsOnDifferentShardsReachesAll) {
  ChatBench bench{{{"Shards", "3"}}};
  std::vector<Client> clients;
  std::string channels;
  for (int i = 0; i < 30; ++i) {
    clients.push_back(bench.log_in("account" + std::to_string(i)));
    channels += (i > 0 ? "," : "") + clients.back().channel;
  }
  unsigned shards = 0;
  for (const Client& client : clients) shards |= 1U << client.shard();
  ASSERT_NE(shards & (shards - 1), 0U) << "all on one shard";
  bench.chat_link.push("g1", channels, "to all");
  for (Client& client : clients) EXPECT_EQ(client.next().body, "to all") << client.account;
}

TEST(Push, ALargeBodyToSeveralChannelsArrivesIdentical) {
  ChatBench bench{{{"Shards", "2"}}};
  std::vector<Client> clients;
  std::string channels;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(bench.log_in("account" + std::to_string(i)));
    channels += (i > 0 ? "," : "") + clients.back().channel;
  }
  std::string body(100 * 1024, '\0');
  for (std::size_t i = 0; i < body.size(); ++i) body[i] = static_cast<char>(i * 31 + i / 251);
  bench.chat_link.push("g1", channels, body);
  bench.chat_link.push("g1", channels, "small");
  for (Client& client : clients) {
    EXPECT_TRUE(client.next().body == body) << client.account;
    EXPECT_EQ(client.next().body, "small");
  }
}

TEST(Push, ASlowReaderCostsItsOwnConnectionOnly) {
  ChatBench bench{{{"MaxQueuedBytes", "64KiB"}}};
  Client fast = bench.log_in("fast");
  // Its own small window, so that the kernel does not take what the gateway should queue.
  Client slow{FrameSocket(Socket::connect(bench.gateway.port(), 4096)), "slow", {}};
  slow.send(login(token("slow")));
  const Event request = bench.link.request("login.signin");
  bench.link.respond(request);
  slow.channel = request.header.channelid();

  const std::string body(32 * 1024, 'x');
  std::thread service([&] {  // until the gateway has enough of it
    for (int i = 0; i < 2000; ++i) bench.chat_link.push("g1", slow.channel, body);
    bench.chat_link.push("g1", fast.channel, "the end");
  });
  fast.send(ping());
  EXPECT_EQ(fast.next().kind, Event::Kind::kPong);
  EXPECT_EQ(fast.next().body, "the end");
  service.join();
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "slow_consumer"), 1);
  EXPECT_EQ(bench.link.request("login.signout").header.channelid(), slow.channel);
  EXPECT_NE(bench.gateway.process().wait_for_line("slow_consumer").find("slow of kim"),
            std::string::npos);
  EXPECT_EQ(bench.gateway.metric("ringgate_links"), 2);
}

TEST(Push, ASlowReaderLosesWhatMayBeLostAndIsToldHowMuch) {
  ChatBench bench{{{"MaxQueuedBytes", "64KiB"}, {"SlowConsumer", "{chat: drop_oldest}"}}};
  Client slow{FrameSocket(Socket::connect(bench.gateway.port(), 4096)), "slow", {}};
  slow.send(login(token("slow")));
  const Event request = bench.link.request("login.signin");
  bench.link.respond(request);
  slow.channel = request.header.channelid();
  ASSERT_TRUE(slow.next().is_answer(request.header.sequence()));

  constexpr int kPushes = 1000;
  const std::string end(16 * 1024, 'x');
  for (int i = 0; i < kPushes; ++i) {
    bench.chat_link.push("g1", slow.channel, std::to_string(i) + " " + end);
  }
  bench.gateway.wait_metric_is("ringgate_pushes_in_total", kPushes + 1);  // and the login's answer
  int got = 0;
  int dropped = 0;
  int last = -1;
  while (last < kPushes - 1) {
    const Event push = slow.next();
    ASSERT_EQ(push.kind, Event::Kind::kLogic) << "after " << last;
    const std::string told = push.meta("dropped");
    const int missing = told.empty() ? 0 : std::stoi(told);
    const int number = std::stoi(push.body);
    EXPECT_EQ(number, last + 1 + missing) << "as many are missing as it is told";
    last = number;
    dropped += missing;
    ++got;
  }
  EXPECT_GT(dropped, 0);
  EXPECT_EQ(got + dropped, kPushes);
  EXPECT_EQ(bench.gateway.metric("ringgate_pushes_dropped_total"), dropped);
  EXPECT_EQ(bench.gateway.metric("ringgate_push_held_bytes"), 0);
  EXPECT_EQ(bench.gateway.metric("ringgate_channels"), 1);
}

// Longer than what may wait between two shards: it crosses all the same.
TEST(Push, OfSeventyMegabytesReachesClientsOnEveryShard) {
  ChatBench bench({{"Shards", "2"}, {"MaxLinkFrame", "80MiB"}, {"MaxLinkQueuedBytes", "160MiB"}});
  auto [alice, bob] = log_in_on_two_shards(bench.gateway, bench.link);
  const std::string body(70 * 1024 * 1024, 'x');
  bench.chat_link.push("g1", alice.channel + "," + bob.channel, body);
  EXPECT_TRUE(alice.next().body == body);
  EXPECT_TRUE(bob.next().body == body);
  EXPECT_EQ(bench.gateway.metric("ringgate_mail_full_total"), 0);
}

}  // namespace
}  // namespace ringgate::test
