// A whole shard over the fake kernel, which checks what a shard must never do with its sockets and
// memory. The first byte of an input says how it is set up, and how the rest, which one client
// sends, gets there. What comes of it depends on the client's bytes alone, not on how they are cut,
// nor on silence between them, nor on faults; whatever it was, everything is given back.
//
// Each input is played twice: all at once, and in the way that it says. A replay of the corpus
// plays it in every way. Shards serve one input after another, as those of a gateway do, each in a
// place that others have had; for an input alone they are new.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/dataplane/shard_fixture.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

enum Setup : std::uint8_t {
  kWebSocketBit = 1,
  kProxiedBit = 2,
  kPlainBit = 4,
  kUpgradedBit = 8,  // a valid upgrade comes first, or the fuzzer would seldom get past it
};
constexpr std::size_t kKinds = 8;  // of shards: the first three
constexpr std::uint8_t kFirstWayBit = 16;
constexpr std::size_t kWays = 4;
#ifdef RINGGATE_FUZZES
constexpr bool kAllWays = false;
#else
constexpr bool kAllWays = true;
#endif

constexpr std::string_view kUpgrade =
    "GET / HTTP/1.1\r\nHost: fuzz\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
constexpr std::size_t kMaxMessageBytes = 1000;
constexpr std::size_t kParts = 3;

// That a shard serves before another takes its place: to begin one takes longer than to serve.
constexpr std::size_t kPlays = 100;

struct Outcome {
  std::vector<std::string> heard;
  std::string received;
  std::vector<CloseReason> reasons;
  std::string source;

  bool operator==(const Outcome&) const = default;
};

// How the client's bytes get to the shard.
struct Way {
  std::uint64_t seed = 1;
  unsigned buffer_bytes = 8192;
  bool silent = false;  // around the parts, until it is polled
  test::Faults faults = {};
};

ShardOptions options_of(std::uint8_t setup, const Way& way) {
  ShardOptions options = test::small_shard();
  options.max_clients = 2;
  options.max_clients_per_address = 1;
  options.plain_messages = (setup & kPlainBit) != 0;
  options.proxy_protocol = (setup & kProxiedBit) != 0;
  options.trusted_proxies = {*AddressRange::parse("127.0.0.0/8")};
  options.limits[0].max_frame_bytes = kMaxMessageBytes;
  options.limits[0].max_queued_bytes = std::size_t{1} << 20;  // no slow consumer
  options.linger_ms = 1'000'000;                              // all is read before the end
  options.limits[0].read_timeout_ms = 0;
  options.poll_after_ms = way.silent ? 50 : 0;
  options.sweep_parts = 1;  // so that the silent are seen at once
  options.ring.client_buffer_bytes = way.buffer_bytes;
  return options;
}

void all_is_read(test::FakeShard& it, const test::FakePeer& peer) {
  fuzz_check(it.turn_until([&] { return peer.inbound.empty(); }, 0, 200'000), "all is read");
}

// Until a poll waits for the client; false where that cannot be: before its handshake, after its
// end.
bool be_silent(test::FakeShard& it) {
  constexpr int kTurns = 8;
  constexpr unsigned kTurnMs = 100;
  const auto polled = [&] { return it.shard.counters().get(Gauge::kPolled) == 1; };
  return it.turn_until(polled, kTurnMs, kTurns);
}

void send_with_silence(test::FakeShard& it, test::FakePeer& peer, ByteView bytes) {
  const std::size_t part = bytes.size() / kParts + 1;
  while (!bytes.empty()) {
    const std::size_t now = std::min(part, bytes.size());
    peer.send(bytes.first(now));
    bytes = bytes.subspan(now);
    all_is_read(it, peer);
    static_cast<void>(be_silent(it));
  }
}

struct Kept {
  std::unique_ptr<test::FakeShard> shard;
  std::size_t plays = 0;
};

// The one for clients of that kind, who come that way (0: all at once), as if it were new.
test::FakeShard& shard_for(std::uint8_t setup, std::size_t number, const Way& way) {
  static std::array<std::array<Kept, kKinds>, kWays + 1> shards;
  Kept& kept = shards[number][setup % kKinds];
  if (kept.shard == nullptr || kept.plays == kPlays) {
    const Transport transport =
        (setup & kWebSocketBit) != 0 ? Transport::kWebSocket : Transport::kTcp;
    kept.plays = 0;
    kept.shard.reset();
    kept.shard = std::make_unique<test::FakeShard>(way.seed, way.faults, options_of(setup, way),
                                                   nullptr, std::vector{transport});
  }
  ++kept.plays;
  kept.shard->kernel.begin_again(way.seed, way.faults);
  kept.shard->handler.reasons.clear();
  return *kept.shard;
}

Outcome play(std::uint8_t setup, ByteView bytes, std::size_t number, const Way& way) {
  Outcome outcome;
  test::FakeShard& it = shard_for(setup, number, way);
  const auto hear = [&](const Connection& connection, char kind, std::string_view words) {
    outcome.heard.push_back(kind + std::string(words));
    outcome.source = connection.peer.ip();
    fuzz_check(words.size() <= kMaxMessageBytes, "a message above the bound");
    fuzz_check(connection.stage == Stage::kFrames, "a message before the handshake");
  };
  it.handler.packet = [&](Connection& one, ByteView payload) { hear(one, 'b', as_text(payload)); };
  it.handler.words = [&](Connection& one, std::string_view words) { hear(one, 't', words); };

  test::FakePeer& peer = it.connect();
  if ((setup & kUpgradedBit) != 0) peer.send(as_bytes(kUpgrade));
  if (way.silent) {
    const bool in_frames = (setup & (kWebSocketBit | kProxiedBit | kUpgradedBit)) == 0;
    fuzz_check(be_silent(it) || !in_frames, "the silent are polled");
    send_with_silence(it, peer, bytes);
  } else {
    peer.send(bytes);
  }
  all_is_read(it, peer);
  for (int i = 0; i < 5; ++i) it.turn(0);
  peer.ended = true;
  fuzz_check(it.turn_until([&] { return it.shard.table().clients() == 0; }, 0, 200'000),
             "a client that has gone is let go");
  it.expect_idle();
  outcome.received.assign(peer.received.begin(), peer.received.end());
  outcome.reasons = it.handler.reasons;
  fuzz_check(outcome.reasons.size() == 1, "one close for each client");
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What the fake kernel and expect_idle() find ends the program.
  static const bool breaks = [] {
    testing::FLAGS_gtest_throw_on_failure = false;
    testing::FLAGS_gtest_break_on_failure = true;
    return true;
  }();
  static_cast<void>(breaks);
  if (size < 1 || size > 4096) return 0;
  const std::uint8_t setup = data[0];
  const ByteView bytes(data + 1, size - 1);
  const Outcome whole = play(setup, bytes, 0, {});
  const test::Faults faults = {.stall = 3,
                               .short_send = 3,
                               .broken_send = 0,
                               .no_buffers = 5,
                               .recv_ends = 4,
                               .accept_fails = 3,
                               .accept_short = 3,
                               .poll_lies = 3,
                               .poll_fails = 4};
  struct {
    Way way;
    const char* what;
  } const ways[kWays] = {
      {{.seed = size, .buffer_bytes = 1}, "byte by byte it comes out differently"},
      {{.seed = size, .buffer_bytes = 7, .faults = faults}, "with faults it comes out differently"},
      {{.seed = size, .silent = true}, "with silence it comes out differently"},
      {{.seed = size, .buffer_bytes = 7, .silent = true, .faults = faults},
       "with silence and faults it comes out differently"}};
  for (std::size_t i = 0; i < kWays; ++i) {
    if (!kAllWays && i != setup / kFirstWayBit % kWays) continue;
    fuzz_check(play(setup, bytes, i + 1, ways[i].way) == whole, ways[i].what);
  }
  return 0;
}
