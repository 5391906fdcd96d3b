// WebSocket frames and messages of a shard, over the fake kernel.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/dataplane/ws_fixture.h"

namespace ringgate {
namespace {

using test::after_upgrade;
using test::FakePeer;
using test::FakeWsShard;
using test::ws_answer;
using test::ws_basic_ping;
using test::ws_frame;

ShardOptions plain() {
  ShardOptions options = test::small_shard();
  options.plain_messages = true;
  return options;
}

// Writes down what its handler hears: "b:" and a packet, "t:" and a text.
struct Hearing : FakeWsShard {
  explicit Hearing(std::uint64_t seed = 1, const ShardOptions& options = test::small_shard(),
                   const test::Faults& faults = {})
      : FakeWsShard(seed, faults, options) {
    handler.packet = [this](Connection& connection, ByteView payload) {
      last = &connection;
      heard.push_back("b:" + std::string(as_text(payload)));
    };
    handler.words = [this](Connection& connection, std::string_view words) {
      last = &connection;
      heard.push_back("t:" + std::string(words));
    };
  }
  std::vector<std::string> heard;
  Connection* last = nullptr;
};

void send_in(FakeWsShard& it, FakePeer& peer, ByteView bytes, std::size_t part) {
  for (std::size_t at = 0; at < bytes.size(); at += part) {
    peer.send(bytes.subspan(at, std::min(part, bytes.size() - at)));
    it.turn_until([&] { return peer.inbound.empty(); });
    it.turn();
  }
}

TEST(ShardWs, AnswersABasicPingWithoutItsHandler) {
  Hearing it;
  FakePeer& peer = it.upgrade();
  peer.send(ws_basic_ping());
  EXPECT_TRUE(it.turn_until([&] { return after_upgrade(peer).size() >= kWsPong.size(); }));
  EXPECT_TRUE(std::ranges::equal(after_upgrade(peer), kWsPong));
  EXPECT_TRUE(it.heard.empty());
  EXPECT_EQ(it.count(Counter::kPings), 1U);
}

// As any binary message that says the same.
TEST(ShardWs, AnswersABasicPingInFragments) {
  Hearing it;
  FakePeer& peer = it.upgrade();
  const ByteView ping = ByteView(kTcpPing).subspan(kTcpFrameHeadBytes);
  peer.send(ws_frame(Opcode::kBinary, ping.first(3), false));
  peer.send(ws_frame(Opcode::kContinuation, ping.subspan(3), true));
  EXPECT_TRUE(it.turn_until([&] { return after_upgrade(peer).size() >= kWsPong.size(); }));
  EXPECT_TRUE(std::ranges::equal(after_upgrade(peer), kWsPong));
  EXPECT_TRUE(it.heard.empty());
}

TEST(ShardWs, EchoesThePayloadOfAPing) {
  for (const std::size_t bytes : {0U, 1U, 8U, 125U}) {
    Hearing it;
    FakePeer& peer = it.upgrade();
    const std::string payload(bytes, 'p');
    peer.send(ws_frame(Opcode::kPing, payload));
    const Bytes pong = ws_answer(Opcode::kPong, payload);
    it.turn_until([&] { return after_upgrade(peer).size() >= pong.size(); });
    EXPECT_EQ(after_upgrade(peer), pong);
    EXPECT_EQ(it.count(Counter::kPings), 1U);
  }
}

TEST(ShardWs, SaysNothingToAPong) {
  Hearing it;
  FakePeer& peer = it.upgrade();
  peer.send(ws_frame(Opcode::kPong, "unasked"));
  it.settle();
  EXPECT_TRUE(after_upgrade(peer).empty());
  EXPECT_TRUE(it.heard.empty());
}

TEST(ShardWs, HandsEveryPacketOverWhole) {
  test::for_each_seed(10, [](std::uint64_t seed) {
    test::Random random(seed);
    Hearing it(seed, test::small_shard(), {.stall = 3, .no_buffers = 6, .recv_ends = 6});
    FakePeer& peer = it.upgrade();
    std::vector<std::string> sent;
    for (int i = 0; i < 100; ++i) {
      const std::string payload(random.size(3000), static_cast<char>('a' + i % 26));
      sent.push_back("b:" + payload);
      send_in(it, peer, ws_frame(Opcode::kBinary, payload), random.between(1, 300));
    }
    it.turn_until([&] { return it.heard.size() == sent.size(); });
    EXPECT_EQ(it.heard, sent);
    peer.ended = true;
    EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
    it.expect_idle();
  });
}

TEST(ShardWs, TheFrameOfAnAnswerFitsItsTransport) {
  for (const std::size_t bytes : {0U, 125U, 126U, 65'535U, 65'536U}) {
    Hearing it;
    FakePeer& peer = it.upgrade();
    peer.send(ws_frame(Opcode::kBinary, "which?"));
    it.turn_until([&] { return it.last != nullptr; });
    std::uint8_t* const to = it.shard.reserve_frame(*it.last, Opcode::kBinary, bytes);
    ASSERT_NE(to, nullptr);
    std::memset(to, 'a', bytes);
    const Bytes answer = ws_answer(Opcode::kBinary, std::string(bytes, 'a'));
    it.turn_until([&] { return after_upgrade(peer).size() >= answer.size(); });
    EXPECT_EQ(after_upgrade(peer), answer);
  }
}

// --- Fragments ----------------------------------------------------------------------------------

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// Fragments of one byte, of none, and of more than a buffer; a ping and a pong between.
Bytes in_fragments(const std::string& message, Opcode opcode) {
  Bytes bytes = ws_frame(opcode, "", false);
  std::size_t at = 0;
  std::size_t size = 1;
  while (at < message.size()) {
    const std::string_view part = std::string_view(message).substr(at, size);
    bytes = bytes + ws_frame(Opcode::kContinuation, part, false);
    at += part.size();
    size = size * 3 + 1;
    bytes = bytes + ws_frame(Opcode::kPing, std::to_string(at));
    bytes = bytes + ws_frame(Opcode::kPong, "");
  }
  return bytes + ws_frame(Opcode::kContinuation, "", true);
}

std::string letters(std::size_t bytes) {
  std::string text(bytes, ' ');
  for (std::size_t i = 0; i < bytes; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

TEST(ShardWs, PutsFragmentsTogetherInEveryChunking) {
  const std::string message = letters(5000);
  for (const std::size_t part : {1U, 2U, 3U, 5U, 7U, 64U, 255U, 256U, 257U, 1000U, 100'000U}) {
    SCOPED_TRACE(part);
    Hearing it(part, plain());
    FakePeer& peer = it.upgrade();
    send_in(it, peer, in_fragments(message, Opcode::kBinary) + in_fragments("words", Opcode::kText),
            part);
    EXPECT_TRUE(it.turn_until([&] { return it.heard.size() == 2; }));
    EXPECT_EQ(it.heard, (std::vector<std::string>{"b:" + message, "t:words"}));
    it.settle();
    std::vector<std::string> pongs;
    for (const WsRecord& record : test::answers_to(peer).records) {
      EXPECT_EQ(record.opcode, Opcode::kPong);
      pongs.emplace_back(as_text(record.payload));
    }
    // In the order asked.
    EXPECT_EQ(pongs, (std::vector<std::string>{"1", "5", "18", "58", "179", "543", "1636", "4916",
                                               "5000", "1", "5"}));
    EXPECT_EQ(it.shard.pool().used_bytes(), 0U) << "the parts are given back with the message";
    if (HasFailure()) return;
  }
}

TEST(ShardWs, AMessageOverManyBuffersAndFragmentsOfOneByte) {
  ShardOptions options = plain();
  options.ring.client_buffer_bytes = 16;
  Hearing it(7, options);
  FakePeer& peer = it.upgrade();
  const std::string message = letters(60'000);
  peer.send(ws_frame(Opcode::kBinary, message));
  Bytes bytes = ws_frame(Opcode::kText, message.substr(0, 1), false);
  for (std::size_t i = 1; i < 2000; ++i) {
    bytes = bytes + ws_frame(Opcode::kContinuation, message.substr(i, 1), i == 1999);
  }
  peer.send(bytes);
  EXPECT_TRUE(it.turn_until([&] { return it.heard.size() == 2; }));
  EXPECT_EQ(it.heard, (std::vector<std::string>{"b:" + message, "t:" + message.substr(0, 2000)}));
  EXPECT_EQ(it.shard.pool().used_bytes(), 0U);
}

TEST(ShardWs, ManyClientsWithMessagesInProgress) {
  Hearing it(1, plain());
  std::vector<FakePeer*> peers;
  for (int i = 0; i < 20; ++i) peers.push_back(&it.upgrade());
  const auto to_all = [&](Opcode opcode, std::string_view words, bool fin) {
    for (std::size_t i = 0; i < peers.size(); ++i) {
      peers[i]->send(ws_frame(opcode, std::to_string(i) + std::string(words), fin));
      it.turn(0);
    }
  };
  to_all(Opcode::kBinary, letters(300), false);
  to_all(Opcode::kContinuation, letters(300), false);
  peers[3]->reset = true;
  peers[4]->ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 18; }));
  to_all(Opcode::kContinuation, "", true);
  EXPECT_TRUE(it.turn_until([&] { return it.heard.size() == 18; }));
  for (const std::string& message : it.heard) {
    const std::string number = message.substr(2, message.find('a') - 2);
    EXPECT_EQ(message, "b:" + number + letters(300) + number + letters(300) + number);
  }
  EXPECT_EQ(it.shard.pool().used_bytes(), 0U);
}

// A handler that lets another connection go on, from within a message of several fragments.
TEST(ShardWs, AMessageMayLetAnotherConnectionGoOn) {
  Hearing it(1, plain());
  Connection* held = nullptr;
  std::vector<std::string> heard;
  it.handler.packet = [&](Connection& connection, ByteView payload) {
    heard.emplace_back(as_text(payload));
    if (heard.back() == "hold") {
      held = &connection;
      it.shard.hold_input(connection);
    } else if (heard.back() == "release") {
      it.shard.release_input(*held);
      EXPECT_EQ(as_text(payload), "release") << "the payload is valid for the whole call";
    }
  };
  FakePeer& first = it.upgrade();
  FakePeer& second = it.upgrade();
  first.send(ws_frame(Opcode::kBinary, "hold") + ws_frame(Opcode::kBinary, "af", false) +
             ws_frame(Opcode::kContinuation, "ter", true) +
             ws_frame(Opcode::kBinary, "in progress", false));
  it.turn_until([&] { return held != nullptr && first.inbound.empty(); });
  second.send(ws_frame(Opcode::kBinary, "rele", false) +
              ws_frame(Opcode::kContinuation, "ase", true));
  EXPECT_TRUE(it.turn_until([&] { return heard.size() == 3; }));
  EXPECT_EQ(heard, (std::vector<std::string>{"hold", "release", "after"}));
  first.send(ws_frame(Opcode::kContinuation, "!", true));
  EXPECT_TRUE(it.turn_until([&] { return heard.size() == 4; }));
  EXPECT_EQ(heard.back(), "in progress!");
}

// --- Held input ---------------------------------------------------------------------------------

TEST(ShardWs, HeldFramesAreReadWhenReleased) {
  for (const std::size_t part : {1U, 5U, 1000U}) {
    Hearing it(part, plain());
    it.handler.packet = [&](Connection& connection, ByteView payload) {
      it.heard.emplace_back(as_text(payload));
      it.last = &connection;
      if (it.heard.size() % 2 == 1) it.shard.hold_input(connection);
    };
    FakePeer& peer = it.upgrade();
    const Bytes all = ws_frame(Opcode::kBinary, "login") + ws_frame(Opcode::kPing, "ping") +
                      ws_frame(Opcode::kBinary, "o", false) +
                      ws_frame(Opcode::kContinuation, "ne", true) +
                      ws_frame(Opcode::kBinary, "two") + ws_frame(Opcode::kBinary, "th", false) +
                      ws_frame(Opcode::kContinuation, "ree");
    send_in(it, peer, ByteView(all).first(all.size() - 2), part);
    it.settle();
    EXPECT_EQ(it.heard, std::vector<std::string>{"login"});
    EXPECT_TRUE(after_upgrade(peer).empty()) << "nothing is parsed, pings neither";
    it.shard.release_input(*it.last);
    EXPECT_EQ(it.heard, (std::vector<std::string>{"login", "one", "two"}));
    it.shard.release_input(*it.last);
    EXPECT_EQ(it.heard.size(), 3U);
    send_in(it, peer, ByteView(all).subspan(all.size() - 2), 1);
    EXPECT_EQ(it.heard, (std::vector<std::string>{"login", "one", "two", "three"}));
    EXPECT_EQ(after_upgrade(peer), ws_answer(Opcode::kPong, "ping"));
  }
}

TEST(ShardWs, ReadingPausesWhenTooMuchIsHeldAndGoesOnAfterwards) {
  test::for_each_seed(20, [](std::uint64_t seed) {
    ShardOptions options = test::small_shard();
    options.max_held_bytes = 2000;
    Hearing it(seed, options, {.stall = 3, .recv_ends = 4});
    it.handler.packet = [&](Connection& connection, ByteView payload) {
      it.heard.emplace_back(as_text(payload));
      it.last = &connection;
      if (it.heard.size() == 1) it.shard.hold_input(connection);
    };
    FakePeer& peer = it.upgrade();
    std::vector<std::string> sent;
    for (int i = 0; i < 500; ++i) {
      sent.push_back(std::to_string(i) + letters(95));
      peer.send(ws_frame(Opcode::kBinary, std::string_view(sent.back()).substr(0, 40), false));
      peer.send(ws_frame(Opcode::kContinuation, std::string_view(sent.back()).substr(40)));
    }
    ASSERT_TRUE(it.turn_until(
        [&] { return it.last != nullptr && it.last->read_paused && it.last->ops == 0; }));
    EXPECT_FALSE(peer.inbound.empty());
    it.shard.release_input(*it.last);
    EXPECT_TRUE(it.turn_until([&] { return it.heard.size() == 500; }));
    EXPECT_EQ(it.heard, sent);
  });
}

// --- A ping to those who are silent -------------------------------------------------------------

void pass(FakeWsShard& it, std::uint64_t ms) {
  const std::uint64_t end = test::FakeKernel::now_ms() + ms;
  while (test::FakeKernel::now_ms() < end) it.turn(50);
}

ShardOptions pinging() {
  ShardOptions options = test::small_shard();
  options.ws_ping_after_ms = 5000;
  options.limits[0].read_timeout_ms = 60'000;
  return options;
}

TEST(ShardWsPing, ComesOnceUntilTheClientSaysSomething) {
  Hearing it(1, pinging());
  FakePeer& peer = it.upgrade();
  const Bytes ping = ws_answer(Opcode::kPing, "");
  pass(it, 4800);
  EXPECT_TRUE(after_upgrade(peer).empty());
  pass(it, 1500);
  EXPECT_EQ(after_upgrade(peer), ping);
  pass(it, 20'000);
  EXPECT_EQ(after_upgrade(peer), ping) << "one is enough";
  peer.send(ws_frame(Opcode::kPong, ""));
  pass(it, 4800);
  EXPECT_EQ(after_upgrade(peer), ping);
  pass(it, 1500);
  EXPECT_EQ(after_upgrade(peer), ping + ping);
  EXPECT_TRUE(it.handler.reasons.empty());
}

TEST(ShardWsPing, AClientThatAnswersIsNotIdleAndOneThatDoesNotIs) {
  Hearing it(1, pinging());
  FakePeer& answers = it.upgrade();
  FakePeer& silent = it.upgrade();
  std::size_t answered = 0;
  for (int i = 0; i < 2400; ++i) {
    it.turn(50);
    const std::size_t pings = after_upgrade(answers).size() / 2;
    for (; answered < pings; ++answered) answers.send(ws_frame(Opcode::kPong, ""));
  }
  EXPECT_GE(answered, 18U);
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kIdleTimeout});
  EXPECT_EQ(after_upgrade(silent),
            ws_answer(Opcode::kPing, "") +
                test::ws_close_answer(WsCloseCode::kGoingAway, "idle_timeout"));
}

TEST(ShardWsPing, AClientThatTalksGetsNone) {
  Hearing it(1, pinging());
  FakePeer& peer = it.upgrade();
  for (int i = 0; i < 10; ++i) {
    peer.send(ws_frame(Opcode::kBinary, "talk"));
    pass(it, 4000);
  }
  EXPECT_TRUE(after_upgrade(peer).empty());
}

TEST(ShardWsPing, NeitherTcpClientsNorThoseThatUpgradeGetOne) {
  FakeWsShard it(1, {}, pinging(), nullptr, {Transport::kTcp, Transport::kWebSocket});
  FakePeer& tcp = it.connect(0);
  tcp.send(kTcpPing);
  it.turn_until([&] { return tcp.received.size() == kTcpPong.size(); });
  FakePeer& upgrading = it.connect(1);
  upgrading.send(as_bytes(test::upgrade_request()).first(100));
  pass(it, 30'000);
  EXPECT_EQ(tcp.received.size(), kTcpPong.size());
  EXPECT_TRUE(upgrading.received.empty());
}

TEST(ShardWsPing, IsOffWhenItsTimeIsZero) {
  ShardOptions options = pinging();
  options.ws_ping_after_ms = 0;
  Hearing it(1, options);
  FakePeer& peer = it.upgrade();
  pass(it, 55'000);
  EXPECT_TRUE(after_upgrade(peer).empty());
}

}  // namespace
}  // namespace ringgate
