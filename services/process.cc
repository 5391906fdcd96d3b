#include "services/process.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "control/logging.h"

namespace ringgate {
namespace {

constexpr std::chrono::milliseconds kTick{1000};

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Every connection costs a file of the process or a place in a ring's table, and the limit of both
// is this one; asking for less than is allowed helps nobody.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

// The series of all components, for the monitor's scrape.
class AllMetrics final : public prometheus::Collectable {
 public:
  explicit AllMetrics(const std::vector<std::unique_ptr<Component>>& components)
      : components_(components) {}

  std::vector<prometheus::MetricFamily> Collect() const override {
    MetricsSnapshot metrics;
    for (const auto& component : components_) component->collect(metrics);
    metrics.counter("ringgate_log_lines_dropped_total", "log lines lost because the queue was full",
                    {}, static_cast<double>(log_lines_dropped()));
    return metrics.take();
  }

 private:
  const std::vector<std::unique_ptr<Component>>& components_;
};

}  // namespace

void announce(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

Process::Process(const Config& config) : config_(config) {}

Process::~Process() {
  if (monitor_ != nullptr) monitor_->stop();
  components_.clear();
  stop_logging();
}

Result<std::unique_ptr<Process>> Process::create(const Config& config) {
  const sigset_t handled = handled_signals();
  pthread_sigmask(SIG_BLOCK, &handled, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  raise_file_limit();
  std::unique_ptr<Process> process(new Process(config));
  Result<std::unique_ptr<ControlLoop>> loop = ControlLoop::create();
  if (!loop) return std::unexpected(loop.error());
  process->loop_ = std::move(*loop);
  start_logging(config.service_id, config.log_level);
  for (const std::string& notice : config.notices) spdlog::warn("configuration: {}", notice);
  return process;
}

Result<void> Process::run() {
  if (Result<void> watched = watch_signals(); !watched) return watched;
  // First what can fail without having told anybody: components register themselves.
  if (Result<void> monitored = start_monitor(); !monitored) return monitored;
  for (const auto& component : components_) {
    if (Result<void> started = component->start(); !started) return started;
  }
  tick();
  loop_->run();
  return {};
}

Result<void> Process::start_monitor() {
  if (config_.monitor_port == 0) return {};
  Probes probes;
  probes.health = [this] { return first_problem(&Component::health); };
  probes.ready = [this] { return first_problem(&Component::ready); };
  probes.metrics = std::make_shared<AllMetrics>(components_);
  Result<std::unique_ptr<Monitor>> monitor =
      Monitor::start(config_.monitor_address, config_.monitor_port, probes);
  if (!monitor) return std::unexpected(monitor.error());
  monitor_ = std::move(*monitor);
  announce("monitor http://" + config_.monitor_address + ":" + std::to_string(monitor_->port()));
  return {};
}

Result<void> Process::watch_signals() {
  const sigset_t handled = handled_signals();
  signals_ = UniqueFd(signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signals_) return run_error("signals cannot be watched: {}", std::strerror(errno));
  loop_->watch(signals_.get(), ControlLoop::Until::kReadable, [this] { on_signal(); });
  return {};
}

void Process::on_signal() {
  signalfd_siginfo info{};
  while (read(signals_.get(), &info, sizeof info) == sizeof info) {
    if (info.ssi_signo == SIGHUP) {
      if (reload_) reload_();
      continue;
    }
    if (draining_) {
      spdlog::warn("second signal: ending at once");
      stop_logging();
      _exit(1);
    }
    spdlog::info("{}: draining; another one ends at once",
                 info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    draining_ = true;
    left_to_drain_ = components_.size();
    drain_next();
  }
}

void Process::drain_next() {
  if (left_to_drain_ == 0) {
    spdlog::info("drained");
    loop_->stop();
    return;
  }
  components_[--left_to_drain_]->drain([this] { drain_next(); });
}

void Process::tick() {
  for (const auto& component : components_) component->tick();
  loop_->after(kTick, [this] { tick(); });
}

std::optional<std::string> Process::first_problem(std::optional<std::string> (Component::*probe)()
                                                      const) const {
  for (const auto& component : components_) {
    if (std::optional<std::string> problem = (component.get()->*probe)()) return problem;
  }
  return std::nullopt;
}

}  // namespace ringgate
