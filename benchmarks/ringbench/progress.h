// One line on the terminal that says how far a run is, rewritten about four times a second and
// erased at the end. Nothing at all is written when stderr is no terminal.
//
// A Progress belongs to main's thread, and nothing else may write to the terminal while a line
// stands: call erase() first.
#pragma once

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace ringgate::bench {

enum class ProgressPhase : std::uint8_t { kConnecting, kWarmUp, kMeasuring, kDraining };

struct ProgressNumbers {
  ProgressPhase phase = ProgressPhase::kConnecting;
  double elapsed_s = 0;        // of this phase
  double total_s = 0;          // that this phase takes; 0: nobody knows
  std::uint64_t answered = 0;  // since the start, as LiveCounts has it
  std::uint64_t errors = 0;    // since the start
  std::uint64_t ready = 0;     // connections that are logged in
  std::uint64_t connections = 0;
};

// The line, at most `columns` long. `per_second`: answered in the last interval; while connecting
// what became ready in it.
[[nodiscard]] std::string progress_line(const ProgressNumbers& numbers, double per_second,
                                        std::size_t columns);

class Progress {
 public:
  explicit Progress(int fd = STDERR_FILENO);
  ~Progress() { erase(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap when it is not yet time for another line: call it as often as you like.
  void show(const ProgressNumbers& numbers);
  void erase();

 private:
  [[nodiscard]] double rate_since_last(const ProgressNumbers& numbers, std::uint64_t now_ns);

  int fd_;
  bool terminal_;
  bool standing_ = false;  // a line is on the terminal
  std::uint64_t last_ns_ = 0;
  ProgressNumbers last_;
};

}  // namespace ringgate::bench
