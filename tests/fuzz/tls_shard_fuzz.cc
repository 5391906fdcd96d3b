// The TLS stage of a shard. What a client seals is heard as a plain client's bytes are, however its
// records are cut; what is no TLS is heard by nobody; and nothing is left of any of them.
//
// The first byte: how the client is connected. The second: the seed of how its bytes arrive.
#include <algorithm>
#include <string>
#include <vector>

#include "tests/dataplane/tls_fixture.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

constexpr std::uint8_t kWebSocketBit = 1;
constexpr std::uint8_t kOldBit = 2;       // TLS 1.2
constexpr std::uint8_t kRawBit = 4;       // the bytes come as they are, before a handshake
constexpr std::uint8_t kRawAfterBit = 8;  // the same, after it
constexpr std::size_t kMaxMessageBytes = 512;
constexpr int kTurns = 20'000;

using Heard = std::vector<std::string>;

ShardOptions options_of(unsigned buffer_bytes) {
  ShardOptions options = test::small_shard();
  options.max_clients = 2;
  options.plain_messages = true;
  options.limits[0].max_frame_bytes = kMaxMessageBytes;
  options.limits[0].max_queued_bytes = std::size_t{1} << 20;  // no slow consumer
  options.limits[0].read_timeout_ms = 0;
  options.ring.client_buffer_bytes = buffer_bytes;
  return options;
}

void listen_to(test::FakeShard& it, Heard& heard) {
  it.handler.packet = [&](Connection&, ByteView bytes) { heard.emplace_back(as_text(bytes)); };
  it.handler.words = [&](Connection&, std::string_view words) { heard.emplace_back(words); };
}

// Its end is not asked of the shard: that closes with it.
void leave(test::FakeShard& it, test::FakePeer& peer) {
  peer.inbound.clear();
  peer.reset = true;
  const bool gone = it.turn_until([&] { return it.shard.table().clients() == 0; }, 1, kTurns);
  fuzz_check(gone, "the connection ends");
  fuzz_check(it.shard.pool().used_bytes() == 0, "nothing is left of it");
  fuzz_check(it.shard.counters().get(Gauge::kTlsHandshakes) == 0, "no handshake is under way");
  fuzz_check(ERR_peek_error() == 0, "OpenSSL's queue is empty");
}

void all_is_read(test::FakeShard& it, const test::FakePeer& peer) {
  it.turn_until([&] { return peer.inbound.empty() || peer.saw_end; }, 0, kTurns);
  for (int i = 0; i < 20; ++i) it.turn(0);
}

std::string opening_of(std::uint8_t setup) {
  return (setup & kWebSocketBit) != 0 ? test::upgrade_request() : std::string();
}

Heard play_plain(std::uint8_t setup, std::string_view bytes) {
  Heard heard;
  test::FakeShard it(1, {}, options_of(8192), nullptr,
                     {(setup & kWebSocketBit) != 0 ? Transport::kWebSocket : Transport::kTcp});
  listen_to(it, heard);
  test::FakePeer& peer = it.connect();
  peer.send(as_bytes(opening_of(setup) + std::string(bytes)));
  all_is_read(it, peer);
  leave(it, peer);
  return heard;
}

Heard play_sealed(std::uint8_t setup, std::uint8_t seed, std::string_view bytes) {
  Heard heard;
  test::TlsShard it(seed + 1U, {.stall = 3}, options_of(64U + 16U * seed));
  listen_to(it, heard);
  const std::size_t listener =
      (setup & kWebSocketBit) != 0 ? test::kWssListener : test::kTlsListener;
  test::TlsPeer peer(it, listener,
                     {.max_version = (setup & kOldBit) != 0 ? TLS1_2_VERSION : TLS1_3_VERSION});
  if ((setup & kRawBit) == 0) {
    fuzz_check(peer.shake_hands(), "a handshake");
    const std::string all = opening_of(setup) + std::string(bytes);
    const std::size_t cut = std::size_t{1} + seed;
    for (std::size_t at = 0; at < all.size() && (setup & kRawAfterBit) == 0; at += cut) {
      peer.send(std::string_view(all).substr(at, cut));
    }
  }
  if ((setup & (kRawBit | kRawAfterBit)) != 0) peer.send_raw(bytes);
  all_is_read(it, peer.peer());
  leave(it, peer.peer());
  return heard;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMostBytes = 4096;
  if (size < 2) return 0;
  const std::string_view bytes = as_text({data + 2, std::min(size - 2, kMostBytes)});
  const Heard sealed = play_sealed(data[0], data[1], bytes);
  if ((data[0] & (kRawBit | kRawAfterBit)) != 0) {
    fuzz_check(sealed.empty(), "what is not sealed is not heard");
  } else {
    fuzz_check(sealed == play_plain(data[0], bytes), "TLS makes no difference");
  }
  return 0;
}
