// What was not found where it was looked for, by the zone that a selector chose: a bounded set of
// labels. Written by one shard, read by any thread; nothing is allocated after the start.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <string_view>

#include "dataplane/counters.h"

namespace ringgate {

class ZoneCounters {
 public:
  struct Row {
    Cell no_server;  // there was none at all
    Cell fallback;   // one of another zone served
  };
  static constexpr std::size_t kMostZones = 64;  // what is beyond counts as "other"

  ZoneCounters() { add({}); }

  // By its shard. The empty zone is that of selectors that choose none.
  [[nodiscard]] Row& of(std::string_view zone) noexcept {
    zone = zone.substr(0, kNameBytes);
    const std::size_t known = size_.load(std::memory_order_relaxed);
    for (std::size_t i = 0; i < known; ++i) {
      if (rows_[i].name() == zone) return rows_[i];
    }
    if (known == kMostZones) return rows_[known - 1];
    return add(known == kMostZones - 1 ? "other" : zone);
  }

  template <class Use>
  void for_each(Use&& use) const {
    const std::size_t known = size_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < known; ++i) use(rows_[i].name(), static_cast<const Row&>(rows_[i]));
  }

 private:
  static constexpr std::size_t kNameBytes = 100;  // as a route file bounds them
  struct NamedRow : Row {
    std::array<char, kNameBytes> text{};
    std::size_t bytes = 0;
    [[nodiscard]] std::string_view name() const noexcept { return {text.data(), bytes}; }
  };

  Row& add(std::string_view zone) noexcept {
    const std::size_t known = size_.load(std::memory_order_relaxed);
    NamedRow& row = rows_[known];
    std::ranges::copy(zone, row.text.begin());
    row.bytes = zone.size();
    size_.store(known + 1, std::memory_order_release);
    return row;
  }

  std::array<NamedRow, kMostZones> rows_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace ringgate
