// A shard whose clients come through proxies, and what proxies send, over the fake kernel.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/dataplane/ws_fixture.h"

namespace ringgate::test {

inline constexpr std::uint32_t kProxyIp = 0x0A000001;     // 10.0.0.1
inline constexpr std::uint32_t kStrangerIp = 0xCB007107;  // 203.0.113.7
inline constexpr std::size_t kTcpListener = 0;
inline constexpr std::size_t kWsListener = 1;

inline ShardOptions behind_proxies(std::uint32_t max_per_address = 0) {
  ShardOptions options = small_shard();
  options.trusted_proxies = {*AddressRange::parse("10.0.0.0/8")};
  options.proxy_protocol = true;
  options.max_clients_per_address = max_per_address;
  return options;
}

struct ProxiedShard : FakeWsShard {
  explicit ProxiedShard(std::uint64_t seed, const ShardOptions& options = behind_proxies(),
                        const Faults& faults = {})
      : FakeWsShard(seed, faults, options, nullptr, {Transport::kTcp, Transport::kWebSocket}) {
    handler.packet = [this](Connection& connection, ByteView payload) {
      packets.emplace_back(as_text(payload));
      sources.push_back(connection.peer.ip() + ":" + std::to_string(connection.peer.port()));
    };
  }
  // Which sends all of it at once.
  FakePeer& client(std::uint32_t ip, std::size_t listener_index, ByteView bytes) {
    FakePeer& peer = kernel.connect(listeners[listener_index].sockets.port());
    peer.ip = ip;
    peer.send(bytes);
    EXPECT_TRUE(turn_until([&] { return peer.accepted && peer.inbound.empty(); }));
    settle();
    return peer;
  }
  std::size_t carried() {
    std::size_t bytes = 0;
    shard.table().for_each_client([&](Connection& one) { bytes += one.carry.size; });
    return bytes;
  }
  void leave() {
    shard.table().for_each_client(
        [this](Connection& connection) { shard.abort(connection, CloseReason::kDraining); });
    EXPECT_TRUE(turn_until([&] { return shard.table().clients() == 0; }));
    expect_idle();
  }

  std::vector<std::string> packets;
  std::vector<std::string> sources;  // of the packets
};

inline Bytes bytes_of(std::string_view words) {
  return {words.begin(), words.end()};
}

inline Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

inline Bytes proxy_v1(std::string_view source = "192.0.2.5") {
  return bytes_of("PROXY TCP4 " + std::string(source) + " 198.51.100.1 4711 443\r\n");
}

inline Bytes proxy_v2(std::uint8_t command = 0x21, std::uint8_t family = 0x11) {
  Bytes bytes = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
  const Bytes rest = {command, family, 0, 12, 192, 0, 2, 5, 198, 51, 100, 1, 0x12, 0x67, 1, 0xbb};
  return bytes + rest;
}

// With so many bytes behind the addresses.
inline Bytes proxy_v2_with(std::size_t tlv_bytes, std::uint8_t command = 0x21,
                           std::uint8_t family = 0x11) {
  Bytes bytes = proxy_v2(command, family);
  const std::size_t length = 12 + tlv_bytes;
  bytes[14] = static_cast<std::uint8_t>(length >> 8);
  bytes[15] = static_cast<std::uint8_t>(length);
  bytes.resize(bytes.size() + tlv_bytes, 0x20);
  return bytes;
}

// The first packets of a client of that listener.
inline Bytes first_words(std::size_t listener_index) {
  if (listener_index == kTcpListener) {
    return frame(Opcode::kBinary, "one") + frame(Opcode::kBinary, "two");
  }
  return bytes_of(upgrade_request()) + ws_frame(Opcode::kBinary, "one") +
         ws_frame(Opcode::kBinary, "two");
}

}  // namespace ringgate::test
