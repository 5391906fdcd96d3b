#include "benchmarks/floors/floor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <utility>

#include "benchmarks/common/cpu_pin.h"

namespace ringgate::bench {
namespace {

sigset_t awaited_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&signals, number);
  return signals;
}

}  // namespace

std::optional<int> parse_arguments(CLI::App& app, int argc, char** argv) {
  int cpu = -1;
  app.add_option("--cpu", cpu, "run on this CPU only")->check(CLI::Range(0, 1023));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (cpu < 0) return {};
  const auto pinned = pin_to_cpu(cpu);
  return pinned ? std::nullopt : std::optional(end_with(app, pinned.error()));
}

int end_with(const CLI::App& app, const Error& error) {
  fmt::print(stderr, "{}: {}\n", app.get_name(), error.message);
  return error.exit_code;
}

void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

FloorThreads::FloorThreads(std::vector<std::unique_ptr<FloorShard>> shards)
    : shards_(std::move(shards)), ended_(shards_.size()) {
  const sigset_t signals = awaited_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Result<void> FloorThreads::start() {
  for (std::size_t index = 0; index < shards_.size(); ++index) {
    std::promise<Result<void>> opened;
    opened_.push_back(opened.get_future());
    threads_.emplace_back([this, index, opened = std::move(opened)]() mutable {
      FloorShard& shard = *shards_[index];
      if (auto result = shard.open(); !result) return opened.set_value(std::move(result));
      opened.set_value({});
      ended_[index] = shard.run(stop_);
      if (!ended_[index]) kill(getpid(), SIGTERM);  // the main thread is to hear of it
    });
  }
  for (auto& opened : opened_) {
    if (auto result = opened.get(); !result) return result;
  }
  return {};
}

Event FloorThreads::wait(std::optional<std::chrono::milliseconds> at_most) {
  const sigset_t signals = awaited_signals();
  for (;;) {
    int number = 0;
    if (at_most) {
      const timespec timeout{.tv_sec = at_most->count() / 1000,
                             .tv_nsec = (at_most->count() % 1000) * 1'000'000};
      number = sigtimedwait(&signals, nullptr, &timeout);
      if (number < 0) return Event::kNothing;
    } else {
      number = sigwaitinfo(&signals, nullptr);
      if (number < 0) continue;  // a debugger
    }
    return number == SIGUSR1 ? Event::kReport : Event::kStop;
  }
}

void FloorThreads::end() {
  stop_.store(true, std::memory_order_relaxed);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Result<void> FloorThreads::stop() {
  end();
  for (auto& result : ended_) {
    if (!result) return result;
  }
  return {};
}

Result<void> serve_until_stopped(FloorThreads& threads, const std::string& address) {
  if (auto started = threads.start(); !started) return started;
  print_line("listening tcp " + address);
  while (threads.wait() != Event::kStop) {
  }
  return threads.stop();
}

}  // namespace ringgate::bench
