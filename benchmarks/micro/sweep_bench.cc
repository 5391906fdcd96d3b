// What it costs a shard to look at an idle connection when it sweeps its table: the whole of
// Shard::iterate over a ring that costs next to nothing, with each turn's sweep due. `per_look` is
// the time per connection looked at.
//
// The argument is how many tables of 20,000 connections take turns: with one they stay in the
// caches, with 50 they are the million connections of a machine and come from memory.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "benchmarks/micro/instant_ring.h"
#include "benchmarks/micro/lone_shard.h"

namespace ringgate::bench {
namespace {

constexpr std::uint32_t kConnections = 20'000;

std::uint64_t time_ms = 1;

std::uint64_t told_time_ms() {
  return time_ms;
}

using Shards = std::vector<std::unique_ptr<LoneShard>>;

ShardOptions options() {
  ShardOptions options;
  options.max_clients = kConnections;
  options.max_links = 1;
  options.sweep_ms = 1;
  options.limits[0].read_timeout_ms = UINT32_MAX;  // compared, never reached
  options.time_ms = &told_time_ms;
  return options;
}

// Kept for the repetitions: a million connections take a second to accept.
Shards& shards_of(std::size_t tables) {
  static Shards shards;
  if (shards.size() != tables) {
    shards.clear();
    bring({});
    while (shards.size() < tables) {
      shards.push_back(std::make_unique<LoneShard>(options(), Transport::kTcp));
    }
  }
  return shards;
}

void sweep(benchmark::State& state) {
  Shards& shards = shards_of(static_cast<std::size_t>(state.range(0)));
  std::size_t at = 0;
  for (auto _ : state) {
    ++time_ms;
    shards[at]->shard().iterate(0);
    at = at + 1 == shards.size() ? 0 : at + 1;
  }
  const double looks = static_cast<double>(state.iterations()) *
                       (kConnections / static_cast<double>(options().sweep_parts) + 1);
  state.counters["per_look"] =
      benchmark::Counter(looks, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(sweep)->Arg(1)->Arg(50);

}  // namespace
}  // namespace ringgate::bench

BENCHMARK_MAIN();
