// The scenario push: when which packet is pushed.
//
// Open loop: packet n is meant to be sent at the begin of the run plus n intervals; one that leaves
// late keeps that time as its stamp. What was meant before the window's end and is late then is
// still sent while the run drains; what never leaves is an error, and counts as sent. Closed loop:
// so many packets are outstanding, counted by their receivers; what has brought nothing to anybody
// for a second is given up as lost (it is the difference between sent() and what was received).
//
// A packet leaves when each of its links has room; until then all wait. Nothing is pushed while
// nobody can be reached.
//
// Owned by the thread of the played service and used by no other, but for sent().
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/push_groups.h"
#include "benchmarks/ringbench/run_state.h"
#include "benchmarks/ringbench/service_channels.h"
#include "benchmarks/ringbench/service_links.h"
#include "benchmarks/ringbench/tally.h"

namespace ringgate::bench {

class ServicePusher {
 public:
  // All outlive it.
  ServicePusher(const Options& options, RunState& state, const ServiceChannels& channels,
                ServiceLinks& links, Tally& tally);

  // Writes what is to be pushed now.
  void turn();
  // How long nothing is to be done here, unless a link has something to tell; 0: more at once.
  [[nodiscard]] std::uint64_t wait_ns() const noexcept { return wait_ns_; }
  // Once, when there will be no more turns.
  void finish();

  // Any thread: since the start, one for each receiver.
  [[nodiscard]] std::uint64_t sent() const noexcept {
    return sent_.load(std::memory_order_relaxed);
  }

 private:
  enum class Outcome : std::uint8_t { kPushed, kNobody, kNoRoom };

  void begin(std::uint64_t now_ns);
  void turn_open();
  void turn_closed();
  Outcome push(std::uint64_t intended_ns);
  void count(const PushGroup& group, std::uint64_t intended_ns);
  void count_left(std::uint64_t receivers, std::uint64_t intended_ns, std::uint64_t now_ns);
  void give_up_lost(std::uint64_t now_ns);
  void rebuild_when_changed();
  [[nodiscard]] std::uint64_t outstanding() const noexcept;
  [[nodiscard]] std::uint64_t intended_ns(std::uint64_t number) const noexcept;
  [[nodiscard]] std::uint64_t end_ns() const noexcept;

  const Options& options_;
  RunState& state_;
  const ServiceChannels& channels_;
  ServiceLinks& links_;
  Tally& tally_;
  PushGroups groups_;
  std::uint64_t groups_version_ = 0;  // of the channels that groups_ was built from
  std::size_t next_group_ = 0;
  std::uint64_t next_number_ = 0;  // of packets
  double interval_ns_ = 0;         // open loop
  std::uint64_t begin_ns_ = 0;     // 0: the run has not begun
  // When the run was seen to end: nothing is meant for later, whatever the window says.
  std::uint64_t run_end_ns_ = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t wait_ns_ = 0;
  std::uint64_t blocked_ns_ = 0;  // open loop: when a push could not leave, though it was due
  Outcome last_ = Outcome::kPushed;
  std::uint64_t given_up_ = 0;       // closed loop, receivers
  std::uint64_t seen_received_ = 0;  // closed loop: what progress is measured by
  std::uint64_t progress_ns_ = 0;
  std::atomic<std::uint64_t> sent_{0};
};

}  // namespace ringgate::bench
