#include "benchmarks/ringbench/run.h"

#include <pthread.h>

#include <algorithm>

#include "benchmarks/ringbench/target_process.h"

namespace ringgate::bench {

Run::Run(const Options& options) : options_(options) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, &signals_before_);  // inherited by the threads
}

// A signal that came twice has said the same twice.
Run::~Run() {
  stop();
  while (signalled(0)) {
  }
  pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
}

// Waits until then, or until a signal comes.
bool Run::signalled(std::uint64_t until_ns) {
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t left = until_ns > now ? until_ns - now : 0;
  const timespec timeout{.tv_sec = static_cast<time_t>(left / kSecondNs),
                         .tv_nsec = static_cast<long>(left % kSecondNs)};
  return sigtimedwait(&signals_, nullptr, &timeout) > 0;
}

Run::Totals Run::totals() const {
  Totals all;
  for (const auto& worker : workers_) {
    const LiveCounts& live = worker->live();
    all.answered += live.answered.load(std::memory_order_relaxed);
    all.errors += live.errors.load(std::memory_order_relaxed);
    all.ready += live.ready.load(std::memory_order_relaxed);
    all.gone += worker->gone();
    all.outstanding += worker->outstanding();
  }
  return all;
}

void Run::show(ProgressPhase phase, std::uint64_t since_ns, std::int64_t total_ms) {
  const Totals now = totals();
  progress_.show({.phase = phase,
                  .elapsed_s = static_cast<double>(monotonic_ns() - since_ns) / 1e9,
                  .total_s = static_cast<double>(total_ms) / 1000,
                  .answered = now.answered,
                  .errors = now.errors,
                  .ready = now.ready,
                  .connections = options_.connections});
}

void Run::stop() {
  if (service_ != nullptr) service_->leave();
  state_.phase.store(Phase::kStop, std::memory_order_release);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (service_ != nullptr) service_->stop();
}

void Run::add_up(Measurement& measured) const {
  for (const auto& worker : workers_) measured.tally.merge(worker->tally());
  if (service_ != nullptr) measured.tally.merge(service_->tally());
  // All deliveries were due before the window's end.
  measured.tally.settle_deliveries(stop_ns_ - std::min(stop_ns_, end_ns_));
  measured.interval_s = static_cast<double>(options_.interval_ms()) / 1000;
  const auto use = [](const std::vector<ProcessSample>& samples) {
    return use_between(samples.front(), samples.back());
  };
  measured.own = use(measured.own_samples);
  // Not of one that ended: what it used in its last moments nobody knows.
  if (measured.target_samples.size() == measured.own_samples.size()) {
    measured.target = use(measured.target_samples);
  }
  measured.window_s = seconds_between(begin_ns_, end_ns_);
  measured.sampled_s =
      seconds_between(measured.own_samples.front().at_ns, measured.own_samples.back().at_ns);
}

Result<Measurement> Run::measure() {
  Measurement measured;
  if (options_.pid != 0) {
    if (auto readable = sample_process(options_.pid); !readable) {
      return std::unexpected(readable.error());
    }
    measured.pid_doubt = doubt_about_pid(options_.pid, options_.target.address);
  }
  if (auto ready = set_up(measured); !ready) return std::unexpected(ready.error());
  // One that does not listen itself may have been given the connections.
  if (measured.pid_doubt) {
    measured.pid_doubt = doubt_about_pid(options_.pid, options_.target.address);
  }
  begin_window();
  if (auto watched = watch_window(measured); !watched) return std::unexpected(watched.error());
  drain(measured);
  const std::uint64_t ready = totals().ready;
  stop_ns_ = monotonic_ns();
  stop();
  progress_.erase();
  if (!measured.ended) measured.ended = state_.failure();
  add_up(measured);
  measured.connections_lost =
      options_.connections - std::min<std::uint64_t>(options_.connections, ready);
  look_back(measured);
  return measured;
}

}  // namespace ringgate::bench
