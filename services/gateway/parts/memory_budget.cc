#include "services/gateway/parts/memory_budget.h"

#include <algorithm>
#include <array>

namespace ringgate {
namespace {

// With less it would not help that it goes.
constexpr std::size_t kWorthClosing = 1024;

}  // namespace

std::size_t MemoryBudget::share() const noexcept {
  return context_.options.max_memory_bytes / context_.shard.options().shards;
}

bool MemoryBudget::accepted(Connection& connection) {
  if (context_.options.max_memory_bytes == 0 || used() <= share()) [[likely]]
    return true;
  close(connection);
  return context_.shard.options().limits_dry_run;
}

void MemoryBudget::on_tick() {
  if (context_.options.max_memory_bytes == 0) return;
  const std::size_t aim = share() / 5 * 4;
  if (used() <= aim) return;
  std::size_t bytes = used() - aim;
  admission_.for_each_stranger([&](Connection& stranger) {
    const std::size_t its = waiting_bytes(stranger);
    if (its < kWorthClosing) return true;
    close(stranger);
    bytes -= std::min(bytes, its);
    return bytes > 0;
  });
  if (bytes > 0) close_fattest(bytes);
}

// The next kLooks places in each tick, so that a table of a hundred thousand stops nobody.
void MemoryBudget::close_fattest(std::size_t bytes) {
  struct Fat {
    std::size_t bytes = 0;
    Connection* connection = nullptr;
  };
  const auto is_fatter = [](const Fat& a, const Fat& b) { return a.bytes > b.bytes; };
  std::array<Fat, kMostClosed> fattest;  // a heap: the least of them is at its front
  ConnectionTable& table = context_.shard.table();
  const std::uint32_t places = table.client_high_water();
  for (std::uint32_t looks = std::min(kLooks, places); looks > 0; --looks) {
    if (cursor_ >= places) cursor_ = 0;
    Connection* const connection = table.at(cursor_++);
    if (connection == nullptr || !connection->open()) continue;
    const Fat fat{waiting_bytes(*connection), connection};
    if (fat.bytes < kWorthClosing || fat.bytes <= fattest.front().bytes) continue;
    std::ranges::pop_heap(fattest, is_fatter);
    fattest.back() = fat;
    std::ranges::push_heap(fattest, is_fatter);
  }
  std::ranges::sort(fattest, is_fatter);
  for (const Fat& fat : fattest) {
    if (fat.connection == nullptr || bytes == 0) return;
    close(*fat.connection);
    bytes -= std::min(bytes, fat.bytes);
  }
}

void MemoryBudget::close(Connection& connection) {
  context_.count(GatewayCounter::kMemoryFull);
  if (!context_.shard.options().limits_dry_run) {
    context_.shard.abort(connection, GatewayClose::kMemoryFull);
  }
}

}  // namespace ringgate
