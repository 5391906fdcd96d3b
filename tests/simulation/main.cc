// scripts/simulate: worlds, one after the other, by their seeds.
#include <fmt/format.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>
#include <string_view>

#include "tests/simulation/world.h"

namespace ringgate::sim {
namespace {

struct Options {
  std::uint64_t seed = 1;
  std::uint64_t seeds = 1;
  std::uint64_t steps = 1'000'000;
  bool twice = false;  // each world, and both have to be the same
  bool told = false;
};

volatile std::uint64_t current_seed = 0;
volatile std::uint64_t current_steps = 0;

// An assertion of the product's, or worse: says which world it was.
void on_crash(int signal) {
  char text[128];
  const int size =
      std::snprintf(text, sizeof text, "\nagain: scripts/simulate --seed %llu --steps %llu\n",
                    static_cast<unsigned long long>(current_seed),
                    static_cast<unsigned long long>(current_steps));
  static_cast<void>(::syscall(SYS_write, 2, text, static_cast<std::size_t>(size)));
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Options> options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view name = argv[i];
    if (name == "--twice") {
      options.twice = true;
    } else if (name == "--tell") {
      options.told = true;
    } else {
      const auto value = i + 1 < argc ? number_of(argv[++i]) : std::nullopt;
      if (!value) return std::nullopt;
      if (name == "--seed") {
        options.seed = *value;
      } else if (name == "--seeds") {
        options.seeds = *value;
      } else if (name == "--steps") {
        options.steps = *value;
      } else {
        return std::nullopt;
      }
    }
  }
  return options;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// The trace, and the steps that there were; nothing: it failed.
struct Outcome {
  std::uint64_t trace = 0;
  std::uint64_t steps = 0;
  std::string told;
};
std::optional<Outcome> run_world(std::uint64_t seed, std::uint64_t steps) {
  current_seed = seed;
  current_steps = steps;
  World world(seed);
  if (world.run(steps)) return Outcome{world.trace(), world.steps(), world.told()};
  fmt::print(stderr, "seed {}, step {}, {} ms: {}\nagain: scripts/simulate --seed {} --steps {}\n",
             seed, world.steps(), world.simulated_ms(), world.failure(), seed, steps);
  return std::nullopt;
}

void tell(std::uint64_t worlds, std::uint64_t steps, double seconds) {
  fmt::print("{} worlds, {} steps, {:.1f} s of CPU, {:.2f} million steps a second\n", worlds, steps,
             seconds, static_cast<double>(steps) / seconds / 1e6);
  std::fflush(stdout);
}

int run(const Options& options) {
  constexpr std::uint64_t kTellEvery = 200;
  std::uint64_t steps = 0;
  const double began = cpu_seconds();
  for (std::uint64_t seed = options.seed; seed < options.seed + options.seeds; ++seed) {
    const std::optional<Outcome> first = run_world(seed, options.steps);
    if (!first) return 1;
    steps += first->steps;
    if (options.told || options.seeds == 1) {
      fmt::print("seed {}: trace {:016x}, {} steps, {}\n", seed, first->trace, first->steps,
                 first->told);
    }
    const std::uint64_t worlds = seed - options.seed + 1;
    if (worlds % kTellEvery == 0 && worlds < options.seeds) {
      tell(worlds, steps, cpu_seconds() - began);
    }
    if (!options.twice) continue;
    const std::optional<Outcome> second = run_world(seed, options.steps);
    if (!second) return 1;
    steps += second->steps;
    if (second->trace != first->trace) {
      fmt::print(stderr, "seed {}: another trace the second time, {:016x} and {:016x}\n", seed,
                 first->trace, second->trace);
      return 1;
    }
  }
  tell(options.seeds, steps, cpu_seconds() - began);
  return 0;
}

// Some tables of the product hash by addresses: they are the same each time then.
void without_random_addresses(char** argv) {
  const int now = personality(0xFFFFFFFF);
  if (now < 0 || (now & ADDR_NO_RANDOMIZE) != 0) return;
  if (personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE) < 0) return;
  execv("/proc/self/exe", argv);
}

}  // namespace
}  // namespace ringgate::sim

int main(int argc, char** argv) {
  ringgate::sim::without_random_addresses(argv);
  const auto options = ringgate::sim::options_of(argc, argv);
  if (!options) {
    std::fputs("simulate [--seed S] [--seeds N] [--steps N] [--twice] [--tell]\n", stderr);
    return 2;
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS}) std::signal(signal, ringgate::sim::on_crash);
  return ringgate::sim::run(*options);
}
