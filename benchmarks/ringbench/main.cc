// ringbench: a small closed-loop load generator. Main starts the workers, keeps the time, reads the
// CPU clocks at both ends of the window, and prints; the workers do the rest.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <thread>

#include "benchmarks/ringbench/report.h"

namespace ringgate::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLook{50};  // how often a failure is looked for

class Run {
 public:
  explicit Run(const Options& options) : options_(options) {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);  // inherited by the workers
  }
  ~Run() { stop(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  [[nodiscard]] Result<Measurement> measure();

 private:
  enum class End : std::uint8_t { kTime, kSignal, kFailure, kAllLost };
  struct Reading {
    Clock::time_point time;
    std::uint64_t answered = 0;
    CpuSnapshot target;
    CpuSnapshot own;
  };

  void start();
  void stop();
  [[nodiscard]] Result<void> set_up();
  [[nodiscard]] End wait_until(Clock::time_point end);
  [[nodiscard]] bool signalled(milliseconds at_most);
  [[nodiscard]] Result<Reading> read();
  [[nodiscard]] Measurement between(const Reading& before, const Reading& after) const;

  const Options& options_;
  RunState state_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  sigset_t signals_{};
};

void Run::start() {
  unsigned first = 0;
  for (unsigned index = 0; index < options_.threads; ++index) {
    const unsigned share = (options_.connections - first) / (options_.threads - index);
    workers_.push_back(std::make_unique<Worker>(options_, state_, first, share));
    first += share;
  }
  for (std::size_t index = 0; index < workers_.size(); ++index) {
    const int cpu = options_.cpus.empty() ? -1 : options_.cpus[index % options_.cpus.size()];
    threads_.emplace_back([worker = workers_[index].get(), cpu] { worker->run(cpu); });
  }
}

void Run::stop() {
  state_.phase.store(Phase::kStop, std::memory_order_release);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

bool Run::signalled(milliseconds at_most) {
  const timespec timeout{.tv_sec = at_most.count() / 1000,
                         .tv_nsec = (at_most.count() % 1000) * 1'000'000};
  return sigtimedwait(&signals_, nullptr, &timeout) > 0;
}

Result<void> Run::set_up() {
  while (state_.clients_ready.load(std::memory_order_acquire) < options_.connections) {
    if (signalled(milliseconds{10})) return fail("stopped before anything was measured");
    if (auto failure = state_.failure()) return fail(*failure);
  }
  return {};
}

Run::End Run::wait_until(Clock::time_point end) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(end - Clock::now());
    if (left.count() <= 0) return End::kTime;
    if (signalled(std::min(left, kLook))) return End::kSignal;
    if (state_.failure()) return End::kFailure;
    if (state_.clients_lost.load(std::memory_order_relaxed) == options_.connections) {
      return End::kAllLost;
    }
  }
}

Result<Run::Reading> Run::read() {
  Reading reading;
  if (options_.pid != 0) {
    auto target = read_cpu(options_.pid);
    if (!target) return std::unexpected(target.error());
    reading.target = std::move(*target);
  }
  auto own = read_cpu(getpid());
  if (!own) return std::unexpected(own.error());
  reading.own = std::move(*own);
  reading.time = Clock::now();
  for (const auto& worker : workers_) {
    reading.answered += worker->report().answered.load(std::memory_order_relaxed);
  }
  return reading;
}

Measurement Run::between(const Reading& before, const Reading& after) const {
  Measurement measured;
  measured.window_s = std::chrono::duration<double>(after.time - before.time).count();
  measured.answered = after.answered - before.answered;
  if (options_.pid != 0) measured.target = cpu_between(before.target, after.target);
  measured.own = cpu_between(before.own, after.own);
  for (const auto& worker : workers_) measured.add(worker->report());
  return measured;
}

Result<Measurement> Run::measure() {
  if (options_.pid != 0) {
    if (auto readable = read_cpu(options_.pid); !readable) {
      return std::unexpected(readable.error());
    }
  }
  start();
  if (auto ready = set_up(); !ready) return std::unexpected(ready.error());
  state_.phase.store(Phase::kWarmUp, std::memory_order_release);
  End end = wait_until(Clock::now() + milliseconds{options_.warmup_ms});
  auto before = read();
  if (!before) return std::unexpected(before.error());
  state_.phase.store(Phase::kMeasure, std::memory_order_release);
  if (end == End::kTime) end = wait_until(before->time + milliseconds{options_.duration_ms});
  auto after = read();
  stop();
  if (auto failure = state_.failure()) return fail(*failure);
  if (!after) return fail("the target's process ended while it was measured: see its log");
  Measurement measured = between(*before, *after);
  measured.stopped_early = end != End::kTime;
  return measured;
}

int report(const Measurement& measured, const Options& options) {
  fmt::print("{}", as_text(measured, options));
  if (!options.json_file.empty()) {
    std::ofstream file(options.json_file);
    file << as_json(measured, options) << std::flush;
    if (!file) {
      fmt::print(stderr, "ringbench: cannot write {}: mend --json\n", options.json_file);
      return 1;
    }
  }
  if (measured.answered > 0) return 0;
  fmt::print(stderr, "ringbench: nothing was answered in the measuring window; see the errors\n");
  return 1;
}

int run(int argc, const char* const* argv) {
  const auto options = parse_options(argc, argv);
  if (!options) {
    const UsageEnd& end = options.error();
    if (end.exit_code == 0) {
      fmt::print("{}", end.text);
    } else {
      fmt::print(stderr, "ringbench: {}\n", end.text);
    }
    return end.exit_code;
  }
  const auto measured = Run(*options).measure();
  if (!measured) {
    fmt::print(stderr, "ringbench: {}\n", measured.error().message);
    return measured.error().exit_code;
  }
  return report(*measured, *options);
}

}  // namespace
}  // namespace ringgate::bench

int main(int argc, char** argv) {
  return ringgate::bench::run(argc, argv);
}
