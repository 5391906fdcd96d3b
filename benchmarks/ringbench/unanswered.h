// Messages of the window that will never have an answer although the run goes on: their connection
// was lost, or nobody was there to send them. How long they have waited is known when the run ends,
// so what is kept until then is when they were due: in slots, since there may be any number.
//
// Owned by one thread.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>

#include "benchmarks/ringbench/tally.h"

namespace ringgate::bench {

class Unanswered {
 public:
  // Of a window of that length.
  explicit Unanswered(std::uint64_t window_ns)
      : slot_ns_(window_ns / kSlots + 1), counts_(std::make_unique<Counts>()) {}

  // Due so long after the window's begin.
  void add(Action action, std::uint64_t due_ns) noexcept {
    ++(*counts_)[static_cast<std::size_t>(action)][std::min(due_ns / slot_ns_, kSlots - 1)];
  }

  // The run has ended so long after the window's begin. A slot's messages are told by the last of
  // them: none has waited less than is told.
  void settle(Tally& tally, std::uint64_t end_ns) {
    for (std::size_t action = 0; action < kActions; ++action) {
      for (std::uint64_t slot = 0; slot < kSlots; ++slot) {
        const std::uint64_t due_ns = std::min((slot + 1) * slot_ns_, end_ns);
        tally.actions[action].times.unanswered.record(end_ns - due_ns, (*counts_)[action][slot]);
      }
    }
    *counts_ = {};
  }

 private:
  static constexpr std::uint64_t kSlots = 1024;
  using Counts = std::array<std::array<std::uint64_t, kSlots>, kActions>;

  std::uint64_t slot_ns_;
  std::unique_ptr<Counts> counts_;
};

}  // namespace ringgate::bench
