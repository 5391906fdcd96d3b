// Micro-benchmarks of what a gateway does with the bytes of one message, beside what protobuf would
// cost for the same work. Single thread, everything in cache: they compare, they do not predict.
#include <benchmark/benchmark.h>
#include <google/protobuf/arena.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "codec/header_scan.h"
#include "codec/header_slow.h"
#include "codec/login_scan.h"
#include "codec/packet.h"
#include "codec/pkt.pb.h"
#include "codec/rewrite.h"
#include "codec/tcp_frame.h"

namespace ringgate {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMaxFrameBytes = 65'536;
constexpr std::size_t kMaxHeaderBytes = 4096;
constexpr std::uint32_t kMaxMetas = 64;
constexpr std::array<std::uint8_t, 16> kBody = {};
constexpr ClientIdentity kIdentity = {
    .channel_id = "gateway-0001_bench00000000001_0123456789abcdef",
    .app = "kim",
    .account = "bench00000000001",
    .gateway_id = "gateway-0001"};

// What a client sends: a request in a TCP frame.
Bytes request_frame() {
  OutgoingHeader header;
  header.command = "chat.user.talk";
  header.sequence = 70'000;
  header.dest = "bench00000000002";
  Bytes frame(framed_packet_bytes(header, kBody.size()));
  write_framed_packet(frame.data(), header, kBody);
  return frame;
}

// What a service sends: a push to `channels` channels, without the frame's head.
Bytes push_packet(int channels) {
  std::string joined;
  for (int channel = 0; channel < channels; ++channel) {
    if (channel > 0) joined += ',';
    joined += kIdentity.channel_id;
  }
  OutgoingHeader header;
  header.command = "chat.group.talk";
  header.sequence = 70'000;
  header.flag = Flag::kPush;
  header.dest_server = kIdentity.gateway_id;
  header.dest_channels = joined;
  Bytes packet(packet_bytes(header, kBody.size()));
  write_packet(packet.data(), header, kBody);
  return packet;
}

Packet packet_of(const Bytes& frame) {
  return parse_packet(ByteView(frame).subspan(kTcpFrameHeadBytes), kMaxHeaderBytes);
}

void next_frame(benchmark::State& state) {
  const Bytes one = request_frame();
  Bytes input;
  for (int copy = 0; copy < 16; ++copy) input.insert(input.end(), one.begin(), one.end());
  std::int64_t frames = 0;
  for (auto _ : state) {
    ByteView rest = input;
    for (;;) {
      const FrameStep step = next_tcp_frame(rest, kMaxFrameBytes);
      if (step.status != FrameStatus::kFrame) break;
      benchmark::DoNotOptimize(parse_packet(step.frame.payload, kMaxHeaderBytes));
      rest = rest.subspan(step.consumed);
      ++frames;
    }
  }
  state.SetItemsProcessed(frames);
}
BENCHMARK(next_frame);

void scan_request(benchmark::State& state) {
  const Bytes frame = request_frame();
  const Packet packet = packet_of(frame);
  for (auto _ : state) {
    HeaderScan scan;
    benchmark::DoNotOptimize(scan_header(packet.header, kMaxMetas, scan));
    benchmark::DoNotOptimize(scan);
  }
}
BENCHMARK(scan_request);

void parse_request_with_protobuf(benchmark::State& state) {
  const Bytes frame = request_frame();
  const Packet packet = packet_of(frame);
  google::protobuf::Arena arena;
  for (auto _ : state) {
    auto* header = google::protobuf::Arena::CreateMessage<pkt::Header>(&arena);
    benchmark::DoNotOptimize(
        header->ParseFromArray(packet.header.data(), static_cast<int>(packet.header.size())));
    arena.Reset();
  }
}
BENCHMARK(parse_request_with_protobuf);

// Scan and append: the forward path of one packet.
void forward(benchmark::State& state) {
  const Bytes frame = request_frame();
  const Packet packet = packet_of(frame);
  Bytes suffix(client_suffix_bytes(kIdentity));
  write_client_suffix(suffix.data(), kIdentity);
  Bytes output(forward_bytes(packet.header, suffix, packet.tail));
  for (auto _ : state) {
    HeaderScan scan;
    benchmark::DoNotOptimize(scan_header(packet.header, kMaxMetas, scan));
    benchmark::DoNotOptimize(write_forward(output.data(), packet.header, suffix, packet.tail));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(forward);

// The same by the slow path: an arena parse, changes, a serialization.
void forward_with_protobuf(benchmark::State& state) {
  const Bytes frame = request_frame();
  const Packet packet = packet_of(frame);
  SlowPath slow;
  Bytes output(4096);
  for (auto _ : state) {
    HeaderScan scan;
    benchmark::DoNotOptimize(slow.parse(packet.header, scan));
    const ByteView header = slow.rewrite_for_forward(kIdentity);
    benchmark::DoNotOptimize(write_forward(output.data(), header, {}, packet.tail));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(forward_with_protobuf);

// Scan and leave out: the push path of one packet, before it is copied to its channels.
void push(benchmark::State& state) {
  const Bytes bytes = push_packet(static_cast<int>(state.range(0)));
  const Packet packet = parse_packet(bytes, bytes.size());
  Bytes output(bytes.size());
  for (auto _ : state) {
    HeaderScan scan;
    benchmark::DoNotOptimize(scan_header(packet.header, kMaxMetas, scan));
    const PushHeader header = strip_dest_metas(packet.header, scan);
    benchmark::DoNotOptimize(write_push_packet(output.data(), header, packet.tail));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(push)->Arg(1)->Arg(100);

void push_with_protobuf(benchmark::State& state) {
  const Bytes bytes = push_packet(static_cast<int>(state.range(0)));
  const Packet packet = parse_packet(bytes, bytes.size());
  SlowPath slow;
  Bytes output(bytes.size());
  for (auto _ : state) {
    HeaderScan scan;
    benchmark::DoNotOptimize(slow.parse(packet.header, scan));
    const ByteView stripped = slow.rewrite_for_push();
    const PushHeader header{.pieces = {stripped}, .bytes = stripped.size()};
    benchmark::DoNotOptimize(write_push_packet(output.data(), header, packet.tail));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(push_with_protobuf)->Arg(1)->Arg(100);

// What the gateway itself answers: a status, written without a message object.
void write_answer(benchmark::State& state) {
  OutgoingHeader header;
  header.command = "chat.user.talk";
  header.channel_id = kIdentity.channel_id;
  header.sequence = 70'000;
  header.flag = Flag::kResponse;
  header.status = Status::kSystemException;
  Bytes output(framed_packet_bytes(header, 0));
  for (auto _ : state) {
    benchmark::DoNotOptimize(framed_packet_bytes(header, 0));
    benchmark::DoNotOptimize(write_framed_packet(output.data(), header, {}));
    benchmark::ClobberMemory();
  }
}
BENCHMARK(write_answer);

// A login's body with as many empty tags as it holds, before its token is looked at.
std::string tags(std::int64_t bytes) {
  std::string body;
  while (body.size() + 2 <= static_cast<std::size_t>(bytes)) body.append("\x22\x00", 2);
  return body;
}

void hostile_login_scan(benchmark::State& state) {
  const std::string body = tags(state.range(0));
  LoginScan scan;
  for (auto _ : state) benchmark::DoNotOptimize(scan_login(as_bytes(body), 32, scan));
}
BENCHMARK(hostile_login_scan)->Arg(8'192)->Arg(65'000);

void hostile_login_protobuf(benchmark::State& state) {
  const std::string body = tags(state.range(0));
  for (auto _ : state) {
    pkt::LoginReq login;
    benchmark::DoNotOptimize(login.ParseFromString(body));
  }
}
BENCHMARK(hostile_login_protobuf)->Arg(8'192)->Arg(65'000);

}  // namespace
}  // namespace ringgate

BENCHMARK_MAIN();
