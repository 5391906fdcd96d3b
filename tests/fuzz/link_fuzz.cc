// A logic service's side of a link: the handshake, in which a gateway says who it is, and what
// comes behind it. Over the fake kernel, so that everything has to be given back. The first byte of
// an input says what comes before the rest, and in which pieces that comes; what the service makes
// of it does not depend on those.
#include <string>
#include <vector>

#include "codec/names.h"
#include "codec/pkt.pb.h"
#include "services/handlers/echo.h"
#include "services/logic/counters.h"
#include "services/logic/handler.h"
#include "tests/dataplane/shard_fixture.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace ringgate;

constexpr std::uint8_t kFrameBit = 1;  // the bytes are one frame, whatever they are
constexpr std::uint8_t kGreetBit = 2;  // a valid handshake comes before them
constexpr std::uint8_t kFirstPieceBit = 4;
constexpr std::size_t kMaxInput = 4096;
constexpr int kTurns = 20'000;

struct Outcome {
  std::vector<std::uint8_t> received;
  std::uint64_t not_greeted = 0;
  std::uint64_t malformed = 0;

  bool operator==(const Outcome&) const = default;
};

std::vector<std::uint8_t> handshake() {
  pkt::InnerHandshakeReq request;
  request.set_serviceid("g1");
  request.set_boot("0123456789");
  return test::frame(Opcode::kBinary, request.SerializeAsString());
}

Outcome play(ByteView bytes, unsigned buffer_bytes) {
  ShardOptions options = test::small_shard();
  options.ring.link_buffer_bytes = buffer_bytes;
  const FillRouter fill = [](Router& router) { add_echo_handlers(router); };
  LogicHandler handler(LogicOptions{}, {}, fill, {});
  test::FakeShard it(1, {}, options, &handler, std::vector<Listener>());
  test::FakePeer& peer = it.adopt();
  peer.send(bytes);
  fuzz_check(it.turn_until([&] { return peer.inbound.empty() || peer.closed; }, 0, kTurns),
             "all is read");
  for (int i = 0; i < 5; ++i) it.turn(0);
  peer.ended = true;
  fuzz_check(it.turn_until([&] { return it.shard.table().links() == 0; }, 0, kTurns),
             "a link that has gone is let go");
  fuzz_check(it.kernel.buffers_out() == 0 && it.kernel.open_sockets() == 0, "nothing is left");
  return {peer.received, it.shard.counters().closed(LogicClose::kHandshake),
          it.shard.counters().get(LogicCounter::kLinkPacketMalformed)};
}

// The shard itself answers those, whoever they come from.
bool is_ping(ByteView body) {
  return parse_packet(body, kMaxInput).status == PacketStatus::kBasic;
}

// By protobuf, and by what may be a name.
bool is_handshake(ByteView body) {
  pkt::InnerHandshakeReq request;
  return request.ParseFromArray(body.data(), static_cast<int>(body.size())) &&
         is_valid_foreign_id(request.serviceid());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // What the fake kernel finds ends the program.
  static const bool breaks = [] {
    testing::FLAGS_gtest_throw_on_failure = false;
    testing::FLAGS_gtest_break_on_failure = true;
    return true;
  }();
  static_cast<void>(breaks);
  if (size < 1 || size > kMaxInput) return 0;
  const std::uint8_t setup = data[0];
  const ByteView rest(data + 1, size - 1);
  std::vector<std::uint8_t> bytes;
  if ((setup & kGreetBit) != 0) bytes = handshake();
  if ((setup & kFrameBit) != 0) {
    const std::vector<std::uint8_t> framed = test::frame(Opcode::kBinary, rest);
    bytes.insert(bytes.end(), framed.begin(), framed.end());
  } else {
    bytes.insert(bytes.end(), rest.begin(), rest.end());
  }
  const Outcome whole = play(bytes, 8192);
  const unsigned piece = setup / kFirstPieceBit + 1U;
  fuzz_check(play(bytes, piece) == whole, "in pieces it is something else");
  if ((setup & kGreetBit) != 0) {
    fuzz_check(whole.not_greeted == 0, "it had said who it is");
  } else if ((setup & kFrameBit) != 0 && !is_ping(rest)) {
    fuzz_check((whole.not_greeted == 0) == is_handshake(rest), "who may have a link is another");
    fuzz_check(whole.received.empty(), "an answer before there was a request");
  }
  return 0;
}
