// A WebSocket's opening handshake on a shard, over the fake kernel.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/dataplane/ws_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeWsShard;
using test::kUpgraded;
using test::TestClose;
using test::text;
using test::upgrade_request;
using test::ws_basic_ping;
using test::ws_frame;

Bytes bytes_of(std::string_view words) {
  return {words.begin(), words.end()};
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// An upgrade with frames right behind it, which all have to be answered.
void expect_served(FakeWsShard& it, FakePeer& peer) {
  const std::string all = std::string(kUpgraded) + text({kWsPong.begin(), kWsPong.end()}) +
                          text(test::ws_answer(Opcode::kPong, "hello"));
  EXPECT_TRUE(it.turn_until([&] { return peer.received.size() >= all.size(); }));
  EXPECT_EQ(text(peer.received), all);
  EXPECT_EQ(it.shard.counters().get(Gauge::kWebSockets), 1U);
  EXPECT_EQ(it.count(Counter::kUpgrades), 1U);
  EXPECT_EQ(it.count(Counter::kPings), 2U);
  peer.ended = true;
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
  it.expect_idle();
}

Bytes upgrade_and_two_pings() {
  return bytes_of(upgrade_request()) + ws_basic_ping() + ws_frame(Opcode::kPing, "hello");
}

TEST(ShardUpgrade, InOnePieceWithFramesBehindIt) {
  FakeWsShard it(1);
  FakePeer& peer = it.connect();
  peer.send(upgrade_and_two_pings());
  expect_served(it, peer);
}

TEST(ShardUpgrade, ByteByByte) {
  FakeWsShard it(1);
  FakePeer& peer = it.connect();
  for (const std::uint8_t byte : upgrade_and_two_pings()) {
    peer.send({&byte, 1});
    ASSERT_TRUE(it.turn_until([&] { return peer.inbound.empty(); }));
    it.turn();
  }
  expect_served(it, peer);
}

TEST(ShardUpgrade, CutAtEveryPlace) {
  const Bytes all = upgrade_and_two_pings();
  for (std::size_t cut = 1; cut < all.size(); ++cut) {
    SCOPED_TRACE(cut);
    FakeWsShard it(cut);
    FakePeer& peer = it.connect();
    peer.send(ByteView(all).first(cut));
    ASSERT_TRUE(it.turn_until([&] { return peer.inbound.empty(); }));
    it.turn();
    peer.send(ByteView(all).subspan(cut));
    expect_served(it, peer);
    if (HasFailure()) return;
  }
}

TEST(ShardUpgrade, UnderFaults) {
  test::for_each_seed(100, [](std::uint64_t seed) {
    ShardOptions options = test::small_shard();
    options.ring.client_buffer_bytes = static_cast<unsigned>(3 + seed % 100);
    FakeWsShard it(seed, {.stall = 3, .short_send = 3, .no_buffers = 4, .recv_ends = 4}, options);
    FakePeer& peer = it.connect();
    peer.send(upgrade_and_two_pings());
    expect_served(it, peer);
  });
}

TEST(ShardUpgrade, TheHandlerHearsOfTheClientBeforeItsPackets) {
  FakeWsShard it(1);
  std::vector<std::string> heard;
  it.handler.accepted = [&](Connection& connection) {
    EXPECT_EQ(connection.stage, Stage::kUpgrade);
    EXPECT_EQ(connection.transport, Transport::kWebSocket);
    heard.emplace_back("accepted");
  };
  it.handler.packet = [&](Connection& connection, ByteView payload) {
    EXPECT_EQ(connection.stage, Stage::kFrames);
    heard.emplace_back(as_text(payload));
  };
  FakePeer& peer = it.connect();
  EXPECT_EQ(heard, std::vector<std::string>{"accepted"});
  peer.send(bytes_of(upgrade_request()) + ws_frame(Opcode::kBinary, "login"));
  EXPECT_TRUE(it.turn_until([&] { return heard.size() == 2; }));
  EXPECT_EQ(heard, (std::vector<std::string>{"accepted", "login"}));
}

// What a handler holds from the start on is upgraded when it lets go.
TEST(ShardUpgrade, WaitsWhileInputIsHeld) {
  FakeWsShard it(1);
  Connection* held = nullptr;
  it.handler.accepted = [&](Connection& connection) {
    held = &connection;
    it.shard.hold_input(connection);
  };
  FakePeer& peer = it.connect();
  peer.send(upgrade_and_two_pings());
  it.settle();
  EXPECT_TRUE(peer.received.empty());
  it.shard.release_input(*held);
  expect_served(it, peer);
}

struct Refusal {
  std::string request;
  std::string_view status_line;
};

std::vector<Refusal> refusals() {
  return {
      {"hello, is this a gateway?\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
      {text({kTcpPing.begin(), kTcpPing.end()}), "HTTP/1.1 400 Bad Request\r\n"},
      {"GET / HTTP/1.1\r\nHost: gateway\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
      {upgrade_request("Origin: https://evil.example\r\n"), "HTTP/1.1 403 Forbidden\r\n"},
      {upgrade_request({}, "/nowhere"), "HTTP/1.1 404 Not Found\r\n"},
      {upgrade_request({}, "/", "8"), "HTTP/1.1 426 Upgrade Required\r\n"},
      {upgrade_request("X-Long: " + std::string(9000, 'x') + "\r\n"),
       "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
  };
}

// As its Content-Length says.
void expect_whole_response(std::string_view response) {
  const std::size_t body = response.find("\r\n\r\n");
  ASSERT_NE(body, std::string_view::npos);
  constexpr std::string_view kField = "Content-Length: ";
  const std::size_t field = response.find(kField);
  ASSERT_LT(field, body);
  const std::string length(response.substr(field + kField.size(), 5));
  EXPECT_EQ(response.size() - body - 4, std::stoul(length));
}

void expect_refused(FakeWsShard& it, FakePeer& peer, std::string_view status_line) {
  EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
  const std::string response = text(peer.received);
  EXPECT_TRUE(response.starts_with(status_line)) << response;
  expect_whole_response(response);
  EXPECT_FALSE(peer.closed) << "it waits for the peer's end";
  peer.ended = true;
  EXPECT_TRUE(it.turn_until([&] { return peer.closed && it.shard.table().clients() == 0; }));
  EXPECT_EQ(text(peer.received), response) << "and no close frame behind it";
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kUpgradeRefused});
  EXPECT_EQ(it.count(Counter::kUpgradesRefused), 1U);
  EXPECT_EQ(it.count(Counter::kUpgrades), 0U);
  EXPECT_EQ(it.closed(CloseReason::kUpgradeRefused), 1U);
  it.expect_idle();
}

TEST(ShardUpgrade, ARefusalIsAWholeResponseAndThenTheEnd) {
  for (const Refusal& refusal : refusals()) {
    for (const bool one_by_one : {false, true}) {
      SCOPED_TRACE(refusal.status_line);
      FakeWsShard it(1);
      it.handler.packet = [](Connection&, ByteView) { ADD_FAILURE() << "of a refused client"; };
      FakePeer& peer = it.connect();
      const Bytes all = bytes_of(refusal.request) + ws_frame(Opcode::kBinary, "not for us");
      for (std::size_t at = 0; at < all.size();) {
        const std::size_t part = one_by_one ? 1 : all.size();
        peer.send(ByteView(all).subspan(at, part));
        at += part;
        it.turn(0);
      }
      expect_refused(it, peer, refusal.status_line);
      if (HasFailure()) return;
    }
  }
}

TEST(ShardUpgrade, ARefusalIsFlushedToASlowReader) {
  test::for_each_seed(30, [](std::uint64_t seed) {
    FakeWsShard it(seed, {.stall = 2, .short_send = 2});
    FakePeer& peer = it.connect();
    peer.window = seed;
    peer.send(as_bytes(upgrade_request({}, "/nowhere")));
    it.settle();
    EXPECT_FALSE(peer.saw_end) << "there is more to send";
    EXPECT_EQ(peer.received.size(), seed);
    peer.window = SIZE_MAX;
    expect_refused(it, peer, "HTTP/1.1 404 Not Found\r\n");
  });
}

TEST(ShardUpgrade, AnAllowedOriginAndSubprotocolAreTaken) {
  FakeWsShard it(1);
  const WsUpgradeOptions rules = {
      .path = "/chat", .allowed_origins = {"https://page.example"}, .subprotocol = "kim"};
  it.shard.reconfigure(test::small_shard(), {&rules, 1});
  FakePeer& peer = it.connect();
  peer.send(as_bytes(upgrade_request(
      "Origin: https://page.example\r\nSec-WebSocket-Protocol: other, kim\r\n", "/chat?x=1")));
  EXPECT_TRUE(it.turn_until([&] { return text(peer.received).ends_with("\r\n\r\n"); }));
  EXPECT_TRUE(text(peer.received).starts_with("HTTP/1.1 101 "));
  EXPECT_NE(text(peer.received).find("\r\nSec-WebSocket-Protocol: kim\r\n"), std::string::npos);
}

// --- The connection ends in the middle of it ----------------------------------------------------

void end_midway(std::size_t bytes, const std::function<void(FakeWsShard&, FakePeer&)>& how,
                CloseReason reason) {
  FakeWsShard it(bytes + 1);
  FakePeer& peer = it.connect();
  ASSERT_LT(bytes, upgrade_request().size());
  peer.send(as_bytes(upgrade_request()).first(bytes));
  it.turn_until([&] { return peer.inbound.empty(); });
  it.turn();
  how(it, peer);
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }, 50));
  EXPECT_EQ(it.handler.reasons, std::vector{reason});
  EXPECT_TRUE(peer.received.empty()) << "it would not understand a frame";
  EXPECT_EQ(it.count(Counter::kUpgrades) + it.count(Counter::kUpgradesRefused), 0U);
  it.expect_idle();
}

TEST(ShardUpgrade, ThePeerMayGoInTheMiddleOfIt) {
  for (const std::size_t bytes : {0U, 1U, 60U, 145U}) {
    end_midway(
        bytes, [](FakeWsShard&, FakePeer& peer) { peer.ended = true; }, CloseReason::kPeerClosed);
    end_midway(
        bytes, [](FakeWsShard&, FakePeer& peer) { peer.reset = true; }, CloseReason::kPeerReset);
  }
}

TEST(ShardUpgrade, TheHandlersDeadlineEndsIt) {
  const auto time_out = [](FakeWsShard& it, FakePeer&) {
    it.handler.deadline = [&it](Connection& connection) {
      EXPECT_EQ(connection.stage, Stage::kUpgrade);
      it.shard.finish(connection, TestClose::kLoginTimeout);
    };
    it.shard.table().for_each_client(
        [&it](Connection& connection) { it.shard.set_deadline(connection, 500); });
    it.turn_until([&it] { return !it.handler.reasons.empty(); }, 50);
  };
  for (const std::size_t bytes : {0U, 1U, 145U}) {
    end_midway(bytes, time_out, TestClose::kLoginTimeout);
  }
}

TEST(ShardUpgrade, BytesNowAndThenDoNotMoveTheDeadline) {
  FakeWsShard it(1);
  it.handler.accepted = [&](Connection& connection) { it.shard.set_deadline(connection, 5000); };
  it.handler.deadline = [&](Connection& connection) {
    it.shard.finish(connection, TestClose::kLoginTimeout);
  };
  FakePeer& peer = it.connect();
  const std::string request = upgrade_request();
  std::size_t at = 0;
  const std::uint64_t begin_ms = test::FakeKernel::now_ms();
  while (at < request.size() && it.handler.reasons.empty()) {
    peer.send(as_bytes(request).subspan(at++, 1));
    const std::uint64_t next_ms = test::FakeKernel::now_ms() + 200;
    while (test::FakeKernel::now_ms() < next_ms) it.turn(50);
  }
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{TestClose::kLoginTimeout});
  EXPECT_LE(test::FakeKernel::now_ms() - begin_ms, 6500U);
}

TEST(ShardUpgrade, AShardMayGoInTheMiddleOfIt) {
  FakeWsShard it(1);
  for (const std::size_t bytes : {0U, 1U, 145U}) {
    it.connect().send(as_bytes(upgrade_request()).first(bytes));
  }
  it.upgrade().send(ws_frame(Opcode::kBinary, std::string(5000, 'p'), false));
  it.settle();  // what is left is the leak checker's to find
  EXPECT_EQ(it.shard.table().clients(), 4U);
}

TEST(ShardUpgrade, AReusedSlotStartsANewOne) {
  ShardOptions options = test::small_shard();
  options.max_clients = 1;
  FakeWsShard it(1, {}, options);
  for (int round = 0; round < 10; ++round) {
    FakePeer& half = it.connect();
    half.send(as_bytes(upgrade_request()).first(100));
    it.turn_until([&] { return half.inbound.empty(); });
    (round % 2 == 0 ? half.ended : half.reset) = true;
    ASSERT_TRUE(it.turn_until([&] { return half.closed; }));
    FakePeer& whole = it.upgrade();
    whole.send(ws_basic_ping());
    ASSERT_TRUE(
        it.turn_until([&] { return whole.received.size() == kUpgraded.size() + kWsPong.size(); }));
    EXPECT_TRUE(std::ranges::equal(test::after_upgrade(whole), kWsPong));
    whole.ended = true;
    ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
    it.expect_idle();
  }
}

}  // namespace
}  // namespace ringgate
