#include "services/process/signal_watch.h"

#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#include "control/base/thread.h"
#include "control/observe/logging.h"
#include "dataplane/shortage.h"

namespace ringgate {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLastWords{100};

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  return set;
}

// Without destructors: other threads go on until the process is gone.
[[noreturn]] void end_at_once() {
  stop_logging(kLastWords);
  _exit(1);
}

}  // namespace

void SignalWatch::block() noexcept {
  const sigset_t handled = handled_signals();
  pthread_sigmask(SIG_BLOCK, &handled, nullptr);
}

void SignalWatch::unblock() noexcept {
  const sigset_t handled = handled_signals();
  pthread_sigmask(SIG_UNBLOCK, &handled, nullptr);
}

Result<std::unique_ptr<SignalWatch>> SignalWatch::start(ControlLoop& loop, Handlers handlers) {
  const sigset_t handled = handled_signals();
  UniqueFd signals(signalfd(-1, &handled, SFD_CLOEXEC | SFD_NONBLOCK));
  UniqueFd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!signals || !wake) {
    return run_error("signals cannot be watched: {}", why_no_descriptor(errno));
  }
  std::unique_ptr<SignalWatch> watch(
      new SignalWatch(loop, std::move(handlers), std::move(signals), std::move(wake)));
  try {
    watch->thread_ = start_thread("signals", [self = watch.get()] { self->run(); });
  } catch (const std::system_error& failure) {
    return run_error("{}", failure.what());
  }
  return watch;
}

SignalWatch::SignalWatch(ControlLoop& loop, Handlers handlers, UniqueFd signals, UniqueFd wake)
    : loop_(loop),
      handlers_(std::move(handlers)),
      signals_(std::move(signals)),
      wake_(std::move(wake)) {}

SignalWatch::~SignalWatch() {
  if (!thread_.joinable()) return;
  stopped_ = true;
  eventfd_write(wake_.get(), 1);
  thread_.join();
}

void SignalWatch::end_within(std::chrono::milliseconds limit) {
  limit_ns_ = (SteadyClock::now() + limit).time_since_epoch().count();
  eventfd_write(wake_.get(), 1);
}

int SignalWatch::wait_ms() const {
  const std::int64_t limit = limit_ns_;
  if (limit == 0) return -1;
  const auto left = SteadyClock::duration(limit) - SteadyClock::now().time_since_epoch();
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::max<std::int64_t>(ms, 0));
}

void SignalWatch::run() {
  std::array<pollfd, 2> both{{{signals_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}}};
  while (!stopped_) {
    const int wait = wait_ms();
    if (wait == 0) {
      spdlog::error("something does not end: ending at once");
      end_at_once();
    }
    if (poll(both.data(), both.size(), wait) <= 0) continue;
    eventfd_t count = 0;
    eventfd_read(wake_.get(), &count);
    signalfd_siginfo info{};
    while (read(signals_.get(), &info, sizeof info) == sizeof info) {
      take(static_cast<int>(info.ssi_signo));
    }
  }
}

void SignalWatch::take(int signal) {
  if (signal == SIGHUP) {
    if (reload_waits_.exchange(true)) return;
    loop_.post([this] {
      reload_waits_ = false;  // what changes from here on needs another one
      handlers_.reload();
    });
    return;
  }
  const char* const name = signal == SIGTERM ? "SIGTERM" : "SIGINT";
  switch (end_signals_.take(SteadyClock::now())) {
    case EndSignal::kFirst:
      loop_.post([this, name] { handlers_.end(name); });
      return;
    case EndSignal::kSame:
      loop_.post([name] { spdlog::info("{}: counts as one with the first", name); });
      return;
    case EndSignal::kSecond:
      spdlog::warn("{}: a second signal, ending at once", name);
      end_at_once();
  }
}

}  // namespace ringgate
