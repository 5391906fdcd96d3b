// One behaviour of the shard each, over the fake kernel.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "tests/dataplane/shard_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::frame;
using test::TestClose;
using test::text;

void say(Shard& shard, Connection& connection, std::string_view words) {
  if (std::uint8_t* const to = shard.reserve(connection, words.size()); to != nullptr) {
    std::memcpy(to, words.data(), words.size());
  }
}

TEST(Shard, AnswersABasicPingWithoutItsHandler) {
  FakeShard it(1);
  it.handler.packet = [](Connection&, ByteView) { ADD_FAILURE() << "a ping is not a packet"; };
  FakePeer& peer = it.connect();
  peer.send(kTcpPing);
  EXPECT_TRUE(it.turn_until([&] { return peer.received.size() == kTcpPong.size(); }));
  EXPECT_TRUE(std::ranges::equal(peer.received, kTcpPong));
}

TEST(Shard, EchoesThePayloadOfAPing) {
  FakeShard it(1);
  FakePeer& peer = it.connect();
  const std::vector<std::uint8_t> pong = frame(Opcode::kPong, "how are you?");
  peer.send(frame(Opcode::kPing, "how are you?"));
  it.turn_until([&] { return peer.received.size() == pong.size(); });
  EXPECT_EQ(peer.received, pong);
}

TEST(Shard, HandsEveryPacketOverWhole) {
  test::Random random(3);
  FakeShard it(1);
  std::vector<std::string> packets;
  it.handler.packet = [&](Connection&, ByteView payload) {
    packets.emplace_back(as_text(payload));
  };
  FakePeer& peer = it.connect();
  std::vector<std::string> sent;
  for (int i = 0; i < 200; ++i) {
    sent.push_back(std::string(random.size(3000), static_cast<char>('a' + i % 26)));
    const std::vector<std::uint8_t> bytes = frame(Opcode::kBinary, sent.back());
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t part = std::min(random.between(1, 300), bytes.size() - at);
      peer.send(ByteView(bytes).subspan(at, part));
      at += part;
      it.turn();
    }
  }
  it.turn_until([&] { return packets.size() == sent.size(); });
  EXPECT_EQ(packets, sent);
}

// What a close frame says, what the handler hears, and that the connection is gone.
void expect_refused(ByteView bytes, CloseReason reason) {
  FakeShard it(1);
  FakePeer& peer = it.connect();
  peer.send(bytes);
  EXPECT_TRUE(it.turn_until([&] { return peer.closed; }));
  it.turn();
  EXPECT_EQ(it.handler.reasons, std::vector{reason});
  EXPECT_EQ(peer.received, frame(Opcode::kClose, describe(reason, test::kTestNames).name));
  EXPECT_EQ(it.shard.counters().closed(reason), 1U);
  it.turn_until([&] { return it.shard.table().clients() == 0; });
  it.expect_idle();
}

TEST(Shard, ClosesOnWhatIsNoFrame) {
  expect_refused(std::vector<std::uint8_t>{7}, CloseReason::kBadFrame);
  expect_refused(frame(Opcode::kText, "text"), CloseReason::kBadFrame);
  expect_refused(frame(Opcode::kContinuation, "more"), CloseReason::kBadFrame);
  // Decided from the head alone.
  expect_refused(std::vector<std::uint8_t>{2, 0, 1, 0, 1}, CloseReason::kFrameTooLong);
  expect_refused(std::vector<std::uint8_t>{2, 0xFF, 0xFF, 0xFF, 0xFF}, CloseReason::kFrameTooLong);
}

TEST(Shard, AnswersACloseFrameWithAnEmptyOne) {
  FakeShard it(1);
  FakePeer& peer = it.connect();
  peer.send(frame(Opcode::kClose, "bye"));
  EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
  EXPECT_EQ(peer.received, frame(Opcode::kClose, ""));
  EXPECT_FALSE(peer.closed) << "it waits for the peer's end";
  peer.ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerCloseFrame});
  it.expect_idle();
}

TEST(Shard, WhatOnCloseAppendsComesBeforeTheCloseFrame) {
  FakeShard it(1);
  it.handler.packet = [&](Connection& connection, ByteView) {
    say(it.shard, connection, "answer;");
    it.shard.finish(connection, TestClose::kKickedOut);
    EXPECT_EQ(it.shard.reserve(connection, 1), nullptr) << "it is closing";
  };
  it.handler.closed = [&](Connection& connection, CloseReason) {
    say(it.shard, connection, "farewell;");
  };
  FakePeer& peer = it.connect();
  peer.send(frame(Opcode::kBinary, "x"));
  EXPECT_TRUE(it.turn_until([&] { return peer.closed; }));
  EXPECT_EQ(text(peer.received),
            "answer;farewell;" + text(frame(Opcode::kClose, describe(TestClose::kKickedOut).name)));
}

TEST(Shard, WhatGoesOnFromAReasonIsInTheCloseFrameAsFarAsThereIsRoom) {
  const std::string long_text(200, 'x');
  for (const std::string& more : {std::string("; retry_in_ms=5"), long_text}) {
    FakeShard it(1);
    it.handler.packet = [&](Connection& connection, ByteView) {
      it.shard.finish(connection, TestClose::kKickedOut, more);
    };
    FakePeer& peer = it.connect();
    peer.send(frame(Opcode::kBinary, "x"));
    EXPECT_TRUE(it.turn_until([&] { return peer.closed; }));
    const std::string words = std::string(describe(TestClose::kKickedOut).name) + more;
    EXPECT_EQ(text(peer.received), text(frame(Opcode::kClose, words.substr(0, 123))));
  }
}

TEST(Shard, EndingTheConnectionWithinOnCloseDoesNothing) {
  for (const bool by_abort : {false, true}) {
    FakeShard it(1);
    it.handler.closed = [&](Connection& connection, CloseReason) {
      it.shard.finish(connection, CloseReason::kDraining);
      it.shard.abort(connection, CloseReason::kDraining);
    };
    it.handler.packet = [&](Connection& connection, ByteView) {
      if (by_abort) it.shard.abort(connection, TestClose::kKickedOut);
      it.shard.finish(connection, TestClose::kKickedOut);
    };
    FakePeer& peer = it.connect();
    peer.send(frame(Opcode::kBinary, "x"));
    EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
    EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{TestClose::kKickedOut});
    it.expect_idle();
  }
}

TEST(Shard, AHandlerMayRefuseAPeerWhileItIsAccepted) {
  for (const bool by_abort : {false, true}) {
    FakeShard it(1);
    it.handler.accepted = [&](Connection& connection) {
      by_abort ? it.shard.abort(connection, CloseReason::kDraining)
               : it.shard.finish(connection, CloseReason::kDraining);
    };
    FakePeer& peer = it.kernel.connect();
    EXPECT_TRUE(it.turn_until([&] { return peer.closed; }));
    EXPECT_EQ(peer.received.empty(), by_abort);
    it.turn_until([&] { return it.shard.table().clients() == 0; });
    it.expect_idle();
  }
}

TEST(Shard, HeldInputIsParsedWhenReleased) {
  FakeShard it(1);
  Connection* held = nullptr;
  std::vector<std::string> packets;
  it.handler.packet = [&](Connection& connection, ByteView payload) {
    packets.emplace_back(as_text(payload));
    if (packets.size() != 1) return;
    held = &connection;
    it.shard.hold_input(connection);
  };
  FakePeer& peer = it.connect();
  for (const char* const words : {"login", "one", "two"}) {
    peer.send(frame(Opcode::kBinary, words));
  }
  peer.send(ByteView(kTcpPing).first(6));
  it.turn_until([&] { return peer.inbound.empty(); });
  for (int i = 0; i < 10; ++i) it.turn();
  EXPECT_EQ(packets, std::vector<std::string>{"login"});
  it.shard.release_input(*held);
  EXPECT_EQ(packets, (std::vector<std::string>{"login", "one", "two"}));
  peer.send(ByteView(kTcpPing).subspan(6));
  EXPECT_TRUE(it.turn_until([&] { return !peer.received.empty(); }));
}

TEST(Shard, ReadingPausesWhenTooMuchIsHeldAndGoesOnAfterwards) {
  test::for_each_seed(30, [](std::uint64_t seed) {
    ShardOptions options = test::small_shard();
    options.max_held_bytes = 2000;
    FakeShard it(seed, {.stall = 3, .recv_ends = 4}, options);
    Connection* held = nullptr;
    std::size_t packets = 0;
    it.handler.packet = [&](Connection& connection, ByteView) {
      if (packets++ != 0) return;
      held = &connection;
      it.shard.hold_input(connection);
    };
    FakePeer& peer = it.connect();
    for (int i = 0; i < 500; ++i) peer.send(frame(Opcode::kBinary, std::string(95, 'p')));
    const auto paused = [&] { return held != nullptr && held->read_paused && held->ops == 0; };
    ASSERT_TRUE(it.turn_until(paused));
    EXPECT_LE(held->carry.size, options.max_held_bytes + 20 * options.ring.client_buffer_bytes);
    EXPECT_FALSE(peer.inbound.empty());
    it.shard.release_input(*held);
    EXPECT_TRUE(it.turn_until([&] { return packets == 500; }));
    EXPECT_EQ(it.shard.counters().get(Counter::kReadPaused), 1U);
  });
}

// The login is refused while so much was held that reading had paused.
TEST(Shard, FinishingAPausedConnectionReadsToItsEnd) {
  test::for_each_seed(30, [](std::uint64_t seed) {
    ShardOptions options = test::small_shard();
    options.max_held_bytes = 500;
    FakeShard it(seed, {.stall = 3}, options);
    Connection* held = nullptr;
    it.handler.packet = [&](Connection& connection, ByteView) {
      held = &connection;
      it.shard.hold_input(connection);
    };
    FakePeer& peer = it.connect();
    for (int i = 0; i < 300; ++i) peer.send(frame(Opcode::kBinary, std::string(95, 'p')));
    ASSERT_TRUE(it.turn_until([&] { return held != nullptr && held->read_paused; }));
    for (std::uint64_t i = 0; i < seed % 5; ++i) it.turn();
    say(it.shard, *held, "refused;");
    it.shard.finish(*held, TestClose::kKickedOut);
    EXPECT_TRUE(it.turn_until([&] { return peer.inbound.empty() && peer.saw_end; }, 0));
    EXPECT_FALSE(peer.closed) << "closing with unread input would reset the answer";
    peer.ended = true;
    EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 0));
    it.expect_idle();
  });
}

TEST(Shard, ASlowReaderCostsOnlyItself) {
  ShardOptions options = test::small_shard();
  options.limits[0].max_queued_bytes = 10'000;
  FakeShard it(1, {}, options);
  std::vector<Connection*> connections;
  it.handler.accepted = [&](Connection& connection) { connections.push_back(&connection); };
  FakePeer& slow = it.connect();
  FakePeer& other = it.connect();
  slow.window = 0;
  const std::string words(1000, 'w');
  for (int i = 0; i < 20; ++i) {
    for (Connection* const connection : connections) say(it.shard, *connection, words);
    it.turn_until([&] { return connections[1]->output.empty(); });
  }
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
  EXPECT_EQ(other.received.size(), 20'000U);
  EXPECT_TRUE(it.turn_until([&] { return slow.closed; }));
  EXPECT_FALSE(other.closed);
}

TEST(Shard, AFullQueueOfALinkIsNoReasonToCloseIt) {
  ShardOptions options = test::small_shard();
  options.limits[1].max_queued_bytes = 5000;
  FakeShard it(1, {}, options);
  Connection* link = nullptr;
  it.handler.adopted = [&](Connection& connection, const AdoptedFor& what) {
    link = &connection;
    EXPECT_EQ(what.subject, 1U);
  };
  FakePeer& peer = it.adopt();
  ASSERT_NE(link, nullptr);
  peer.window = 0;
  EXPECT_NE(it.shard.reserve(*link, 5000), nullptr);
  EXPECT_EQ(it.shard.reserve(*link, 1), nullptr);
  EXPECT_TRUE(link->open());
  peer.window = SIZE_MAX;
  EXPECT_TRUE(it.turn_until([&] { return peer.received.size() == 5000; }));
  EXPECT_NE(it.shard.reserve(*link, 1), nullptr);
}

TEST(Shard, ALinkIsClosedWithoutACloseFrame) {
  FakeShard it(1);
  Connection* link = nullptr;
  it.handler.adopted = [&](Connection& connection, const AdoptedFor&) { link = &connection; };
  FakePeer& peer = it.adopt();
  say(it.shard, *link, "last words");
  it.shard.finish(*link, TestClose::kReplaced);
  EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
  EXPECT_EQ(text(peer.received), "last words");
  peer.ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().links() == 0; }));
  it.expect_idle();
}

// Half of a close is read before the other half: bytes of the old connection must not come out.
TEST(Shard, AReusedSlotStartsClean) {
  FakeShard it(1);
  FakePeer& first = it.connect();
  first.window = 0;
  first.send(ByteView(kTcpPing).first(9));
  it.turn();
  Connection* connection = nullptr;
  it.shard.table().for_each_client([&](Connection& one) { connection = &one; });
  say(it.shard, *connection, "secret");
  const std::uint32_t old = connection->generation;
  it.shard.abort(*connection, TestClose::kKickedOut);
  ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
  EXPECT_EQ(it.shard.find({connection->slot, old}), nullptr);
  std::vector<FakePeer*> others;
  for (int i = 0; i < 20; ++i) {
    others.push_back(&it.connect());
    others.back()->send(kTcpPing);
  }
  for (FakePeer* const other : others) {
    it.turn_until([&] { return other->received.size() >= kTcpPong.size(); });
    EXPECT_TRUE(std::ranges::equal(other->received, kTcpPong));
  }
}

}  // namespace
}  // namespace ringgate
