// WebSocket clients of a shard over the fake kernel: what they send, and what they got.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "codec/ws_message.h"
#include "tests/codec/ws_stream.h"
#include "tests/dataplane/shard_fixture.h"

namespace ringgate::test {

// The key of RFC 6455, section 1.3, and all of its answer.
inline std::string upgrade_request(std::string_view more_fields = {}, std::string_view path = "/",
                                   std::string_view version = "13") {
  std::string text = "GET ";
  text.append(path).append(
      " HTTP/1.1\r\nHost: gateway\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: ");
  return text.append(version).append("\r\n").append(more_fields).append("\r\n");
}

inline constexpr std::string_view kUpgraded =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

// A client's frame.
inline Bytes ws_frame(Opcode opcode, ByteView payload, bool fin = true) {
  Bytes bytes;
  append_client_frame(bytes, opcode, fin, payload, {0x37, 0xfa, 0x21, 0x3d});
  return bytes;
}
inline Bytes ws_frame(Opcode opcode, std::string_view payload, bool fin = true) {
  return ws_frame(opcode, as_bytes(payload), fin);
}
inline Bytes ws_basic_ping() {
  return ws_frame(Opcode::kBinary, ByteView(kTcpPing).subspan(kTcpFrameHeadBytes));
}
// A server's frame.
inline Bytes ws_answer(Opcode opcode, std::string_view payload) {
  Bytes bytes;
  append_server_frame(bytes, opcode, true, as_bytes(payload));
  return bytes;
}
inline Bytes ws_close_answer(WsCloseCode code, std::string_view why) {
  Bytes bytes(kMaxWsCloseFrameBytes);
  const std::uint8_t* const end = write_ws_close_frame(bytes.data(), code, why);
  bytes.resize(static_cast<std::size_t>(end - bytes.data()));
  return bytes;
}

// What came after the upgrade's answer, which is checked.
inline Bytes after_upgrade(const FakePeer& peer) {
  const std::string all = text(peer.received);
  EXPECT_TRUE(all.starts_with(kUpgraded)) << all;
  const auto head = static_cast<std::ptrdiff_t>(std::min(all.size(), kUpgraded.size()));
  return {peer.received.begin() + head, peer.received.end()};
}
inline WsTranscript answers_to(const FakePeer& peer) {
  return read_ws_stream(after_upgrade(peer),
                        {.max_message_bytes = std::size_t{1} << 24, .from_client = false});
}

struct FakeWsShard : FakeShard {
  explicit FakeWsShard(std::uint64_t seed, const Faults& faults = {},
                       const ShardOptions& options = small_shard(), Handler* given = nullptr,
                       const std::vector<Transport>& transports = {Transport::kWebSocket})
      : FakeShard(seed, faults, options, given, transports) {}

  // A client that has got through its handshake.
  FakePeer& upgrade(std::size_t listener_index = 0) {
    FakePeer& peer = connect(listener_index);
    peer.send(as_bytes(upgrade_request()));
    EXPECT_TRUE(turn_until([&] { return peer.received.size() >= kUpgraded.size(); }));
    return peer;
  }
  // As far as it gets: until the kernel has nothing to do any more.
  void settle() {
    for (int i = 0; i < 40; ++i) turn(0);
  }
  // Until the connection of `peer` is gone; the peer leaves when the shard has.
  bool end(FakePeer& peer) {
    EXPECT_TRUE(turn_until([&] { return peer.saw_end; }));
    peer.ended = true;
    return turn_until([&] { return peer.closed && shard.table().clients() == 0; });
  }
  [[nodiscard]] std::uint64_t count(Counter counter) const { return shard.counters().get(counter); }
  [[nodiscard]] std::uint64_t closed(CloseReason reason) const {
    return shard.counters().closed(reason);
  }
};

}  // namespace ringgate::test
