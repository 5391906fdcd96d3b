// A shard whose clients have small shares, and peers that say many numbered things.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "codec/tcp_frame.h"
#include "tests/dataplane/shard_fixture.h"

namespace ringgate::test {

inline ShardOptions shares(std::uint32_t client_share, std::uint32_t long_turn) {
  ShardOptions options = small_shard();
  options.client_share = client_share;
  options.long_turn = long_turn;
  options.ring.client_buffer_bytes = 4096;
  return options;
}

// Ping frames that say which they are.
inline std::vector<std::uint8_t> pings(int count) {
  std::vector<std::uint8_t> all;
  for (int i = 0; i < count; ++i) {
    const auto one = frame(Opcode::kPing, std::to_string(i));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}
inline std::vector<std::uint8_t> pongs(int count) {
  std::vector<std::uint8_t> all;
  for (int i = 0; i < count; ++i) {
    const auto one = frame(Opcode::kPong, std::to_string(i));
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}
// How many whole pongs of pongs() that is.
inline int pongs_in(const std::vector<std::uint8_t>& received) {
  std::size_t used = 0;
  for (int count = 0;; ++count) {
    const FrameStep step = next_tcp_frame(ByteView(received).subspan(used), 64);
    if (step.status != FrameStatus::kFrame) return count;
    used += step.consumed;
  }
}

inline void pass(FakeShard& it, std::uint64_t ms) {
  const std::uint64_t end = FakeKernel::now_ms() + ms;
  while (FakeKernel::now_ms() < end) it.turn(20);
}

}  // namespace ringgate::test
