// One thread of ringbench: its share of the clients, on a ring of its own.
//
// RunState is shared: main sets the phase, workers read it and report through it. A Worker belongs
// to the thread in run(); main reads its counters (relaxed, one writer) while it runs, and the rest
// of its WorkerReport after joining the thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/common/bench_ring.h"
#include "benchmarks/common/histogram.h"
#include "benchmarks/ringbench/client.h"
#include "benchmarks/ringbench/options.h"

namespace ringgate::bench {

enum class Phase : std::uint8_t { kSetUp, kWarmUp, kMeasure, kStop };

struct RunState {
  std::atomic<Phase> phase{Phase::kSetUp};
  std::atomic<unsigned> clients_ready{0};
  std::atomic<unsigned> clients_lost{0};

  void fail_once(std::string sentence);
  [[nodiscard]] std::optional<std::string> failure();

 private:
  std::mutex mutex_;
  std::optional<std::string> failure_;
};

struct WorkerReport {
  // Statuses from here on are counted together.
  static constexpr std::size_t kStatuses = 1024;

  std::atomic<std::uint64_t> answered{0};           // with status Success, since the start
  Histogram times;                                  // of those answered in the measuring window
  std::array<std::uint64_t, kErrorKinds> errors{};  // since the set-up
  std::array<std::uint64_t, kStatuses> statuses{};
};

class Worker {
 public:
  // Clients first_client to first_client + clients - 1 of the run.
  Worker(const Options& options, RunState& state, unsigned first_client, unsigned clients);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // The thread's body, until the phase is kStop; `cpu` < 0: not pinned.
  void run(int cpu);

  [[nodiscard]] const WorkerReport& report() const noexcept { return report_; }

 private:
  struct Slot {
    Client client;
    int fd = -1;
  };

  [[nodiscard]] bool open(int cpu);
  void loop();
  void connect_more();
  void on_completion(const io_uring_cqe& cqe);
  void on_connected(std::uint32_t index, int result);
  void on_recv(std::uint32_t index, const io_uring_cqe& cqe);
  void on_verdict(std::uint32_t index, const Verdict& verdict);
  void on_login_verdict(std::uint32_t index, const Verdict& verdict);
  void log_in(std::uint32_t index);
  void become_ready(Slot& slot);
  void send(std::uint32_t index, ByteView bytes);
  void send_next(std::uint32_t index);
  void send_first();
  void count_error(const Verdict& verdict);
  void lose(std::uint32_t index, ErrorKind kind, int error);
  void count_unanswered();
  void watch_set_up();
  [[nodiscard]] std::string account_of(std::uint32_t index) const;

  const Options& options_;
  RunState& state_;
  unsigned first_client_;
  WorkerReport report_;
  BenchRing ring_;
  Workload workload_;
  std::vector<std::uint8_t> body_;
  std::vector<std::uint8_t> output_;  // room for one message per client
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> starved_;  // whose recv ended for want of buffers
  std::size_t started_ = 0;             // connects begun
  std::size_t ready_ = 0;
  std::uint64_t now_ns_ = 0;  // once per batch
  std::uint64_t progress_ns_ = 0;
  Phase phase_ = Phase::kSetUp;
};

}  // namespace ringgate::bench
