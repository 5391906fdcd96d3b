#include "benchmarks/ringbench/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "control/thread.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kLookNs = 20 * kMillisecondNs;  // how often a failure is looked for
constexpr std::uint64_t kServiceWaitNs = 20 * kSecondNs;
// A gateway dials one link after the other: it has them all when none has come for so long.
constexpr std::uint64_t kLinksSettleNs = 300 * kMillisecondNs;
// Of the connections that were asked for: so many may be lost, or silent.
constexpr double kMissable = 0.01;
// Before the window's end: without an answer for so long, the target has stopped.
constexpr std::uint64_t kQuietNs = 500 * kMillisecondNs;
constexpr std::uint64_t kQuietPart = 5;  // or for so much of a short window
constexpr double kQuietMessages = 3;     // but not before so many were due
constexpr const char* kStopped = "stopped before anything was measured";

std::uint64_t ms_to_ns(std::int64_t ms) {
  return static_cast<std::uint64_t>(ms) * kMillisecondNs;
}

double seconds_between(std::uint64_t begin_ns, std::uint64_t end_ns) {
  return static_cast<double>(end_ns - begin_ns) / 1e9;
}

}  // namespace

Run::Run(const Options& options) : options_(options) {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);  // inherited by the threads
}

Run::~Run() {
  stop();
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

// --- Set-up -------------------------------------------------------------------------------------

// On a thread of its own; or on that of the first worker, which begins with nothing else to do.
Result<void> Run::start_service() {
  const bool own = options_.service.own_thread;
  auto service = own ? PlayedService::start(options_, state_)
                     : PlayedService::start_on(workers_.front()->ring(), options_, state_);
  if (!service) return std::unexpected(service.error());
  service_ = std::move(*service);
  if (own) return wait_for_links();
  workers_.front()->serve(*service_);
  state_.phase.store(Phase::kService, std::memory_order_release);
  start_threads();
  while (!service_->attached()) {
    if (auto end = state_.failure()) return fail(end->sentence);
    if (signalled(monotonic_ns() + kMillisecondNs)) return fail(kStopped);
  }
  if (auto entered = service_->register_services(); !entered) return entered;
  return wait_for_links();
}

Result<void> Run::wait_for_links() {
  const std::uint64_t begin = monotonic_ns();
  std::uint64_t last_new = begin;
  for (unsigned links = 0;;) {
    const std::uint64_t now = monotonic_ns();
    if (const unsigned more = service_->links(); more != links) {
      links = more;
      last_new = now;
    }
    if (links >= options_.service.names.size() && now - last_new > kLinksSettleNs) return {};
    if (now - begin > kServiceWaitNs) {
      return fail(fmt::format(
          "{} of {} services were dialled within {} s: is the gateway running, and does it look in "
          "the same registry ({})?",
          links, options_.service.names.size(), kServiceWaitNs / kSecondNs,
          options_.service.registry_file.empty() ? options_.service.consul_url
                                                 : options_.service.registry_file));
    }
    if (signalled(now + kLookNs)) return fail(kStopped);
    if (auto end = state_.failure()) return fail(end->sentence);
    show(ProgressPhase::kConnecting, begin, 0);
  }
}

void Run::create_workers() {
  // Pairs that talk to each other stay together.
  const unsigned unit = options_.connections % 2 == 0 ? 2 : 1;
  const unsigned units = options_.connections / unit;
  const unsigned workers = std::min(options_.threads, units);
  unsigned first = 0;
  for (unsigned index = 0; index < workers; ++index) {
    const unsigned share = (units - first) / (workers - index);
    workers_.push_back(std::make_unique<Worker>(options_, state_,
                                                WorkerShare{.worker = index,
                                                            .workers = workers,
                                                            .first_client = first * unit,
                                                            .clients = share * unit}));
    first += share;
  }
}

void Run::start_threads() {
  if (!threads_.empty()) return;
  for (std::size_t index = 0; index < workers_.size(); ++index) {
    const int cpu = options_.cpus.empty() ? -1 : options_.cpus[index % options_.cpus.size()];
    threads_.push_back(
        start_thread("ringbench", [worker = workers_[index].get(), cpu] { worker->run(cpu); }));
  }
}

Result<void> Run::set_up(Measurement& measured) {
  const std::uint64_t start = monotonic_ns();
  create_workers();
  if (options_.service.play) {
    if (auto started = start_service(); !started) return started;
  }
  const std::uint64_t begin = monotonic_ns();
  state_.phase.store(Phase::kSetUp, std::memory_order_release);
  start_threads();
  measured.service_wait_s = seconds_between(start, begin);
  while (totals().ready < options_.connections) {
    if (signalled(monotonic_ns() + kLookNs / 2)) {
      return fail(kStopped);
    }
    if (auto end = state_.failure()) return fail(end->sentence);
    show(ProgressPhase::kConnecting, begin, 0);
  }
  measured.set_up_s = seconds_between(begin, monotonic_ns());
  return {};
}

void Run::stop() {
  if (service_ != nullptr) service_->leave();
  state_.phase.store(Phase::kStop, std::memory_order_release);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  if (service_ != nullptr) service_->stop();
}

// --- The window ---------------------------------------------------------------------------------

void Run::begin_window() {
  begin_ns_ = monotonic_ns() + ms_to_ns(options_.warmup_ms);
  end_ns_ = begin_ns_ + ms_to_ns(options_.duration_ms);
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
    return RunEnd{"all connections were lost: see the target's log"};
  }
  return std::nullopt;
}

// At the window's end: is there still a target?
void Run::look_for_target(Measurement& measured) const {
  const bool storm = options_.scenario == Scenario::kLogin;
  const bool gone = storm ? std::ranges::all_of(workers_, &Worker::refused) : totals().ready == 0;
  if (!gone || measured.ended) return;
  measured.ended = RunEnd{storm ? "at the end nothing listened at the target any more: see its log"
                                : "at the end no connection was up: see the target's log"};
}

// When all is added up: was it what was asked for, from begin to end?
void Run::look_back(Measurement& measured) const {
  if (measured.ended) return;
  const auto many = [&](std::uint64_t count) {
    return static_cast<double>(count) > kMissable * options_.connections;
  };
  const std::uint64_t lost = measured.connections_lost;
  if (lost == options_.connections) {
    measured.ended = RunEnd{"when the drain ended no connection was up: see the target's log"};
  } else if (!options_.reconnect && many(lost)) {
    measured.ended = RunEnd{fmt::format("{} of {} connections were lost: see the target's log",
                                        lost, options_.connections)};
  }
  const std::uint64_t waiting = measured.times(options_).unanswered.count();
  const double rate = std::max(measured.per_second(measured.sum(options_, &ActionTally::sent)), 1e-3);
  std::uint64_t quiet_ns = std::min(kQuietNs, (end_ns_ - begin_ns_) / kQuietPart);
  if (options_.open_loop()) {
    quiet_ns = std::max(quiet_ns, static_cast<std::uint64_t>(kQuietMessages * 1e9 / rate));
  }
  const std::uint64_t last_ns = std::max(measured.tally.last_answer_ns, begin_ns_);
  if (!measured.ended && waiting > 0 && last_ns + quiet_ns < end_ns_) {
    measured.ended = RunEnd{fmt::format(
        "nothing was answered in the last {:.2f} s of the window, nor after it, with {} messages "
        "outstanding: see the target's log",
        seconds_between(last_ns, end_ns_), waiting)};
  }
  if (!measured.ended && many(measured.tally.silent)) {
    measured.ended = RunEnd{fmt::format(
        "{} of {} connections waited all through the window and had no answer", measured.tally.silent,
        options_.connections)};
  }
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

void Run::add_up(Measurement& measured) const {
  for (const auto& worker : workers_) measured.tally.merge(worker->tally());
  if (service_ != nullptr) measured.tally.merge(service_->tally());
  // Sender and receiver count apart: what came is known when all is added up.
  ActionTally& deliveries = measured.tally.of(Action::kDelivery);
  // A target that pushes by itself: what it has sent and did not come, nobody here knows.
  if (deliveries.sent == 0) deliveries.sent = deliveries.answered;
  deliveries.failed = deliveries.sent - std::min(deliveries.sent, deliveries.answered);
  measured.tally.lost_packets = deliveries.failed;
  // All of them were due before the window's end: they have waited since then, or longer.
  deliveries.times.unanswered.record(stop_ns_ - std::min(stop_ns_, end_ns_), deliveries.failed);
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
  }
  if (auto ready = set_up(measured); !ready) return std::unexpected(ready.error());
  begin_window();
  if (auto watched = watch_window(measured); !watched) return std::unexpected(watched.error());
  drain(measured);
  const std::uint64_t ready = totals().ready;
  stop_ns_ = monotonic_ns();
  stop();
  progress_.erase();
  if (!measured.ended) measured.ended = state_.failure();
  add_up(measured);
  measured.connections_lost = options_.connections - std::min<std::uint64_t>(options_.connections, ready);
  look_back(measured);
  return measured;
}

}  // namespace ringgate::bench
