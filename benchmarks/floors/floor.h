// What the floors share: flags, threads, how they start and how they end.
//
// The main thread opens what is listened on, starts a thread for each shard and waits for signals;
// a shard's ring and connections belong to the shard's thread. Nothing is shared but the request to
// stop, which a shard looks at after each batch and every kTickMs.
#pragma once

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "codec/error.h"

namespace CLI {
class App;
}

namespace ringgate::bench {

inline constexpr unsigned kTickMs = 100;

class FloorShard {
 public:
  FloorShard() = default;
  FloorShard(const FloorShard&) = delete;
  FloorShard& operator=(const FloorShard&) = delete;
  virtual ~FloorShard() = default;

  // Both are called on the shard's thread, run() only where open() succeeded.
  [[nodiscard]] virtual Result<void> open() = 0;
  [[nodiscard]] virtual Result<void> run(const std::atomic<bool>& stop) = 0;
};

// Parses the command line, then pins the process where --cpu says so. The exit code, when the
// program is to end: after --help, or over a wrong flag.
[[nodiscard]] std::optional<int> parse_arguments(CLI::App& app, int argc, char** argv);

// Prints the sentence behind the program's name; the exit code.
int end_with(const CLI::App& app, const Error& error);

// A line that scripts and tests wait for.
void print_line(const std::string& line);

enum class Event : std::uint8_t { kStop, kReport, kNothing };  // SIGINT or SIGTERM, SIGUSR1, time

class FloorThreads {
 public:
  // Blocks the signals that wait() waits for, in this thread and those it starts.
  explicit FloorThreads(std::vector<std::unique_ptr<FloorShard>> shards);
  ~FloorThreads() { end(); }
  FloorThreads(const FloorThreads&) = delete;
  FloorThreads& operator=(const FloorThreads&) = delete;

  // Returns when every shard has opened, or with the first error.
  [[nodiscard]] Result<void> start();
  // A shard that fails is a kStop.
  [[nodiscard]] Event wait(std::optional<std::chrono::milliseconds> at_most = {});
  // Stops the shards; the first that failed, if one did.
  [[nodiscard]] Result<void> stop();

 private:
  void end();

  std::vector<std::unique_ptr<FloorShard>> shards_;
  std::vector<std::future<Result<void>>> opened_;
  std::vector<Result<void>> ended_;  // each thread writes its own, read after the join
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

// start(), a line `listening tcp ADDRESS`, until kStop, stop(): what bare_echo and bare_push do.
[[nodiscard]] Result<void> serve_until_stopped(FloorThreads& threads, const std::string& address);

}  // namespace ringgate::bench
