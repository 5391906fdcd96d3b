#include "benchmarks/ringbench/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "benchmarks/ringbench/report_format.h"
#include "benchmarks/ringbench/run_state.h"

namespace ringgate::bench {
namespace {

constexpr std::uint64_t kIntervalNs = 250 * kMillisecondNs;
constexpr std::size_t kUsualColumns = 80;

std::size_t columns_of(int fd) {
  winsize size{};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kUsualColumns;
  return size.ws_col;
}

// A terminal that knows no escape sequences would be filled with lines.
bool can_rewrite(int fd) {
  const char* const kind = std::getenv("TERM");
  return isatty(fd) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

void write_all(int fd, std::string_view text) {
  // Of no importance: a terminal that is gone is no reason to end a run.
  static_cast<void>(::write(fd, text.data(), text.size()) < 0);
}

std::string_view name_of(ProgressPhase phase) {
  switch (phase) {
    case ProgressPhase::kConnecting:
      return "connecting";
    case ProgressPhase::kWarmUp:
      return "warm-up";
    case ProgressPhase::kMeasuring:
      return "measuring";
    case ProgressPhase::kDraining:
      return "draining";
  }
  return "";
}

std::uint64_t counted(const ProgressNumbers& numbers) {
  return numbers.phase == ProgressPhase::kConnecting ? numbers.ready : numbers.answered;
}

std::string time_part(const ProgressNumbers& numbers) {
  if (numbers.total_s <= 0) return fmt::format("{:.1f} s", numbers.elapsed_s);
  return fmt::format("{:.1f} of {:.1f} s", std::min(numbers.elapsed_s, numbers.total_s),
                     numbers.total_s);
}

}  // namespace

std::string progress_line(const ProgressNumbers& numbers, double per_second, std::size_t columns) {
  std::string line;
  if (numbers.phase == ProgressPhase::kConnecting) {
    line = fmt::format("connecting  {} of {}  {} per second  {}", count_text(numbers.ready),
                       count_text(numbers.connections), rate_text(per_second), time_part(numbers));
  } else {
    line = fmt::format("{}  {}  {} per second  {} connections", name_of(numbers.phase),
                       time_part(numbers), rate_text(per_second), count_text(numbers.ready));
  }
  line += numbers.errors == 0 ? "  no errors"
                              : fmt::format("  {} error{}", count_text(numbers.errors),
                                            numbers.errors == 1 ? "" : "s");
  if (line.size() > columns) line.resize(columns);
  return line;
}

Progress::Progress(int fd) : fd_(fd), terminal_(can_rewrite(fd)) {}

double Progress::rate_since_last(const ProgressNumbers& numbers, std::uint64_t now_ns) {
  // Another phase counts something else: the rate before it says nothing.
  const bool comparable = last_ns_ != 0 && (numbers.phase == ProgressPhase::kConnecting) ==
                                               (last_.phase == ProgressPhase::kConnecting);
  if (!comparable) return 0;
  const std::uint64_t now = counted(numbers);
  const auto more = static_cast<double>(now - std::min(counted(last_), now));
  return more * static_cast<double>(kSecondNs) / static_cast<double>(now_ns - last_ns_);
}

void Progress::show(const ProgressNumbers& numbers) {
  if (!terminal_) return;
  const std::uint64_t now_ns = monotonic_ns();
  const bool due = last_ns_ == 0 || now_ns - last_ns_ >= kIntervalNs;
  if (!due) return;
  const double per_second = rate_since_last(numbers, now_ns);
  last_ns_ = now_ns;
  last_ = numbers;
  // A line that fills the last column would wrap on some terminals.
  const std::string line = progress_line(numbers, per_second, columns_of(fd_) - 1);
  write_all(fd_, fmt::format("\r{}\x1b[K", line));
  standing_ = true;
}

void Progress::erase() {
  if (!standing_) return;
  write_all(fd_, "\r\x1b[K");
  standing_ = false;
}

}  // namespace ringgate::bench
