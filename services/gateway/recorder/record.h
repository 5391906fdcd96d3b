// The last events of one channel. Memory of the shard's pool, taken at the first event that is
// worth keeping; the shard's thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/block_pool.h"
#include "services/gateway/recorder/event.h"

namespace ringgate {

struct FlightRecord {
  static constexpr std::size_t kEvents = 32;
  static constexpr std::size_t kMostBytes = 640;

  std::uint64_t pushed_us = 0;     // the first push that is not written yet; 0: there is none
  std::uint64_t pushed_bytes = 0;  // to the client, answers included
  std::uint64_t login_times = 0;   // of its channel: see rows.h
  std::uint32_t events = 0;        // so far; the last kEvents of them are here
  std::uint32_t login = 0;
  std::uint8_t traces = 0;  // that want its events, a bit each
  std::array<Event, kEvents> ring;

  void add(const Event& event) noexcept { ring[events++ % kEvents] = event; }
  [[nodiscard]] std::size_t kept() const noexcept { return std::min<std::size_t>(events, kEvents); }
  // The oldest first.
  template <class Use>
  void for_each(Use&& use) const {
    for (std::size_t i = events - kept(); i < events; ++i) use(ring[i % kEvents]);
  }
};
static_assert(sizeof(FlightRecord) <= FlightRecord::kMostBytes);

}  // namespace ringgate
