// Run: the measuring window, and the drain after it.
#include <unistd.h>

#include <algorithm>

#include "benchmarks/ringbench/run.h"

namespace ringgate::bench {

void Run::begin_window() {
  const std::uint64_t load_ns = monotonic_ns() + kLookNs;
  begin_ns_ = load_ns + ms_to_ns(options_.warmup_ms);
  end_ns_ = begin_ns_ + ms_to_ns(options_.duration_ms);
  state_.load_begin_ns.store(load_ns, std::memory_order_relaxed);
  state_.window_begin_ns.store(begin_ns_, std::memory_order_relaxed);
  state_.window_end_ns.store(end_ns_, std::memory_order_relaxed);
  state_.phase.store(Phase::kRun, std::memory_order_release);
}

// False: the target's process has gone.
Result<bool> Run::sample(Measurement& measured, SampleDepth depth) {
  auto own = sample_process(getpid(), depth);
  if (!own) return std::unexpected(own.error());
  measured.own_samples.push_back(std::move(*own));
  if (options_.pid == 0) return true;
  auto target = sample_process(options_.pid, depth);
  if (!target) return false;
  measured.target_samples.push_back(std::move(*target));
  return true;
}

// What ends a run before its time, if something has.
std::optional<RunEnd> Run::early_end() {
  if (auto failure = state_.failure()) return failure;
  const bool storm = options_.scenario == Scenario::kLogin;
  if (!storm && totals().gone == options_.connections) {
    return RunEnd{"all connections were lost" + lost_by(state_.first_loss())};
  }
  return std::nullopt;
}

// At the window's end: is there still a target?
void Run::look_for_target(Measurement& measured) const {
  const bool storm = options_.scenario == Scenario::kLogin;
  const bool gone = storm ? std::ranges::all_of(workers_, &Worker::refused) : totals().ready == 0;
  if (!gone || measured.ended) return;
  measured.ended = RunEnd{storm ? "at the end nothing listened at the target any more: see its log"
                                : "at the end no connection was up" + lost_by(state_.first_loss())};
}

// Samples at each interval's end, until the window's end or what ends it early.
Result<void> Run::watch_window(Measurement& measured) {
  const std::uint64_t interval_ns = ms_to_ns(options_.interval_ms());
  std::uint64_t next_ns = begin_ns_;
  std::uint64_t answered_at_begin = 0;
  const std::uint64_t started = monotonic_ns();
  while (next_ns <= end_ns_) {
    const std::uint64_t now = monotonic_ns();
    if (now >= next_ns) {
      const bool at_end = next_ns == end_ns_;
      const bool at_begin = measured.own_samples.empty();
      if (at_begin) answered_at_begin = totals().answered;
      const SampleDepth depth = at_begin || at_end ? SampleDepth::kFull : SampleDepth::kBrief;
      auto sampled = sample(measured, depth);
      if (!sampled) return std::unexpected(sampled.error());
      if (!*sampled) measured.ended = RunEnd{"the target's process ended: see its log"};
      if (at_end) {
        look_for_target(measured);
        break;
      }
      next_ns = std::min(next_ns + interval_ns, end_ns_);
    }
    if (signalled(std::min(next_ns, now + kLookNs))) {
      if (at_warm_up(measured)) return fail(kStopped);
      if (auto cut = cut_short(measured); !cut) return cut;
      measured.ended = RunEnd{"cut short by a signal"};
      break;
    }
    // What has happened since the window's begin is judged after the sample of that.
    if (at_warm_up(measured) && monotonic_ns() >= next_ns) continue;
    if (!measured.ended) measured.ended = early_end();
    if (measured.ended) {
      if (at_warm_up(measured)) return fail("in the warm-up: " + measured.ended->sentence);
      if (auto cut = cut_short(measured); !cut) return cut;
      break;
    }
    if (now < begin_ns_) {
      show(ProgressPhase::kWarmUp, started, options_.warmup_ms);
    } else {
      show(ProgressPhase::kMeasuring, begin_ns_, options_.duration_ms);
    }
  }
  measured.messages = totals().answered - answered_at_begin;
  return {};
}

// The window's end comes now, a little ahead so that every thread has seen it before it is there.
Result<void> Run::cut_short(Measurement& measured) {
  measured.stopped_early = true;
  end_ns_ = std::min(end_ns_, monotonic_ns() + kLookNs);
  state_.window_end_ns.store(end_ns_, std::memory_order_relaxed);
  auto sampled = sample(measured, SampleDepth::kFull);
  if (!sampled) return std::unexpected(sampled.error());
  return {};
}

void Run::drain(Measurement& measured) {
  state_.phase.store(Phase::kDrain, std::memory_order_release);
  const std::uint64_t begin = monotonic_ns();
  const std::uint64_t until = begin + ms_to_ns(options_.drain_ms);
  std::uint64_t quiet_looks = 0;
  // What was sent in the last turn is seen as outstanding in the next: quiet counts twice.
  while (monotonic_ns() < until && quiet_looks < 2) {
    if (signalled(monotonic_ns() + kLookNs)) {
      if (!measured.ended) measured.ended = RunEnd{"cut short by a signal, in the drain"};
      return;
    }
    const bool pushed =
        options_.scenario != Scenario::kPush ||
        service_->pushes_sent() <= state_.pushes_received.load(std::memory_order_relaxed);
    quiet_looks = pushed && totals().outstanding == 0 ? quiet_looks + 1 : 0;
    show(ProgressPhase::kDraining, begin, options_.drain_ms);
  }
}

}  // namespace ringgate::bench
