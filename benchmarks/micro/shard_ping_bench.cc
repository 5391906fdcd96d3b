// What a basic ping costs a shard in user space, over TCP and over WebSocket: the whole of
// Shard::iterate over a ring that costs next to nothing. Every turn brings one ping of each of 64
// connections and completes the sends of the turn before. One thread, everything in cache: it
// compares the two, it does not predict.
//
// Without arguments the repetitions of both are interleaved, and the difference of the medians is
// printed at the end; the target is 50 ns.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codec/packet.h"
#include "codec/ws_frame.h"
#include "dataplane/shard.h"

namespace ringgate {
namespace {

constexpr std::uint32_t kConnections = 64;
constexpr std::size_t kBufferBytes = 2048;
constexpr std::string_view kUpgradeRequest =
    "GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// What each connection receives in a turn.
std::vector<std::uint8_t> turn_input;
std::uint64_t bytes_sent = 0;

void bring(ByteView bytes) {
  turn_input.assign(bytes.begin(), bytes.end());
}

}  // namespace

// Accepts as many connections as there are places for, and then has something to read on each of
// them whenever it is asked, as long as turn_input is not empty.
struct Ring::State {
  std::array<std::array<std::uint8_t, kBufferBytes>, kConnections> buffers;
  std::vector<std::uint64_t> receives;  // tags of those armed
  std::vector<Completion> ready;
  std::size_t taken = 0;
  std::int32_t next_place = 0;

  void complete(std::uint64_t tag, std::size_t result) {
    ready.push_back({.tag = tag, .result = static_cast<std::int32_t>(result)});
  }
};

Ring::Ring(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ring::~Ring() = default;

Result<std::unique_ptr<Ring>> Ring::create(const RingOptions& /*options*/) {
  auto state = std::make_unique<State>();
  state->receives.reserve(kConnections);
  state->ready.reserve(std::size_t{4} * kConnections);
  return std::unique_ptr<Ring>(new Ring(std::move(state)));
}

void Ring::accept_direct(int /*listen_fd*/, sockaddr_storage* address, socklen_t* address_bytes,
                         std::uint64_t tag) {
  address->ss_family = AF_INET;
  *address_bytes = sizeof(sockaddr_in);
  state_->ready.push_back({.tag = tag, .result = state_->next_place++});
}

void Ring::accept(int, sockaddr_storage*, socklen_t*, std::uint64_t) {}

void Ring::recv_multishot(File /*file*/, BufferGroup /*group*/, std::uint64_t tag) {
  state_->receives.push_back(tag);
}

// No client is idle here.
void Ring::recv(File, BufferGroup, std::uint64_t) {
  std::abort();
}
void Ring::poll(File, std::uint64_t) {
  std::abort();
}

void Ring::send(File /*file*/, const std::uint8_t* data, std::size_t bytes, std::uint64_t tag) {
  benchmark::DoNotOptimize(*data);
  bytes_sent += bytes;
  state_->complete(tag, bytes);
}

void Ring::send_gather(File /*file*/, std::span<const iovec> pieces, std::uint64_t tag) {
  std::size_t bytes = 0;
  for (const iovec& piece : pieces) bytes += piece.iov_len;
  bytes_sent += bytes;
  state_->complete(tag, bytes);
}

void Ring::shutdown(File, int, std::uint64_t tag) {
  state_->complete(tag, 0);
}
void Ring::close(File, std::uint64_t tag) {
  state_->complete(tag, 0);
}
void Ring::cancel(std::uint64_t, std::uint64_t tag) {
  state_->complete(tag, 0);
}
void Ring::read(int, void*, std::size_t, std::uint64_t) {}
void Ring::write(int, const void*, std::size_t, std::uint64_t) {}

void Ring::submit_and_wait(unsigned /*timeout_ms*/) {
  if (turn_input.empty()) return;
  for (std::size_t i = 0; i < state_->receives.size(); ++i) {
    std::memcpy(state_->buffers[i].data(), turn_input.data(), turn_input.size());
    state_->ready.push_back({.tag = state_->receives[i],
                             .result = static_cast<std::int32_t>(turn_input.size()),
                             .more = true,
                             .has_buffer = true,
                             .buffer_id = static_cast<std::uint16_t>(i)});
  }
}

unsigned Ring::reap(std::span<Completion> out) {
  const std::size_t count = std::min(out.size(), state_->ready.size() - state_->taken);
  std::copy_n(state_->ready.begin() + static_cast<std::ptrdiff_t>(state_->taken), count,
              out.begin());
  state_->taken += count;
  if (state_->taken == state_->ready.size()) {
    state_->ready.clear();
    state_->taken = 0;
  }
  return static_cast<unsigned>(count);
}

MutableBytes Ring::received(BufferGroup /*group*/, const Completion& completion) const {
  return {state_->buffers[completion.buffer_id].data(),
          static_cast<std::size_t>(completion.result)};
}

void Ring::recycle(BufferGroup /*group*/, std::uint16_t /*buffer_id*/) {}
void Ring::publish_buffers() {}

namespace {

class NoHandler final : public Handler {
  void on_start(Shard&) override {}
  void on_accept(Connection&) override {}
  void on_adopt(Connection&, const AdoptedFor&) override {}
  void on_packet(Connection&, ByteView) override { std::abort(); }  // a ping is no packet
  void on_close(Connection&, CloseReason) override { std::abort(); }
  void on_deadline(Connection&) override {}
  void on_mail(std::uint32_t, MailKind, ByteView) override {}
  void on_tick() override {}
};

std::vector<std::uint8_t> ping_over(Transport transport) {
  if (transport == Transport::kTcp) return {kTcpPing.begin(), kTcpPing.end()};
  const ByteView payload = ByteView(kTcpPing).subspan(kTcpFrameHeadBytes);
  constexpr WsMaskKey kKey = {0x37, 0xfa, 0x21, 0x3d};
  std::vector<std::uint8_t> frame(kMaxWsFrameHeadBytes + payload.size());
  std::uint8_t* const begin =
      write_ws_client_head(frame.data(), Opcode::kBinary, payload.size(), kKey);
  std::copy(payload.begin(), payload.end(), begin);
  frame.resize(static_cast<std::size_t>(begin - frame.data()) + payload.size());
  unmask(MutableBytes(frame).last(payload.size()), kKey);
  return frame;
}

void ping(benchmark::State& state, Transport transport) {
  ShardOptions options;
  options.max_clients = kConnections;
  options.max_links = 1;
  options.limits[0].read_timeout_ms = 0;
  NoHandler handler;
  const std::unique_ptr<Switchboard> board = std::move(*Switchboard::create(1, 0, 64 * 1024));
  Listener listener{std::move(*ListenerSet::open({"127.0.0.1", 0}, 1, false)), transport, {}};
  Shard shard(options, *board, handler);
  turn_input.clear();
  if (!shard.start(AcceptMode::kDirect, {&listener, 1})) std::abort();
  for (int turn = 0; turn < 8; ++turn) shard.iterate(0);
  if (shard.table().clients() != kConnections) std::abort();
  if (transport == Transport::kWebSocket) {
    bring(as_bytes(kUpgradeRequest));
    shard.iterate(0);
  }
  bring(ping_over(transport));
  for (int turn = 0; turn < 100; ++turn) shard.iterate(0);

  const std::uint64_t pings_before = shard.counters().get(Counter::kPings);
  const std::uint64_t sent_before = bytes_sent;
  for (auto _ : state) shard.iterate(0);
  const std::uint64_t pings = shard.counters().get(Counter::kPings) - pings_before;
  const std::size_t pong_bytes = transport == Transport::kTcp ? kTcpPong.size() : kWsPong.size();
  if (pings != static_cast<std::uint64_t>(state.iterations()) * kConnections ||
      bytes_sent - sent_before != pings * pong_bytes) {
    std::abort();  // it measured something else
  }
  state.counters["per_ping"] = benchmark::Counter(
      static_cast<double>(pings), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(ping, tcp, Transport::kTcp);
BENCHMARK_CAPTURE(ping, ws, Transport::kWebSocket);

// Remembers the medians.
class Reporter final : public benchmark::ConsoleReporter {
 public:
  Reporter() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      const auto counter = run.counters.find("per_ping");
      if (run.aggregate_name == "median" && counter != run.counters.end()) {
        median_ns_[run.run_name.function_name] = counter->second.value * 1e9;
      }
    }
  }
  void print_difference() const {
    if (median_ns_.size() != 2) return;
    const double tcp_ns = median_ns_.at("ping/tcp");
    const double ws_ns = median_ns_.at("ping/ws");
    std::printf("median user-space time of a ping: tcp %.1f ns, ws %.1f ns, difference %+.1f ns\n",
                tcp_ns, ws_ns, ws_ns - tcp_ns);
  }

 private:
  std::map<std::string, double> median_ns_;
};

}  // namespace
}  // namespace ringgate

int main(int argc, char** argv) {
  // First, so that the command line's count.
  std::vector<std::string> arguments = {argv[0], "--benchmark_enable_random_interleaving=true",
                                        "--benchmark_repetitions=25", "--benchmark_min_time=0.1"};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  ringgate::Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print_difference();
  return 0;
}
