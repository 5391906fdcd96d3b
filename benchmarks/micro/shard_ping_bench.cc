// What a basic ping costs a shard in user space, over TCP and over WebSocket: the whole of
// Shard::iterate over a ring that costs next to nothing. Every turn brings one ping of each of 64
// connections and completes the sends of the turn before. One thread, everything in cache: it
// compares the two, it does not predict.
//
// Without arguments the repetitions of both are interleaved, and the difference of the medians is
// printed at the end; the target is 50 ns.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/micro/instant_ring.h"
#include "benchmarks/micro/lone_shard.h"
#include "codec/packet.h"
#include "codec/ws_frame.h"

namespace ringgate::bench {
namespace {

constexpr std::uint32_t kConnections = 64;
constexpr std::string_view kUpgradeRequest =
    "GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

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
  bring({});
  LoneShard lone(options, transport);
  Shard& shard = lone.shard();
  if (transport == Transport::kWebSocket) {
    bring(as_bytes(kUpgradeRequest));
    shard.iterate(0);
  }
  bring(ping_over(transport));
  for (int turn = 0; turn < 100; ++turn) shard.iterate(0);

  const std::uint64_t pings_before = shard.counters().get(Counter::kPings);
  const std::uint64_t sent_before = bytes_sent();
  for (auto _ : state) shard.iterate(0);
  const std::uint64_t pings = shard.counters().get(Counter::kPings) - pings_before;
  const std::size_t pong_bytes = transport == Transport::kTcp ? kTcpPong.size() : kWsPong.size();
  if (pings != static_cast<std::uint64_t>(state.iterations()) * kConnections ||
      bytes_sent() - sent_before != pings * pong_bytes) {
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
}  // namespace ringgate::bench

int main(int argc, char** argv) {
  // First, so that the command line's count.
  std::vector<std::string> arguments = {argv[0], "--benchmark_enable_random_interleaving=true",
                                        "--benchmark_repetitions=25", "--benchmark_min_time=0.1"};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  int count = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 2;
  ringgate::bench::Reporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  reporter.print_difference();
  return 0;
}
