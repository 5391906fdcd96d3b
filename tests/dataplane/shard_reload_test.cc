// A reload that lowers MaxFrame while a client's longer frame is half there closes that client, and
// nothing else.
#include "tests/dataplane/shard_fixture.h"
#include "tests/dataplane/ws_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;

ShardOptions with_bound(std::size_t bytes) {
  ShardOptions options = test::small_shard();
  options.limits[0].max_frame_bytes = bytes;
  return options;
}

TEST(ShardReload, ALowerBoundMeetsAHalfFrame) {
  test::FakeShard it(1, {}, with_bound(1000));
  FakePeer& peer = it.connect();
  const std::vector<std::uint8_t> frame = test::frame(Opcode::kBinary, std::string(500, 'x'));
  peer.send(ByteView(frame).first(20));
  for (int i = 0; i < 40; ++i) it.turn(0);
  const WsUpgradeOptions rules;
  it.shard.reconfigure(with_bound(100), std::span(&rules, 1));
  peer.send(ByteView(frame).subspan(20));
  EXPECT_TRUE(it.turn_until([&] { return !it.handler.reasons.empty(); }));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kFrameTooLong});
}

TEST(ShardReload, ALowerBoundMeetsAHalfWebSocketFrame) {
  test::FakeWsShard it(1, {}, with_bound(1000));
  FakePeer& peer = it.upgrade();
  const auto frame = test::ws_frame(Opcode::kBinary, std::string(500, 'x'));
  peer.send(ByteView(frame).first(20));
  it.settle();
  const WsUpgradeOptions rules;
  it.shard.reconfigure(with_bound(100), std::span(&rules, 1));
  peer.send(ByteView(frame).subspan(20));
  EXPECT_TRUE(it.turn_until([&] { return !it.handler.reasons.empty(); }));
  EXPECT_EQ(it.handler.reasons, std::vector<CloseReason>{CloseReason::kFrameTooLong});
}

}  // namespace
}  // namespace ringgate
