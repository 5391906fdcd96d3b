// Bounds that keep one client from costing others, and their metrics.
#include <gtest/gtest.h>

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
