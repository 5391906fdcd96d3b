// How a WebSocket on a shard ends, over the fake kernel.
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tests/dataplane/ws_fixture.h"

namespace ringgate {
namespace {

using test::after_upgrade;
using test::FakePeer;
using test::FakeWsShard;
using test::TestClose;
using test::ws_answer;
using test::ws_basic_ping;
using test::ws_close_answer;
using test::ws_frame;

ShardOptions plain() {
  ShardOptions options = test::small_shard();
  options.plain_messages = true;
  return options;
}

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Bytes close_payload(std::uint16_t code, std::string_view why = {}) {
  Bytes bytes(sizeof code + why.size());
  store_be(bytes.data(), code);
  std::ranges::copy(why, bytes.begin() + sizeof code);
  return bytes;
}

// Sends it, whole and byte by byte; the shard closes the connection for that reason and code.
void expect_closed(const Bytes& bytes, CloseReason reason, WsCloseCode code,
                   const ShardOptions& options = test::small_shard()) {
  for (const bool one_by_one : {false, true}) {
    SCOPED_TRACE(one_by_one ? "byte by byte" : "whole");
    FakeWsShard it(1, {}, options);
    FakePeer& peer = it.upgrade();
    for (std::size_t at = 0; at < bytes.size() && !peer.saw_end;) {
      const std::size_t part = one_by_one ? 1 : bytes.size();
      peer.send(ByteView(bytes).subspan(at, part));
      at += part;
      it.turn_until([&] { return peer.inbound.empty(); });
      it.turn();
    }
    it.settle();
    EXPECT_EQ(it.handler.reasons, std::vector{reason});
    const bool answer = reason == CloseReason::kPeerCloseFrame;
    EXPECT_EQ(after_upgrade(peer),
              ws_close_answer(code, answer ? "" : describe(reason, test::kTestNames).name));
    EXPECT_TRUE(it.end(peer));
    EXPECT_EQ(it.closed(reason), 1U);
    it.expect_idle();
  }
}

TEST(ShardWsClose, OfAPeerIsAnsweredWithItsCode) {
  constexpr std::array<std::uint16_t, 16> kCodes = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
  for (const std::uint16_t code : kCodes) {
    SCOPED_TRACE(code);
    for (const std::string_view why : {std::string_view(), std::string_view("so long"),
                                       std::string_view("gr\xc3\xbc\xc3\x9f"
                                                        "e")}) {
      expect_closed(ws_frame(Opcode::kClose, close_payload(code, why)) + ws_basic_ping(),
                    CloseReason::kPeerCloseFrame, WsCloseCode{code});
    }
  }
}

TEST(ShardWsClose, AnEmptyOneIsAnsweredWithAnEmptyOne) {
  FakeWsShard it(1);
  FakePeer& peer = it.upgrade();
  peer.send(ws_frame(Opcode::kClose, ""));
  it.turn_until([&] { return peer.saw_end; });
  EXPECT_EQ(after_upgrade(peer), (Bytes{0x88, 0}));
  EXPECT_FALSE(peer.closed) << "it waits for the peer's end";
  EXPECT_TRUE(it.end(peer));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kPeerCloseFrame});
  it.expect_idle();
}

TEST(ShardWsClose, OverWhatIsNoClose) {
  constexpr std::array<std::uint16_t, 11> kBadCodes = {0,    999,  1004, 1005, 1006, 1015,
                                                       1016, 2000, 2999, 5000, 65535};
  for (const std::uint16_t code : kBadCodes) {
    expect_closed(ws_frame(Opcode::kClose, close_payload(code)), CloseReason::kBadFrame,
                  WsCloseCode::kProtocolError);
  }
  expect_closed(ws_frame(Opcode::kClose, "x"), CloseReason::kBadFrame, WsCloseCode::kProtocolError);
  expect_closed(ws_frame(Opcode::kClose, close_payload(1000, "\xff")), CloseReason::kBadText,
                WsCloseCode::kInvalidPayload);
}

TEST(ShardWsClose, OverProtocolErrors) {
  const auto refused = [](const Bytes& bytes) {
    SCOPED_TRACE(testing::PrintToString(bytes));
    expect_closed(bytes, CloseReason::kBadFrame, WsCloseCode::kProtocolError, plain());
  };
  const auto first_byte = [](std::uint8_t byte) {
    Bytes bytes = ws_frame(Opcode::kBinary, "abc");
    bytes[0] = byte;
    return bytes;
  };
  for (const int reserved : {0x40, 0x20, 0x10}) {
    refused(first_byte(static_cast<std::uint8_t>(0x82 | reserved)));
  }
  for (const int opcode : {0x3, 0x7, 0xb, 0xf}) {
    refused(first_byte(static_cast<std::uint8_t>(0x80 | opcode)));
  }
  refused(first_byte(0x09));                               // fragmented ping
  refused(ws_frame(Opcode::kContinuation, "of nothing"));  // nothing to go on with
  refused(ws_frame(Opcode::kBinary, "a", false) + ws_frame(Opcode::kBinary, "b"));
  refused(ws_frame(Opcode::kText, "a", false) + ws_frame(Opcode::kText, "b"));
  refused({0x82, 0x03, 'a', 'b', 'c'});                             // not masked
  refused({0x89, 0xfe, 0, 126});                                    // a ping of 126 bytes
  refused({0x82, 0xfe, 0, 125, 1, 2, 3, 4});                        // not its shortest form
  refused({0x82, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 1, 2, 3, 4});  // nor this
  refused({0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4});     // 2^63
}

TEST(ShardWsClose, AnswersWhatCameBeforeTheError) {
  FakeWsShard it(1);
  FakePeer& peer = it.upgrade();
  peer.send(ws_basic_ping() + ws_frame(Opcode::kPing, "x") + Bytes{0xff, 0xff});
  EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
  EXPECT_EQ(after_upgrade(peer), Bytes(kWsPong.begin(), kWsPong.end()) +
                                     ws_answer(Opcode::kPong, "x") +
                                     ws_close_answer(WsCloseCode::kProtocolError, "bad_frame"));
  EXPECT_TRUE(it.end(peer));
  it.expect_idle();
}

TEST(ShardWsClose, OverTextWherePacketsAreWanted) {
  expect_closed(ws_frame(Opcode::kText, "hello"), CloseReason::kTextMessage,
                WsCloseCode::kUnsupportedData);
  expect_closed(ws_frame(Opcode::kText, ""), CloseReason::kTextMessage,
                WsCloseCode::kUnsupportedData);
  expect_closed(ws_frame(Opcode::kText, "the first of", false), CloseReason::kTextMessage,
                WsCloseCode::kUnsupportedData);
}

TEST(ShardWsClose, OverTextThatIsNone) {
  const std::string bad = "abc\xc3(";
  expect_closed(ws_frame(Opcode::kText, bad), CloseReason::kBadText, WsCloseCode::kInvalidPayload,
                plain());
  expect_closed(ws_frame(Opcode::kText, "abc\xc3"), CloseReason::kBadText,
                WsCloseCode::kInvalidPayload, plain());
  expect_closed(ws_frame(Opcode::kText, "abc\xc3", false) + ws_frame(Opcode::kPong, "") +
                    ws_frame(Opcode::kContinuation, "(", true),
                CloseReason::kBadText, WsCloseCode::kInvalidPayload, plain());
}

TEST(ShardWsClose, OverTextThatIsNoneBeforeItHasAllCome) {
  FakeWsShard it(1, {}, plain());
  FakePeer& peer = it.upgrade();
  const Bytes all = ws_frame(Opcode::kText, "ab\xff" + std::string(10'000, 'c'));
  peer.send(ByteView(all).first(8 + 3));
  EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kBadText});
  EXPECT_EQ(after_upgrade(peer), ws_close_answer(WsCloseCode::kInvalidPayload, "bad_text"));
}

TEST(ShardWsClose, OverMessagesAboveTheBound) {
  ShardOptions options = plain();
  options.limits[0].max_frame_bytes = 1000;
  const auto too_long = [&](const Bytes& bytes) {
    expect_closed(bytes, CloseReason::kFrameTooLong, WsCloseCode::kTooBig, options);
  };
  // From the head alone.
  too_long({0x82, 0xfe, 0x03, 0xe9});
  too_long({0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0});
  too_long({0x82, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  // All fragments together.
  const std::string part(600, 'p');
  too_long(ws_frame(Opcode::kBinary, part, false) + Bytes{0x80, 0xfe, 0x01, 0x91});
  too_long(ws_frame(Opcode::kText, part, false) +
           ws_frame(Opcode::kContinuation, part.substr(200), false) +
           Bytes{0x80, 0x81, 1, 2, 3, 4, 'x'});
}

TEST(ShardWsClose, AMessageOfExactlyTheBoundIsTaken) {
  ShardOptions options = plain();
  options.limits[0].max_frame_bytes = 1000;
  FakeWsShard it(1, {}, options);
  std::vector<std::size_t> sizes;
  it.handler.packet = [&](Connection&, ByteView payload) { sizes.push_back(payload.size()); };
  FakePeer& peer = it.upgrade();
  peer.send(ws_frame(Opcode::kBinary, std::string(1000, 'x')));
  peer.send(ws_frame(Opcode::kBinary, std::string(600, 'x'), false));
  peer.send(ws_frame(Opcode::kPing, std::string(125, 'p')));  // not of the message
  peer.send(ws_frame(Opcode::kContinuation, std::string(400, 'x')));
  peer.send(ws_frame(Opcode::kBinary, std::string(1000, 'x')));
  EXPECT_TRUE(it.turn_until([&] { return sizes.size() == 3; }));
  EXPECT_EQ(sizes, (std::vector<std::size_t>{1000, 1000, 1000}));
  EXPECT_TRUE(it.handler.reasons.empty());
}

// --- Ended by the shard -------------------------------------------------------------------------

TEST(ShardWsClose, FinishSaysWhyWithACode) {
  const HandlerNames names = test::kTestNames;
  const std::size_t end = index_of(CloseReason::kEnd) + names.closes.size();
  for (std::size_t index = 1; index < end; ++index) {
    const CloseReason reason = CloseReason::at(index);
    if (reason == CloseReason::kPeerCloseFrame) continue;  // answered with its own code
    const CloseName& name = describe(reason, names);
    SCOPED_TRACE(name.name);
    FakeWsShard it(1);
    it.handler.packet = [&](Connection& connection, ByteView) {
      std::uint8_t* const to = it.shard.reserve_frame(connection, Opcode::kBinary, 6);
      ASSERT_NE(to, nullptr);
      std::ranges::copy(std::string_view("answer"), to);
      it.shard.finish(connection, reason);
      EXPECT_EQ(it.shard.reserve(connection, 1), nullptr) << "it is closing";
    };
    FakePeer& peer = it.upgrade();
    peer.send(ws_frame(Opcode::kBinary, "x") + ws_frame(Opcode::kBinary, "not read any more"));
    EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
    Bytes expected = ws_answer(Opcode::kBinary, "answer");
    if (reason != CloseReason::kPeerClosed) {
      expected = expected + ws_close_answer(name.code, name.name);
    }
    EXPECT_EQ(after_upgrade(peer), expected);
    EXPECT_EQ(it.handler.reasons, std::vector{reason});
    EXPECT_TRUE(it.end(peer));
    it.expect_idle();
  }
}

TEST(ShardWsClose, EveryCodeMayBeOnTheWire) {
  for (const CloseName& reason : names_of<CloseReason::Own>()) {
    EXPECT_TRUE(is_wire_close_code(static_cast<std::uint16_t>(reason.code))) << reason.name;
  }
  const std::vector<std::pair<CloseReason::Own, int>> codes = {
      {CloseReason::kBadFrame, 1002},  {CloseReason::kTextMessage, 1003},
      {CloseReason::kBadText, 1007},   {CloseReason::kFrameTooLong, 1009},
      {CloseReason::kDraining, 1001},  {CloseReason::kIdleTimeout, 1001},
      {CloseReason::kPeerReset, 1008}, {CloseReason::kSlowConsumer, 1008}};
  for (const auto& [reason, code] : codes) {
    EXPECT_EQ(static_cast<int>(describe(reason).code), code) << describe(reason).name;
  }
}

TEST(ShardWsClose, AbortSendsNothing) {
  FakeWsShard it(1);
  it.handler.packet = [&](Connection& connection, ByteView) {
    it.shard.abort(connection, TestClose::kKickedOut);
  };
  FakePeer& peer = it.upgrade();
  peer.send(ws_frame(Opcode::kBinary, "x"));
  EXPECT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
  EXPECT_TRUE(after_upgrade(peer).empty());
  it.expect_idle();
}

TEST(ShardWsClose, ASlowReaderCostsOnlyItself) {
  ShardOptions options = test::small_shard();
  options.limits[0].max_queued_bytes = 10'000;
  options.max_answer_bytes = 0;  // at once, and not when it has asked for more
  FakeWsShard it(1, {}, options);
  FakePeer& slow = it.upgrade();
  FakePeer& other = it.upgrade();
  slow.window = 0;
  const Bytes ping = ws_frame(Opcode::kPing, std::string(100, 'p'));
  for (int i = 0; i < 200 && !slow.closed; ++i) {
    slow.send(ping);
    other.send(ping);
    it.turn_until([&] { return slow.inbound.empty() && other.inbound.empty(); });
    it.turn();
  }
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kSlowConsumer});
  EXPECT_TRUE(it.turn_until([&] { return slow.closed; }));
  EXPECT_TRUE(after_upgrade(slow).empty());
  it.settle();
  for (const WsRecord& record : test::answers_to(other).records) {
    EXPECT_EQ(record.opcode, Opcode::kPong);
  }
  EXPECT_GE(test::answers_to(other).records.size(), 90U);
  EXPECT_EQ(it.shard.counters().get(Gauge::kWebSockets), 1U);
}

// --- In the middle of a message -----------------------------------------------------------------

TEST(ShardWsClose, PartsOfAMessageAreGivenBack) {
  const Bytes part = ws_frame(Opcode::kContinuation, std::string(500, 's'), false);
  const Bytes rest(part.begin() + 300, part.end());
  const std::vector<std::function<void(FakeWsShard&, FakePeer&, Connection&)>> ends = {
      [](auto&, FakePeer& peer, auto&) { peer.ended = true; },
      [](auto&, FakePeer& peer, auto&) { peer.reset = true; },
      [&](auto&, FakePeer& peer, auto&) { peer.send(rest + ws_frame(Opcode::kClose, "")); },
      [&](auto&, FakePeer& peer, auto&) { peer.send(rest + ws_frame(Opcode::kBinary, "")); },
      [](auto& it, auto&, Connection& one) { it.shard.finish(one, CloseReason::kDraining); },
      [](auto& it, auto&, Connection& one) { it.shard.abort(one, TestClose::kKickedOut); },
  };
  ShardOptions options = plain();
  options.max_clients = 1;
  FakeWsShard it(1, {}, options);
  std::vector<std::string> heard;
  it.handler.packet = [&](Connection&, ByteView payload) { heard.emplace_back(as_text(payload)); };
  for (const auto& end : ends) {
    for (const Opcode opcode : {Opcode::kBinary, Opcode::kText}) {
      FakePeer& peer = it.upgrade();
      peer.send(ws_frame(opcode, std::string(500, 's'), false));
      peer.send(ws_frame(Opcode::kContinuation, std::string(500, 's'), false));
      peer.send(ByteView(part).first(300));
      ASSERT_TRUE(it.turn_until([&] { return peer.inbound.empty(); }));
      it.turn();
      EXPECT_GE(it.shard.pool().used_bytes(), 1300U);
      it.shard.table().for_each_client([&](Connection& one) { end(it, peer, one); });
      if (!peer.reset) {
        ASSERT_TRUE(it.end(peer));
      }
      ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
      it.expect_idle();
      // The next one in that slot is not in the middle of anything.
      FakePeer& next = it.upgrade();
      next.send(ws_frame(Opcode::kBinary, "cl", false) +
                ws_frame(Opcode::kContinuation, "ean", true));
      ASSERT_TRUE(it.turn_until([&] { return !heard.empty(); }));
      EXPECT_EQ(heard, std::vector<std::string>{"clean"});
      heard.clear();
      next.ended = true;
      ASSERT_TRUE(it.turn_until([&] { return it.shard.table().clients() == 0; }));
      it.expect_idle();
    }
  }
}

// The handler ends the connection from within the message that was put together.
TEST(ShardWsClose, FromWithinAMessageOfSeveralFragments) {
  for (const bool by_abort : {false, true}) {
    FakeWsShard it(1, {}, plain());
    it.handler.packet = [&](Connection& connection, ByteView payload) {
      const std::string before(as_text(payload));
      by_abort ? it.shard.abort(connection, TestClose::kKickedOut)
               : it.shard.finish(connection, TestClose::kKickedOut);
      EXPECT_EQ(as_text(payload), before) << "the payload is valid for the whole call";
    };
    FakePeer& peer = it.upgrade();
    peer.send(ws_frame(Opcode::kBinary, std::string(400, 'a'), false) +
              ws_frame(Opcode::kContinuation, std::string(400, 'b'), true) +
              ws_frame(Opcode::kBinary, std::string(400, 'c'), false));
    EXPECT_TRUE(it.turn_until([&] { return peer.saw_end; }));
    EXPECT_TRUE(it.end(peer));
    EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{TestClose::kKickedOut});
    it.expect_idle();
  }
}

}  // namespace
}  // namespace ringgate
