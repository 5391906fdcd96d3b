// Micro-benchmarks of choosing a service for a packet, by each selector and number of services, and
// of the checksum that they choose by. Single thread, everything in cache.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/routing/by_zone.h"
#include "control/routing/rendezvous.h"
#include "control/routing/route_file.h"
#include "control/routing/selector.h"

namespace ringgate {
namespace {

constexpr std::array<std::string_view, 3> kZones = {"zone_a", "zone_b", "zone_c"};

// As many adults, in turn in each of the zones.
std::vector<CatalogueEntry> services(std::size_t count) {
  std::vector<CatalogueEntry> entries;
  entries.reserve(count);
  for (std::size_t at = 0; at < count; ++at) {
    entries.push_back({.upstream = static_cast<std::uint32_t>(at + 1),
                       .name = "chat",
                       .service_id = fmt::format("chat{:04}", at),
                       .zone = std::string(kZones[at % kZones.size()]),
                       .adult = true});
  }
  return entries;
}

const ZoneTable& routes() {
  static const Result<ZoneTable> table = ZoneTable::make(
      RouteBy::kAccount,
      {{std::string(kZones[0]), 71}, {std::string(kZones[1]), 20}, {std::string(kZones[2]), 10}},
      {{"kim", std::string(kZones[1])}});
  if (!table) std::abort();
  return *table;
}

std::unique_ptr<Selector> selector_of(SelectorKind kind) {
  switch (kind) {
    case SelectorKind::kHash:
      return std::make_unique<HashSelector>();
    case SelectorKind::kRendezvous:
      return std::make_unique<RendezvousSelector>();
    case SelectorKind::kRoute:
      return std::make_unique<ZoneSelector>(routes());
  }
  std::abort();
}

// Of many channels, so that no branch is learnt by heart.
class Keys {
 public:
  static constexpr std::size_t kCount = 1024;

  Keys() {
    accounts_.reserve(kCount);
    for (std::size_t at = 0; at < kCount; ++at) {
      accounts_.push_back(fmt::format("bench{:011}", at));
      const std::string channel =
          fmt::format("gateway-0001_{}_0123456789abcdef{:08x}", accounts_.back(), at);
      keys_.push_back(
          {.channel_crc = crc32_ieee(channel), .account = accounts_.back(), .app = "app"});
    }
  }
  [[nodiscard]] const SelectionKey& operator[](std::size_t at) const noexcept {
    return keys_[at % kCount];
  }

 private:
  std::vector<std::string> accounts_;
  std::vector<SelectionKey> keys_;
};

void select_by(benchmark::State& state, SelectorKind kind) {
  const std::vector<CatalogueEntry> entries = services(static_cast<std::size_t>(state.range(0)));
  Candidates candidates;
  for (const CatalogueEntry& entry : entries) candidates.push_back(&entry);
  const std::unique_ptr<Selector> selector = selector_of(kind);
  const std::unique_ptr<PreparedGroup> group = selector->prepare(std::move(candidates));
  const Keys keys;
  std::size_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(group->select(keys[at++]));
}
BENCHMARK_CAPTURE(select_by, hash, SelectorKind::kHash)->Arg(3)->Arg(30)->Arg(300);
BENCHMARK_CAPTURE(select_by, rendezvous, SelectorKind::kRendezvous)->Arg(3)->Arg(30)->Arg(300);
BENCHMARK_CAPTURE(select_by, route, SelectorKind::kRoute)->Arg(3)->Arg(30)->Arg(300);

// An account, a channel id, and something long.
void crc32(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  for (auto _ : state) benchmark::DoNotOptimize(crc32_ieee(text));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(crc32)->Arg(16)->Arg(46)->Arg(1024);

}  // namespace
}  // namespace ringgate

BENCHMARK_MAIN();
