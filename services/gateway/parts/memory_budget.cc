#include "services/gateway/parts/memory_budget.h"

#include <algorithm>
#include <array>

namespace ringgate {
namespace {

// With less it would not help that it goes.
constexpr std::size_t kWorthClosing = 1024;

std::uint64_t key_of(const Connection& connection) noexcept {
  return std::uint64_t{connection.slot} << 32U | connection.generation;
}

}  // namespace

std::size_t MemoryBudget::share() const noexcept {
  return context_.options.max_memory_bytes / context_.shard.options().shards;
}

bool MemoryBudget::accepted(Connection& connection) {
  if (context_.options.max_memory_bytes == 0 || used() <= share()) [[likely]]
    return true;
  const bool is_dry_run = context_.shard.options().limits_dry_run;
  if (is_dry_run && staying() <= share()) return true;
  close(connection);
  return is_dry_run;
}

void MemoryBudget::on_tick() {
  looked_in_vain_ = 0;
  if (!going_.empty()) forget_gone();
  if (context_.options.max_memory_bytes == 0 || staying() <= aim()) return;
  close_some(staying() - aim());
}

// A dry run only looks at ticks: nothing gets less by its looking more often. Nor does it where
// nobody has enough that it would help if he went.
void MemoryBudget::close_what_is_beyond() {
  Shard& shard = context_.shard;
  if (shard.options().limits_dry_run) return;
  if (looked_in_vain_ >= shard.table().client_high_water()) return;
  forget_gone();
  if (staying() <= share()) return;
  close_some(staying() - aim());
  if (staying() > share()) shard.want_turn();
}

void MemoryBudget::close_some(std::size_t bytes) {
  admission_.for_each_stranger([&](Connection& stranger) {
    if (!may_close(stranger)) return true;
    bytes -= std::min(bytes, close(stranger));
    return bytes > 0;
  });
  if (bytes > 0) close_fattest(bytes);
}

bool MemoryBudget::may_close(const Connection& connection) const {
  return connection.open() && waiting_bytes(connection) >= kWorthClosing &&
         !going_.contains(key_of(connection));
}

// The next kLooks places in each turn, so that a table of a hundred thousand stops nobody.
void MemoryBudget::close_fattest(std::size_t bytes) {
  struct Fat {
    std::size_t bytes = 0;
    Connection* connection = nullptr;
  };
  const auto is_fatter = [](const Fat& a, const Fat& b) { return a.bytes > b.bytes; };
  std::array<Fat, kMostClosed> fattest;  // a heap: the least of them is at its front
  ConnectionTable& table = context_.shard.table();
  const std::uint32_t places = table.client_high_water();
  const std::uint32_t looks = std::min(kLooks, places);
  for (std::uint32_t look = 0; look < looks; ++look) {
    if (cursor_ >= places) cursor_ = 0;
    Connection* const connection = table.at(cursor_++);
    if (connection == nullptr || waiting_bytes(*connection) <= fattest.front().bytes) continue;
    if (!may_close(*connection)) continue;
    std::ranges::pop_heap(fattest, is_fatter);
    fattest.back() = {waiting_bytes(*connection), connection};
    std::ranges::push_heap(fattest, is_fatter);
  }
  std::ranges::sort(fattest, is_fatter);
  looked_in_vain_ = fattest.front().connection == nullptr ? looked_in_vain_ + looks : 0;
  for (const Fat& fat : fattest) {
    if (fat.connection == nullptr || bytes == 0) return;
    bytes -= std::min(bytes, close(*fat.connection));
  }
}

// The frame that it has begun is let go at once: the kernel may hand over more of it for a while
// before it ends the receive. Nothing of this shard is being parsed at a tick, at the end of a turn
// or at an accept.
std::size_t MemoryBudget::close(Connection& connection) {
  const std::size_t its = pool_bytes(connection);
  const bool is_dry_run = context_.shard.options().limits_dry_run;
  context_.count(GatewayCounter::kMemoryFull);
  if (!is_dry_run) {
    context_.shard.abort(connection, GatewayClose::kMemoryFull);
    connection.carry.clear(context_.shard.pool());
  }
  going_.insert(key_of(connection));
  going_bytes_ += pool_bytes(connection);
  counted_dry_ = is_dry_run;
  return its;
}

// In a dry run also those with whom little waits by now: who was closed may come again, too.
void MemoryBudget::forget_gone() {
  going_bytes_ = 0;
  // Who was only counted is there to be closed.
  if (counted_dry_ && !context_.shard.options().limits_dry_run) {
    counted_dry_ = false;
    going_.clear();
  }
  absl::erase_if(going_, [this](std::uint64_t key) {
    const ConnectionHandle handle{static_cast<std::uint32_t>(key >> 32U),
                                  static_cast<std::uint32_t>(key)};
    const Connection* const connection = context_.shard.table().find(handle);
    if (connection == nullptr || waiting_bytes(*connection) < kWorthClosing) return true;
    going_bytes_ += pool_bytes(*connection);
    return false;
  });
}

}  // namespace ringgate
