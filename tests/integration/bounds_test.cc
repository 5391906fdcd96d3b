// Bounds that keep one client from costing others, and their metrics.
#include <gtest/gtest.h>

#include "codec/growth.h"
#include "control/config/config.h"
#include "tests/integration/raw_service.h"

namespace ringgate::test {
namespace {

// The bound on queued bytes is for readers that are slow, not for answers that are long.
TEST(Bounds, APacketLongerThanTheQueueMayBeIsDeliveredAllTheSame) {
  ChatBench bench{{{"MaxQueuedBytes", "4KiB"}}};
  Client alice = bench.log_in("alice");
  const std::string body(100 * 1024, 'x');
  bench.chat_link.push("g1", alice.channel, body);
  EXPECT_TRUE(alice.next().body == body);
  alice.send(talk("bob", "hello", 2));
  bench.chat_link.respond(bench.chat_link.request("chat.user.talk"), body);
  const Event answer = alice.next();
  EXPECT_TRUE(answer.is_answer(2)) << answer;
  EXPECT_EQ(answer.body.size(), body.size());
}

// Of messages that alice said to herself.
std::string contents_of(const std::vector<std::int64_t>& ids, std::uint32_t sequence) {
  pkt::MessageContentReq asked;
  for (const std::int64_t id : ids) asked.add_message_ids(id);
  return packet(header("chat.offline.content", sequence), asked.SerializeAsString());
}
std::vector<std::int64_t> say_to_herself(Client& alice, const pkt::MessageReq& message, int times) {
  std::vector<std::int64_t> ids;
  for (int i = 0; i < times; ++i) {
    alice.send(packet(header("chat.user.talk", 2, "alice"), message.SerializeAsString()));
    const Event answer = alice.next();
    EXPECT_TRUE(answer.is_answer(2)) << answer;
    ids.push_back(answer.parse<pkt::MessageResp>().messageid());
  }
  return ids;
}

// As much as a client may ask for, of the longest that the bounds' defaults let in. Nobody who
// reads it over a thin line is ended by what is said to him meanwhile.
TEST(Bounds, TwoHundredOfTheLongestContentsArriveAndSoDoesWhatComesBehindThem) {
  const TalkBench bench{{{"Shards", "1"}}};
  // Its own small window, so that the kernel does not take what the gateway should queue.
  Client alice{FrameSocket(Socket::connect(bench.gateway.port(), 64 * 1024)), "alice", {}};
  alice.send(login(token("alice")));
  ASSERT_TRUE(alice.next().is_answer(1));
  Client bob = log_in(bench.gateway, "bob");
  pkt::MessageReq longest;
  longest.set_body(std::string(20'000, 'b'));
  longest.set_extra(std::string(2'000, 'e'));
  const std::vector<std::int64_t> ids = say_to_herself(alice, longest, 200);

  alice.send(contents_of(ids, 3));
  ASSERT_TRUE(alice.frames.socket().readable(kPatience));  // all of it is queued
  for (std::uint32_t i = 2; i < 12; ++i) {
    bob.send(talk("alice", "hello", i));  // its answer is behind the push
    ASSERT_TRUE(bob.next().is_answer(i));
  }
  alice.send(ping());
  const Event answer = alice.next();
  ASSERT_TRUE(answer.is_answer(3)) << answer;
  const auto contents = answer.parse<pkt::MessageContentResp>();
  ASSERT_EQ(contents.contents_size(), 200);
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(contents.contents(i).messageid(), ids[static_cast<std::size_t>(i)]);
    EXPECT_TRUE(contents.contents(i).body() == longest.body());
    EXPECT_TRUE(contents.contents(i).extra() == longest.extra());
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(alice.next().parse<pkt::MessagePush>().body(), "hello");
  }
  EXPECT_EQ(alice.next().kind, Event::Kind::kPong);
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "slow_consumer"), 0);
}

// More of them than MaxQueuedBytes lets in many times over: its own answers end nobody.
TEST(Bounds, SeveralPagesAtOnceArriveOverAThinLineAndSoDoesWhatIsSaidMeanwhile) {
  const TalkBench bench{{{"Shards", "1"}}};
  Client alice{FrameSocket(Socket::connect(bench.gateway.port(), 64 * 1024)), "alice", {}};
  alice.send(login(token("alice")));
  ASSERT_TRUE(alice.next().is_answer(1));
  Client bob = log_in(bench.gateway, "bob");
  pkt::MessageReq longest;
  longest.set_body(std::string(20'000, 'b'));
  const std::vector<std::int64_t> ids = say_to_herself(alice, longest, 50);

  std::string at_once;
  for (std::uint32_t page = 3; page < 11; ++page) at_once += contents_of(ids, page);
  alice.send(at_once);
  bench.gateway.wait_metric_is("ringgate_clients_full_total", 1);
  bob.send(talk("alice", "hello", 2));
  ASSERT_TRUE(bob.next().is_answer(2));
  alice.send(ping());
  std::uint32_t pages = 3;
  bool is_told = false;
  bool has_pong = false;
  while (pages < 11 || !is_told || !has_pong) {
    const Event event = alice.next();
    if (event.kind == Event::Kind::kPong) {
      has_pong = true;
    } else if (event.is_answer(pages)) {
      EXPECT_EQ(event.parse<pkt::MessageContentResp>().contents_size(), 50);
      ++pages;
    } else {
      EXPECT_EQ(event.parse<pkt::MessagePush>().body(), "hello") << event;
      is_told = true;
    }
  }
  EXPECT_EQ(bench.gateway.metric("ringgate_closed_by_reason_total", "slow_consumer"), 0);
}

// Who runs into it is told its name.
TEST(Bounds, OfRequestsThatWaitForAnEarlierOneIsAKeyThatTheAnswerNames) {
  const World world;
  const Server chat(world, "chat", "chat01",
                    {{"MemorySessions", "true"}, {"MaxChannelWaiting", "1"}});
  const Server gateway(world, "gateway", "g1", {{"Routes", "{login: chat}"}});
  Client alice = log_in(gateway, "alice");
  constexpr std::uint32_t kTalks = 20;
  std::string at_once;
  for (std::uint32_t i = 2; i < 2 + kTalks; ++i) {
    at_once += talk("nobody", "hello", i);
  }
  alice.send(at_once);
  std::size_t refused = 0;
  for (std::uint32_t i = 0; i < kTalks; ++i) {
    const Event answer = alice.next();
    if (answer.header.status() == pkt::Success) continue;
    EXPECT_EQ(answer.header.status(), pkt::SystemException);
    EXPECT_NE(answer.parse<pkt::ErrorResp>().message().find("MaxChannelWaiting"),
              std::string::npos);
    ++refused;
  }
  EXPECT_GT(refused, 0U);
  EXPECT_EQ(chat.metric("ringgate_channel_waiting_full_total"), static_cast<double>(refused));
}

// A service with a smaller bound than its gateway says so; a client's largest packet is refused to
// that client and the link, which is everybody's, stays.
TEST(Bounds, APacketLongerThanAServiceTakesIsRefusedToItsSenderAlone) {
  const World world;
  const Server chat(world, "chat", "chat01",
                    {{"MemorySessions", "true"},
                     {"MaxFrame", "4KiB"},
                     {"MaxLinkHeader", "8KiB"},
                     {"MaxLinkFrame", "8KiB"}});
  const Server gateway(world, "gateway", "g1", {{"Routes", "{login: chat}"}});
  Client alice = log_in(gateway, "alice");
  Client bob = log_in(gateway, "bob");
  for (std::uint32_t i = 2; i < 20; ++i) {
    alice.send(talk("nobody", std::string(60 * 1024, 'x'), i));
    EXPECT_TRUE(alice.next().is_answer(i, pkt::SystemException));
    bob.send(talk("nobody", std::string(4 * 1024, 'x'), i));
    EXPECT_TRUE(bob.next().is_answer(i));
  }
  EXPECT_EQ(gateway.metric("ringgate_link_frame_too_long_total"), 18);
  EXPECT_EQ(chat.metric("ringgate_closed_by_reason_total", "frame_too_long"), 0);
  EXPECT_EQ(gateway.metric("ringgate_links"), 1);
}

// The longest that clients may send, over every way that a header is rewritten, and the answers
// that echo it: no link ends, whatever the client puts in.
TEST(Bounds, TheLongestPacketsOfClientsFitTheirLinks) {
  const World world;
  const std::string link_frame =
      std::to_string(64 * 1024 + max_forward_growth_bytes(Config{}.gateway.max_metas));
  const Settings tight = {{"MaxLinkFrame", link_frame}, {"MaxLinkHeader", "8KiB"}};
  Settings of_chat = tight;
  of_chat.emplace("MemorySessions", "true");
  const Server chat(world, "chat", "chat01", of_chat);
  const Server echo(world, "echo", "echo01", tight);
  Settings of_gateway = tight;
  of_gateway.emplace("Routes", "{login: chat}");
  const Server gateway(world, "gateway", "g1", of_gateway);
  gateway.wait_metric("ringgate_links", 2);
  Client alice = log_in(gateway, "alice");
  const std::string slow_meta = "\x3a\x0b\x0a\x03key\x18\xff\xff\xff\xff\x0f";
  std::string metas;
  for (int i = 0; i < 64; ++i) metas += slow_meta;
  std::uint32_t sequence = 2;
  for (const std::string& extra : {std::string(), metas}) {
    const std::string head = header("echo.test", sequence, "nobody").SerializeAsString() + extra;
    const std::string body(64 * 1024 - kLogicOverheadBytes - head.size(), 'x');
    alice.send(raw_packet(head, body));
    const Event answer = alice.next();
    EXPECT_TRUE(answer.is_answer(sequence++)) << answer;
    EXPECT_EQ(answer.body.size(), body.size());
  }
  EXPECT_EQ(gateway.metric("ringgate_links"), 2);
  EXPECT_EQ(gateway.metric("ringgate_link_frame_too_long_total"), 0);
  EXPECT_EQ(gateway.metric("ringgate_forwarded_slow_total"), 1);
}

TEST(Bounds, OneClientsRequestsDoNotUseUpWhatIsEverybodys) {
  ChatBench bench{{{"MaxClientOutstanding", "2"}, {"Shards", "1"}}};
  Client alice = bench.log_in("alice");
  Client bob = bench.log_in("bob");
  for (std::uint32_t i = 2; i <= 4; ++i) alice.send(talk("carol", "hello", i));
  EXPECT_TRUE(alice.next().is_answer(4, pkt::SystemException));
  EXPECT_EQ(bench.gateway.metric("ringgate_client_outstanding_full_total"), 1);
  bob.send(talk("carol", "hello", 2));
  const Event first = bench.chat_link.request("chat.user.talk");
  bench.chat_link.request("chat.user.talk");
  EXPECT_EQ(bench.chat_link.request("chat.user.talk").meta("account"), "bob");
  bench.chat_link.respond(first);  // an answer gives her room for one more
  EXPECT_TRUE(alice.next().is_answer(2));
  alice.send(talk("carol", "hello", 5));
  EXPECT_EQ(bench.chat_link.request("chat.user.talk").header.sequence(), 5U);
}

TEST(Bounds, OneSourceAddressGetsItsShareOfConnections) {
  Bench bench{{{"MaxConnectionsPerAddress", "2"}, {"Shards", "1"}}};
  FrameSocket first = bench.gateway.connect();
  FrameSocket second = bench.gateway.connect();
  for (FrameSocket* const socket : {&first, &second}) {
    socket->send(ping());
    EXPECT_EQ(socket->next().kind, Event::Kind::kPong);
  }
  EXPECT_EQ(bench.gateway.connect().next().kind, Event::Kind::kEnd);
  bench.gateway.wait_metric("ringgate_closed_by_reason_total", 1, "too_many_from_address");
  first.socket().close();
  bench.gateway.wait_metric_is("ringgate_clients", 1);
  FrameSocket third = bench.gateway.connect();
  third.send(ping());
  EXPECT_EQ(third.next().kind, Event::Kind::kPong);
}

}  // namespace
}  // namespace ringgate::test
