// Only a link on which nothing was sent is pinged.
#include <algorithm>
#include <cstring>
#include <optional>
#include <vector>

#include "services/gateway/upstreams/upstream.h"
#include "tests/dataplane/shard_fixture.h"

namespace ringgate {
namespace {

using test::FakePeer;
using test::FakeShard;
using test::frame;

constexpr std::uint32_t kHeartbeatMs = 100;

struct HeartbeatTest : testing::Test {
  HeartbeatTest() {
    it.handler.adopted = [this](Connection& connection, const AdoptedFor& what) {
      link = &connection;
      upstreams.link_opened(connection, what, false);
    };
    it.handler.deadline = [this](Connection& connection) { upstreams.send_heartbeat(connection); };
    it.handler.closed = [this](Connection& connection, CloseReason reason) {
      upstreams.link_closed(connection, reason);
    };
    service = &it.adopt();
  }
  static ShardOptions options() {
    ShardOptions options = test::small_shard();
    options.sweep_ms = 1;
    return options;
  }

  void request() {
    const std::vector<std::uint8_t> bytes = frame(Opcode::kBinary, "request");
    std::memcpy(it.shard.reserve(*link, bytes.size()), bytes.data(), bytes.size());
    it.turn(0);
  }
  // Of the time the shard looks at; the shard has done what was to do then.
  void pass(std::uint32_t ms) {
    for (std::uint32_t i = 0; i < ms; ++i) {
      it.kernel.advance(1);
      it.turn(0);
      it.turn(0);
    }
  }
  [[nodiscard]] std::ptrdiff_t pings() const {
    std::ptrdiff_t count = 0;
    ByteView rest = service->received;
    while (!rest.empty()) {
      const FrameStep step = next_tcp_frame(rest, 1024);
      if (step.status != FrameStatus::kFrame) break;
      if (step.frame.opcode == Opcode::kPing) ++count;
      rest = rest.subspan(step.consumed);
    }
    return count;
  }

  FakeShard it{1, {}, options()};
  InstanceCounters counts{4};
  Upstreams upstreams{it.shard, 16, kHeartbeatMs, counts};
  Connection* link = nullptr;
  FakePeer* service = nullptr;
};

TEST_F(HeartbeatTest, ABusyLinkIsNotPinged) {
  for (int i = 0; i < 100; ++i) {
    request();
    pass(10);
  }
  EXPECT_EQ(pings(), 0);
}

TEST_F(HeartbeatTest, AQuietOneIsPingedOncePerHeartbeat) {
  for (int i = 0; i < 3; ++i) {
    request();
    pass(10);
  }
  pass(kHeartbeatMs - 20);  // 90 ms after the last request
  EXPECT_EQ(pings(), 0);
  pass(30);
  EXPECT_EQ(pings(), 1);
  pass(10 * kHeartbeatMs);
  EXPECT_GE(pings(), 9);
  EXPECT_LE(pings(), 11);
}

// What the service says does not renew what it waits for.
TEST_F(HeartbeatTest, AlsoWhereTheServiceSpeaks) {
  for (int i = 0; i < 50; ++i) {
    service->send(frame(Opcode::kBinary, "push"));
    pass(10);
  }
  EXPECT_GE(pings(), 4);
}

TEST_F(HeartbeatTest, WhatWaitsToBeSentIsAsGoodAsAPing) {
  service->window = 0;  // it reads nothing
  request();
  pass(5 * kHeartbeatMs);
  service->window = SIZE_MAX;
  pass(20);
  EXPECT_EQ(pings(), 0);
}

}  // namespace
}  // namespace ringgate
