// One run of ringbench from start to end: starts the service (if it plays one) and the workers,
// keeps the time, samples the processes, and adds everything up. Belongs to the main thread.
//
//   run.cc            from begin to end
//   run_set_up.cc     until all connections are ready
//   run_window.cc     the window and the drain
//   run_look_back.cc  what was wrong with it
#pragma once

#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "benchmarks/ringbench/measurement.h"
#include "benchmarks/ringbench/options.h"
#include "benchmarks/ringbench/played_service.h"
#include "benchmarks/ringbench/progress.h"
#include "benchmarks/ringbench/run_state.h"
#include "benchmarks/ringbench/worker.h"
#include "codec/error.h"

namespace ringgate::bench {

class Run {
 public:
  // Blocks SIGINT and SIGTERM while it lives, for the threads to come too: they end a run early.
  // `options` outlive it.
  explicit Run(const Options& options);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  // Once. The error is a sentence.
  [[nodiscard]] Result<Measurement> measure();

 private:
  static constexpr std::uint64_t kLookNs =
      20 * kMillisecondNs;  // how often a failure is looked for
  static constexpr const char* kStopped = "stopped before anything was measured";

  struct Totals {
    std::uint64_t answered = 0;
    std::uint64_t errors = 0;
    std::uint64_t ready = 0;
    std::uint64_t gone = 0;
    std::uint64_t outstanding = 0;
  };

  [[nodiscard]] Result<void> start_service();
  [[nodiscard]] Result<void> wait_for_links();
  void create_workers();
  void start_threads();
  void stop();
  [[nodiscard]] Result<void> set_up(Measurement& measured);
  void begin_window();
  [[nodiscard]] Result<bool> sample(Measurement& measured, SampleDepth depth);
  [[nodiscard]] std::optional<RunEnd> early_end();
  void look_for_target(Measurement& measured) const;
  void look_back(Measurement& measured) const;
  [[nodiscard]] std::uint64_t last_answer_ns(const Measurement& measured) const;
  [[nodiscard]] std::uint64_t quiet_ns() const;
  [[nodiscard]] std::optional<RunEnd> stopped_answering(const Measurement& measured) const;
  [[nodiscard]] std::optional<RunEnd> stopped_in_drain(const Measurement& measured) const;
  [[nodiscard]] static bool at_warm_up(const Measurement& measured) noexcept {
    return measured.own_samples.empty();
  }
  [[nodiscard]] Result<void> watch_window(Measurement& measured);
  [[nodiscard]] Result<void> cut_short(Measurement& measured);
  void drain(Measurement& measured);
  void add_up(Measurement& measured) const;

  [[nodiscard]] bool signalled(std::uint64_t until_ns);
  [[nodiscard]] Totals totals() const;
  void show(ProgressPhase phase, std::uint64_t since_ns, std::int64_t total_ms);

  const Options& options_;
  RunState state_;
  // In this order: a service may be on a worker's ring.
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<PlayedService> service_;
  std::vector<std::thread> threads_;
  Progress progress_;
  sigset_t signals_{};
  sigset_t signals_before_{};
  std::uint64_t begin_ns_ = 0;  // of the window
  std::uint64_t end_ns_ = 0;
  std::uint64_t stop_ns_ = 0;  // the drain's end
};

}  // namespace ringgate::bench
