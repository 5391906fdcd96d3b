// Run: from nothing to connections that are all ready.
#include <fmt/format.h>

#include <algorithm>

#include "benchmarks/ringbench/run.h"
#include "control/base/thread.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kServiceWaitNs = 20 * kSecondNs;
// A gateway dials one link after the other: it has them all when none has come for so long.
constexpr std::uint64_t kLinksSettleNs = 300 * kMillisecondNs;

}  // namespace

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
  auto tls = make_tls_start(options_);
  if (!tls) return std::unexpected(tls.error());
  state_.tls = std::move(*tls);
  if (options_.tls_resume) {
    auto session = fetch_session(state_.tls, options_);
    if (!session) return std::unexpected(session.error());
    state_.tls.session = std::move(*session);
  }
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

}  // namespace ringgate::bench
